"""Blobs, jobs made of files, and several instances in one process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.channels import channels_of
from sagewright_algorithms.contract.collective import Collective, alone
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import TrainingJob, run
from sagewright_algorithms.kmeans.spec import SPEC
from unit.algorithms.side_by_side import side_by_side

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Blobs:
    """rows: (n, d) float32, in random order. centres: (k, d)."""

    rows: Array
    centres: Array


def make_blobs(count: int, k: int, width: int, *, apart: float = 10.0, seed: int = 0) -> Blobs:
    """Of spread 1, around centres whose coordinates have the spread ``apart``."""
    numbers = np.random.default_rng(seed)
    centres = numbers.normal(0, apart, (k, width))
    rows = centres[numbers.integers(0, k, count)] + numbers.normal(size=(count, width))
    return Blobs(rows.astype(np.float32), centres)


@pytest.fixture(scope="session")
def blobs() -> Blobs:
    return make_blobs(3000, 8, 5)


def csv_of(rows: Array) -> str:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in rows)


@dataclass(frozen=True)
class Folder:
    """/opt/ml of a job."""

    base: Path

    def put(self, channel: str, name: str, content: Array | str | bytes) -> None:
        path = self.base / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, np.ndarray):
            content = csv_of(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def configure(
        self, given: Mapping[str, Any], *, content_type: str = "text/csv;label_size=0", **channel: str
    ) -> None:
        """channel: members of each channel's configuration."""
        data, config = self.base / "input" / "data", self.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        names = sorted({path.name.split("_")[0] for path in data.iterdir()}) if data.exists() else ["train"]
        every = {"ContentType": content_type, "TrainingInputMode": "File", **channel}
        (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in given.items()}))
        (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(names, every)))

    def run(self, given: Mapping[str, Any], **channel: str) -> str:
        """The reason of the failure, empty where the job succeeds."""
        self.configure(given, **channel)
        code = run(SPEC, Environment(self.base))
        failure = self.base / "output" / "failure"
        assert failure.exists() is (code == 1)
        return failure.read_text() if code else ""

    def job(self, collective: Collective | None = None) -> TrainingJob:
        """As configured."""
        environment = Environment(self.base)
        channels = channels_of(SPEC, environment.input_data, environment.data_folder)
        return TrainingJob(
            environment, SPEC.parse(environment.hyperparameters), channels, collective=collective or alone()
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def instances() -> Callable[..., list[Any]]:
    """instances(count, work): the results of work(number, collective), run side by side by threads of this process."""
    return side_by_side
