// steps.py for Node: exported functions named step_..., taken in order, each reported by its name.
export const main = async (steps) => {
  const outcomes = {};
  for (const [name, step] of Object.entries(steps)) {
    if (process.argv.length > 2 && !process.argv.includes(name)) continue;
    try {
      await step();
      outcomes[name] = "";
    } catch (error) {
      outcomes[name] = `${error.stack} ${JSON.stringify(error)}`;
    }
  }
  console.log(`\nRESULT ${JSON.stringify(outcomes)}`);
};
