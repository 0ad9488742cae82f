"""``sagewright demo``: examples/xgboost_sdk_v2.py, on a server and a data folder of its own."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sagewright.commands import CommandFailed
from sagewright.commands.calls import call
from sagewright.commands.environment import for_children
from sagewright.commands.run import server
from sagewright.commands.servers import Running
from sagewright.config import load
from sagewright.runtime import instances

_ROOT = Path(__file__).parents[3]
_EXAMPLE = _ROOT / "examples" / "xgboost_sdk_v2.py"
_HARNESS = _ROOT / "tests" / "clients" / "harness.py"
_STEP = "== "
"""Begins the lines by which the example says that a step begins, and with ``: <seconds> s`` that it ended."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    begin = time.monotonic()
    table = _table()
    with console.status("the SageMaker Python SDK v2, in a virtualenv of its own"):
        python = _client()
    console.print(f"[bold]{_EXAMPLE.relative_to(_ROOT)}[/], unmodified, with the SageMaker Python SDK v2")
    with tempfile.TemporaryDirectory(prefix="sagewright-demo-") as folder:
        environment = _without_aws(os.environ)
        with server(load({"port": 0, "data_dir": folder})) as running:
            environment = for_children(running, environment)
            words = [python, "-u", str(_EXAMPLE), table]
            record = Record()
            with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
                for line in record.follow(process.stdout or ()):
                    is_step = line.startswith(_STEP)
                    console.print(line, style="bold cyan" if is_step else None, markup=False)
            if process.returncode != 0:
                raise CommandFailed(f"the example ended with status {process.returncode}")
            _summarise(console, record, running, environment)
    console.print(f"\nAll of it in {time.monotonic() - begin:.1f} s. Your own program: sagewright run -- CMD...")
    return 0


@dataclass
class Record:
    """The steps of the example. seconds: by title, in order. ended: when each did, on the monotonic clock."""

    seconds: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    def follow(self, lines: Iterable[str]) -> Iterator[str]:
        """The same lines without their ends; steps are taken down as they pass."""
        for line in lines:
            text = line.rstrip("\n")
            title, found, rest = text.removeprefix(_STEP).rpartition(": ")
            if text.startswith(_STEP) and found and rest.endswith(" s"):
                self.seconds[title] = float(rest.removesuffix(" s"))
                self.ended[title] = time.monotonic()
            yield text


def _table() -> str:
    """The CSV file of the breast cancer set, in scikit-learn's package."""
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise CommandFailed("scikit-learn, whose data the demo trains on, is not installed")
    return str(Path(found.origin).parent / "datasets" / "data" / "breast_cancer.csv")


def _client() -> str:
    if not _EXAMPLE.exists() or not _HARNESS.exists():
        raise CommandFailed("the demo runs from a checkout of Sagewright's sources: git clone it, then `make demo`")
    made = subprocess.run([sys.executable, str(_HARNESS), "sdk_v2"], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode != 0:
        raise CommandFailed("no virtualenv with the SageMaker Python SDK could be made; pip says why above")
    return made.stdout.strip()


def _without_aws(base: Mapping[str, str]) -> dict[str, str]:
    """base, with nothing in it of the user's own AWS account."""
    kept = {name: value for name, value in base.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**kept, **nothing, "SAGEMAKER_SUPPRESS_V2_WARNING": "1", "PYTHONWARNINGS": "ignore"}


def _summarise(console: object, record: Record, running: Running, environment: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="what it took, and what AWS would have billed", title_justify="left")
    table.add_column("step")
    table.add_column("here", justify="right")
    table.add_column("on AWS (us-east-1, on demand)", justify="right")
    bills = dict(_bills(record, running, environment))
    for title, seconds in record.seconds.items():
        table.add_row(title, f"{seconds:.1f} s", bills.get(title, ""))
    assert isinstance(console, Console)
    console.print()
    console.print(table)


def _bills(record: Record, running: Running, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    listed = call(running, "sagemaker", "SageMaker.ListTrainingJobs", {}, environment)["TrainingJobSummaries"]
    for item in listed:
        name = {"TrainingJobName": item["TrainingJobName"]}
        job = call(running, "sagemaker", "SageMaker.DescribeTrainingJob", name, environment)
        resources = job["ResourceConfig"]
        yield "fit", _bill(resources["InstanceType"], job["BillableTimeInSeconds"] * resources["InstanceCount"])
        if "deploy" in record.ended:
            in_service = max(record.ended.values()) - record.ended["deploy"]
            yield "deploy", _bill(resources["InstanceType"], max(1.0, in_service))


def _bill(instance_type: str, seconds: float) -> str:
    price = instances.lookup(instance_type).usd_per_hour
    return f"{seconds:.0f} s of {instance_type} at ${price:.3f}/h = ${price * seconds / 3600:.5f}"
