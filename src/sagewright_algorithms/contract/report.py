"""The log's lines, in the form of AWS's containers: the configuration, metrics for people and for CloudWatch."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.spec import AlgorithmSpec


def configuration(spec: AlgorithmSpec, environment: Environment, given: Mapping[str, Any]) -> None:
    """The job's first lines. given: its hyperparameters as they came."""
    if spec.first_party is None:
        log.info(f"Running {spec.name} in algorithm mode with the hyperparameters {given}")
        return
    defaults = spec.first_party.defaults(spec.hyperparameters)
    log.write_line("Docker entrypoint called with argument(s): train")
    log.write_line("Running default environment configuration script")
    log.info(f"Reading default configuration from sagewright_algorithms/{spec.package}: {defaults}")
    path = environment.base / "input" / "config" / "hyperparameters.json"
    log.info(f"Merging with provided configuration from {path}: {dict(given)}")
    log.info(f"Final configuration: {defaults | dict(given)}")


def begin(spec: AlgorithmSpec, environment: Environment) -> None:
    """What follows once the hyperparameters and channels are accepted."""
    if spec.first_party is not None:
        log.write_line(f"Process {os.getpid()} is a worker.")
        log.info("Using default worker.")
        log.info(f"Create Store: {'dist_sync' if len(environment.hosts) > 1 else 'local'}")


@dataclass
class Seen:
    """What a data iterator has seen; a pass ends with ``reset``."""

    records: int = 0
    batches: int = 0
    most_records: int = 0
    most_batches: int = 0
    resets: int = 0
    since: tuple[int, int] = (0, 0)

    def add(self, records: int, batches: int = 1) -> None:
        self.records += records
        self.batches += batches
        self.since = self.since[0] + records, self.since[1] + batches
        self.most_records, self.most_batches = (
            max(self.most_records, self.since[0]),
            max(self.most_batches, self.since[1]),
        )

    def reset(self) -> None:
        self.resets += 1
        self.since = 0, 0

    def metrics(self) -> dict[str, float]:
        return {
            "Total Records Seen": self.records,
            "Total Batches Seen": self.batches,
            "Max Records Seen Between Resets": self.most_records,
            "Max Batches Seen Between Resets": self.most_batches,
            "Reset Count": self.resets,
            "Number of Records Since Last Reset": self.since[0],
            "Number of Batches Since Last Reset": self.since[1],
        }


class Report:
    """A training's lines in the first-party form. host: this instance's name. algorithm: as metrics have it."""

    def __init__(self, host: str, algorithm: str) -> None:
        self.host = host
        self._algorithm = algorithm
        self._begin = time.time()

    def quality(self, what: str, value: float, *, loss: bool) -> None:
        """what: the rest of the line's words: the epoch, the channel and the metric."""
        log.info(f"#quality_metric: host={self.host}, {what} <{'loss' if loss else 'score'}>={value!r}")

    def score(self, channel: str, name: str, value: float) -> None:
        log.info(f"#{channel}_score ({self.host}) : ({name!r}, {value!r})")

    def progress(self, epoch: int, epochs: int) -> None:
        """epoch: how many are done."""
        log.info(f"#progress_metric: host={self.host}, completed {100 * epoch / epochs!r} % of epochs")

    def throughput(self, records: int, seconds: float) -> None:
        rate = records / max(seconds, 1e-9)
        log.info(f"#throughput_metric: host={self.host}, train throughput={rate!r} records/second")

    def no_test(self) -> None:
        log.info("Test data is not provided.")

    def metrics(self, values: Mapping[str, float], *, begin: float | None = None, **dimensions: Any) -> None:
        """A structured line. begin: when what is measured began, seconds since 1970. dimensions: epoch, Meta, model."""
        now = time.time()
        document = {
            "StartTime": now if begin is None else begin,
            "EndTime": now,
            "Dimensions": {"Algorithm": self._algorithm, "Host": self.host, "Operation": "training", **dimensions},
            "Metrics": {name: {"sum": v, "count": 1, "min": v, "max": v} for name, v in values.items()},
        }
        log.write_line(f"#metrics {json.dumps(document)}")

    def total(self, **values: float) -> None:
        """The last structured line: values and the time of it all, ms."""
        self.metrics({**values, "totaltime": (time.time() - self._begin) * 1000}, begin=self._begin)
