"""A job's folder, and a run of it in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.xgboost import artifacts
from sagewright_algorithms.xgboost.spec import SPEC


@dataclass
class Folder:
    """/opt/ml of one job."""

    base: Path
    capture: pytest.CaptureFixture[str]

    def put(self, channel: str, name: str, content: bytes | str) -> Path:
        path = self.base / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(
        self,
        hyperparameters: Mapping[str, str],
        content_type: str | None = "text/csv",
        *,
        mode: str = "File",
        **env: Any,
    ) -> tuple[int, str]:
        """(exit code, log)."""
        config = self.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        channel = {"TrainingInputMode": mode} | ({"ContentType": content_type} if content_type else {})
        folder = self.base / "input" / "data"
        names = sorted({path.name.removesuffix("_0") for path in folder.iterdir()}) if folder.exists() else []
        (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
        (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(names, channel)))
        self.capture.readouterr()
        code = run(SPEC, Environment(self.base, **env))
        return code, self.capture.readouterr().out

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    def model(self, name: str = "xgboost-model") -> xgboost.Booster:
        return artifacts.read(self.base / "model" / name)


@pytest.fixture
def folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Folder:
    return Folder(tmp_path, capfd)


def csv_of(*columns: Any) -> str:
    """Numbers as CSV text; each column (n,) or (n, d)."""
    table = np.column_stack(columns)
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table)


@pytest.fixture
def features() -> np.ndarray[Any, Any]:
    """(200, 4), with float32 precision."""
    return np.random.default_rng(7).normal(size=(200, 4)).astype(np.float32)
