"""/opt/ml: where a container finds its configuration and leaves its results. The base folder is a parameter.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_VERSION = re.compile(r"(\d+)\.(\d+)")
_FIRST_GENERATION = (0, 72)


@dataclass(frozen=True)
class Environment:
    """base: the folder that AWS mounts at /opt/ml. image: the image's URI, empty where none is known."""

    base: Path
    image: str = ""
    gpus: int = 0

    @classmethod
    def of_process(cls, environ: Mapping[str, str] = os.environ) -> Environment:
        return cls(
            base=Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")),
            image=environ.get("SAGEWRIGHT_IMAGE", ""),
            gpus=int(environ.get("SM_NUM_GPUS") or 0),
        )

    @property
    def hyperparameters(self) -> dict[str, Any]:
        return self._config("hyperparameters")

    @property
    def input_data(self) -> dict[str, dict[str, str]]:
        """Channel name -> ContentType, TrainingInputMode, S3DistributionType, RecordWrapperType."""
        return self._config("inputdataconfig")

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        return tuple(self._config("resourceconfig").get("hosts") or ("algo-1",))

    @cached_property
    def current_host(self) -> str:
        return str(self._config("resourceconfig").get("current_host") or self.hosts[0])

    @property
    def data_folder(self) -> Path:
        return self.base / "input" / "data"

    @property
    def model_dir(self) -> Path:
        return self.base / "model"

    @property
    def output_dir(self) -> Path:
        """What lands in output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def failure_file(self) -> Path:
        return self.base / "output" / "failure"

    @cached_property
    def checkpoint_dir(self) -> Path | None:
        """None where the job keeps no checkpoints.

        A job keeps them when its CheckpointConfig named a folder (checkpointconfig.json) or when the platform brought
        the default one, checkpoints/.
        """
        if local := self._config("checkpointconfig").get("LocalPath"):
            return self.base / Path(local).relative_to("/opt/ml") if local.startswith("/opt/ml/") else Path(local)
        default = self.base / "checkpoints"
        return default if default.is_dir() else None

    @cached_property
    def version(self) -> tuple[int, int] | None:
        """(major, minor) of the container's version, by the image's tag; None where the image says none."""
        repository, _, tag = self.image.rpartition("/")[2].partition(":")
        if found := _VERSION.match(tag):
            return int(found[1]), int(found[2])
        return _FIRST_GENERATION if repository == "xgboost" else None

    def _config(self, name: str) -> dict[str, Any]:
        path = self.base / "input" / "config" / f"{name}.json"
        try:
            document = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        return dict(document or {})
