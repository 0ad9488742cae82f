"""``model_algo-1``: MXNet's file of arrays, as AWS's container leaves it: ``s`` (k,), ``v`` (d, k), ``mean`` (1, d).

``s`` is ascending: the top component is the last. ``mean`` is absent where it is not subtracted.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.formats.examples import FormatError
from sagewright_algorithms.pca.components import Components

NAME = "model_algo-1"


class UnreadableModel(Exception):
    """A model folder without a model that can be read."""


def write(model_dir: Path, model: Components) -> None:
    arrays = {"s": model.singular, "v": model.vectors}
    if model.mean is not None:
        arrays["mean"] = model.mean[None]
    content = ndarrays.encode({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()})
    model_dir.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder at any time.
    part = model_dir / f".{NAME}.part"
    part.write_bytes(content)
    os.replace(part, model_dir / NAME)


def read(model_dir: Path) -> Components:
    """float32 arrays. Raises UnreadableModel."""
    path = model_dir / NAME
    if not path.is_file():
        raise UnreadableModel(f"There is no {NAME} in {model_dir}")
    try:
        arrays = ndarrays.decode(path.read_bytes())
        singular, vectors = arrays["s"], arrays["v"]
        mean = arrays["mean"].reshape(-1) if "mean" in arrays else None
    except (FormatError, KeyError) as error:
        raise UnreadableModel(f"Model {path} cannot be loaded: {error}") from error
    width, count = vectors.shape if vectors.ndim == 2 else (0, 0)
    if singular.shape != (count,) or (mean is not None and len(mean) != width):
        raise UnreadableModel(f"Model {path} cannot be loaded: its arrays do not fit together")
    return Components(singular, vectors, mean)
