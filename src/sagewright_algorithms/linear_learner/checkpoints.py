"""Checkpoints: the state of the training after each epoch, in one file that the next one replaces.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html. AWS documents that linear learner keeps them,
not what they look like.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.linear_learner.evaluation import Chosen

if TYPE_CHECKING:
    from sagewright_algorithms.linear_learner.training import Training

NAME = "linear-learner-checkpoint.npz"
_PASSING = ("epochs", "early_stopping_patience", "early_stopping_tolerance")
"""Hyperparameters that say how long to train; a job that goes on may have others."""


def save(training: Training) -> None:
    """After an epoch, by the first instance; nothing where the job keeps no checkpoints."""
    folder = training.folder
    if folder is None or not training.instances.first:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder while training goes on.
    part = folder / f".{NAME}.part"
    with part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, settings=np.array(_settings(training)), **_state(training))
    os.replace(part, folder / NAME)


def restore(training: Training) -> None:
    """Goes on where a checkpoint of the same job left off, if the first instance has one that it can read."""
    found = _read(training.folder / NAME, training) if training.folder and training.instances.first else None
    instances = training.instances
    if not instances.any(value=found is not None):
        return
    state = {name: instances.agree(found[name] if found else None) for name in _state(training)}
    training.ensemble.restore(lambda name: state[name])
    number, epoch, threshold, cost, loss, best, waited, done = state["facts"].tolist()
    training.chosen = Chosen(int(number), int(epoch), state["chosen"], threshold, cost, loss)
    training.progress.best, training.progress.waited, training.epoch = best, int(waited), int(done)
    log.info(f"Resuming from epoch {training.epoch}")


def _state(training: Training) -> dict[str, NDArray[Any]]:
    chosen, progress = training.chosen, training.progress
    parameters = training.ensemble.model(0) if chosen is None else chosen.parameters
    of_chosen = (
        (0, 0, 0, 0, 0) if chosen is None else (chosen.number, chosen.epoch, chosen.threshold, chosen.cost, chosen.loss)
    )
    facts = np.array([*of_chosen, progress.best, progress.waited, training.epoch], np.float64)
    return {**training.ensemble.state(), "chosen": parameters, "facts": facts}


def _read(path: Path, training: Training) -> dict[str, NDArray[Any]] | None:
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            if arrays["settings"].item() != _settings(training):
                log.warning(f"The checkpoint {path} is of another job; training starts from the beginning.")
                return None
            found = {name: np.asarray(arrays[name]) for name in _state(training)}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        log.warning(f"The checkpoint {path} cannot be read ({error}); training starts from the beginning.")
        return None
    log.info(f"Checkpoint loaded from {path}")
    return found


def _settings(training: Training) -> str:
    """What must be the same for a checkpoint to fit."""
    settings, shape = training.ensemble.settings, training.ensemble.parameters.shape
    values = {name: value for name, value in settings.values.items() if name not in _PASSING and name[0] != "_"}
    columns = {name: column.tolist() for name, column in settings.columns.items()}
    return json.dumps([values, columns, shape], sort_keys=True, default=str)
