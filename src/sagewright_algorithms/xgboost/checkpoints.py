"""Checkpoints: ``xgboost-checkpoint.<round>`` after every round, the last five kept.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import xgboost

from sagewright_algorithms.contract import log
from sagewright_algorithms.xgboost import artifacts

_NAME = re.compile(r"xgboost-checkpoint\.(\d+)")
_KEPT = 5
_UPLOADING = ".sagemaker-uploading"
_UPLOADED = ".sagemaker-uploaded"


def latest(folder: Path | None) -> tuple[Any, int]:
    """The newest checkpoint that can be read, and the rounds it has behind it; (None, 0) where there is none."""
    for number, path in reversed(_numbered(folder) if folder else []):
        try:
            booster = artifacts.read(path)
        except artifacts.UnreadableModel as error:
            log.warning(f"{error}; trying an earlier checkpoint.")
            continue
        log.info(f"Checkpoint loaded from {path}")
        log.info(f"Resuming from iteration {number + 1}")
        return booster, number + 1
    return None, 0


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match)


class Save(xgboost.callback.TrainingCallback):
    """Writes a checkpoint after each round. start: rounds before this training."""

    def __init__(self, folder: Path, start: int) -> None:
        self._folder = folder
        self._start = start

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        artifacts.write(model, self._folder / f"xgboost-checkpoint.{self._start + epoch}")
        for _, path in _numbered(self._folder)[:-_KEPT]:
            if not _is_uploading(path):
                path.unlink(missing_ok=True)
        return False


def _is_uploading(path: Path) -> bool:
    return path.with_name(path.name + _UPLOADING).exists() and not path.with_name(path.name + _UPLOADED).exists()
