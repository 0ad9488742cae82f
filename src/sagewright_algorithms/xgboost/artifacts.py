"""Model files: written as the container of the image's version writes them, read as any version wrote them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import xgboost

from sagewright_algorithms.xgboost import legacy

MODEL_NAME = "xgboost-model"
_PICKLED_UNTIL = (1, 2)
_PICKLE_START = b"\x80"


class UnreadableModel(Exception):
    """A file that is no model of XGBoost, or one of a version that the installed libxgboost cannot read."""


def write(booster: Any, path: Path, version: tuple[int, int] | None = None) -> None:
    """UBJSON; a pickled Booster for containers up to 1.2, whose users unpickle it. version: the container's."""
    if version is not None and version <= _PICKLED_UNTIL:
        content = pickle.dumps(booster)
    else:
        content = bytes(booster.save_raw("ubj"))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder while training goes on.
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)


def read(path: Path) -> Any:
    """A Booster. Raises UnreadableModel.

    Unpickling runs what the file says; models come from the user's own bucket and load in the user's own sandbox.
    """
    content = path.read_bytes()
    try:
        if content.startswith(_PICKLE_START):
            booster = pickle.loads(content)  # noqa: S301
        else:
            if content.startswith(legacy.MAGIC):
                content = legacy.to_json(content)
            booster = xgboost.Booster(model_file=bytearray(content))
    except Exception as error:
        reason = str(error).split("\nStack trace:")[0]
        raise UnreadableModel(f"Model {path} cannot be loaded: {reason}") from error
    if not isinstance(booster, xgboost.Booster):
        raise UnreadableModel(f"Model {path} cannot be loaded: it is a pickled {type(booster).__name__}, not a Booster")
    return booster


def files(model_dir: Path) -> list[Path]:
    """The models in a folder, hidden files left out, in the order of their names."""
    return sorted(path for path in model_dir.iterdir() if path.is_file() and not path.name.startswith("."))
