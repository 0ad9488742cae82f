"""``python -m sagewright_tuning``: a JSON document a line in, one out, until standard input ends.

In: ``{"strategy", "ranges": [...], "trials": [...], "count", "maximize", "seed", "transfer"}`` (see ``propose.Task``).
Out: ``{"values": [{name: text}, ...]}``, or ``{"error": text}``.
"""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from sagewright_tuning.propose import Task, Trial, propose
from sagewright_tuning.space import space


def answer(line: str) -> dict[str, Any]:
    """One line's."""
    try:
        asked = json.loads(line)
        ranges, trials = space(asked.pop("ranges")), [Trial(**trial) for trial in asked.pop("trials")]
        return {"values": propose(Task(ranges=ranges, trials=trials, **asked))}
    except Exception as error:  # whoever asks must hear of it, and may ask for something else next
        return {"error": f"{type(error).__name__}: {error}"}


def serve(requests: TextIO, answers: TextIO) -> None:
    """Until requests end."""
    for line in requests:
        print(json.dumps(answer(line)), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
