"""``model_algo-1``: MXNet's list of one array, the centres (k, d), as AWS's container leaves it.

``mx.nd.load("model_algo-1")[0]`` reads it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.formats.examples import Floats, FormatError

NAME = "model_algo-1"


class UnreadableModel(Exception):
    """A model folder without a model that can be read."""


def write(model_dir: Path, centres: Floats) -> None:
    model_dir.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder at any time.
    part = model_dir / f".{NAME}.part"
    part.write_bytes(ndarrays.encode([centres]))
    os.replace(part, model_dir / NAME)


def read(model_dir: Path) -> Floats:
    """Raises UnreadableModel."""
    path = model_dir / NAME
    if not path.is_file():
        raise UnreadableModel(f"There is no {NAME} in {model_dir}")
    try:
        arrays = list(ndarrays.decode(path.read_bytes()).values())
    except FormatError as error:
        raise UnreadableModel(f"Model {path} cannot be loaded: {error}") from error
    if len(arrays) != 1 or arrays[0].ndim != 2 or not arrays[0].size:
        raise UnreadableModel(f"Model {path} cannot be loaded: it is not one array of centres")
    return np.ascontiguousarray(arrays[0], np.float32)
