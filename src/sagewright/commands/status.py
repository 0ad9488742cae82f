"""``sagewright status``: the server, and its jobs and endpoints by status."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sagewright.commands.calls import call, credentials
from sagewright.commands.servers import Running, add_place, find_at

_KINDS = (
    ("training jobs", "ListTrainingJobs", "TrainingJobSummaries", "TrainingJobStatus"),
    ("endpoints", "ListEndpoints", "Endpoints", "EndpointStatus"),
)
"""Title, operation, and in its answer the list and the member that has the status."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place(parser)


def run(options: argparse.Namespace) -> int:
    running = find_at(options)
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_row("server", f"{running.url}, pid {running.pid}, up {_duration(time.time() - running.started)}")
    table.add_row("proxy", running.proxy_url)
    table.add_row("data", str(running.data_dir))
    environment = {**os.environ, **credentials(running, os.environ)}
    for title, *kind in _KINDS:
        counts = Counter(_statuses(running, environment, *kind))
        table.add_row(title, ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none")
    Console(soft_wrap=True).print(table)
    return 0


def _statuses(
    running: Running, environment: Mapping[str, str], operation: str, members: str, status: str
) -> Iterator[str]:
    request: dict[str, Any] = {"MaxResults": 100}
    while True:
        page = call(running, "sagemaker", f"SageMaker.{operation}", request, environment)
        yield from (item[status] for item in page[members])
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
