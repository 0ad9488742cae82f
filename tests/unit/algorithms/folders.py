"""/opt/ml of a job that runs in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sagewright_algorithms.contract.channels import channels_of
from sagewright_algorithms.contract.collective import Collective, alone
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import TrainingJob, run
from sagewright_algorithms.contract.spec import AlgorithmSpec

Array = np.ndarray[Any, Any]


def csv_of(rows: Array) -> str:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in rows)


@dataclass(frozen=True)
class Folder:
    base: Path
    spec: AlgorithmSpec

    @property
    def model_dir(self) -> Path:
        return self.base / "model"

    def put(self, channel: str, name: str, content: Array | str | bytes) -> None:
        """content: of a file; rows become CSV."""
        path = self.base / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, np.ndarray):
            content = csv_of(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def configure(self, given: Mapping[str, Any], content_type: str, **channel: str) -> None:
        """channel: further members of each channel's configuration."""
        data, config = self.base / "input" / "data", self.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        names = sorted({path.name.split("_")[0] for path in data.iterdir()}) if data.exists() else ["train"]
        every = {"ContentType": content_type, "TrainingInputMode": "File", **channel}
        (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in given.items()}))
        (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(names, every)))

    def run(self, given: Mapping[str, Any], content_type: str, **channel: str) -> str:
        """The reason of the failure, empty where the job succeeds."""
        self.configure(given, content_type, **channel)
        code = run(self.spec, Environment(self.base))
        failure = self.base / "output" / "failure"
        assert failure.exists() is (code == 1)
        return failure.read_text() if code else ""

    def job(self, collective: Collective | None = None) -> TrainingJob:
        """As configured."""
        environment = Environment(self.base)
        channels = channels_of(self.spec, environment.input_data, environment.data_folder)
        values = self.spec.parse(environment.hyperparameters)
        return TrainingJob(environment, values, channels, collective=collective or alone())
