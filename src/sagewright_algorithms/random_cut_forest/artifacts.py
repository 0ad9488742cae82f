"""``model_algo-1``: the forest's arrays by name, in MXNet's format. AWS's file of this name is not documented."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.formats.examples import FormatError
from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from sagewright_algorithms.random_cut_forest.forest.trees import Trees, check

NAME = "model_algo-1"
_DIMENSIONS = "dimensions"


class UnreadableModel(Exception):
    """A model folder without a model that can be read."""


def write(model_dir: Path, forest: Forest) -> None:
    arrays = forest.trees._asdict()
    # The format has no unsigned 64-bit numbers.
    arrays["random"] = arrays["random"].view(np.int64)
    arrays[_DIMENSIONS] = np.array([forest.dimensions], np.int64)
    model_dir.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder at any time.
    part = model_dir / f".{NAME}.part"
    part.write_bytes(ndarrays.encode(arrays))
    os.replace(part, model_dir / NAME)


def read(model_dir: Path) -> Forest:
    """Raises UnreadableModel."""
    path = model_dir / NAME
    if not path.is_file():
        raise UnreadableModel(f"There is no {NAME} in {model_dir}")
    try:
        arrays = {name: array.copy() for name, array in ndarrays.decode(path.read_bytes()).items()}
        dimensions = int(arrays.pop(_DIMENSIONS)[0])
        arrays["random"] = arrays["random"].view(np.uint64)
        trees = Trees(**arrays)
        check(trees, dimensions)
    except (FormatError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UnreadableModel(f"Model {path} cannot be loaded: {error}") from error
    return Forest(trees, dimensions)
