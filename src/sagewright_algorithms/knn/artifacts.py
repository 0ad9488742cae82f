"""``model_algo-1`` (faiss's file), ``model_algo-1.labels`` (float32) and ``model_algo-1.json``, as AWS's container's.

``k`` and ``predictor_type`` in the JSON may be edited before the model is hosted.
https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_how-it-works.html
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sagewright_algorithms.formats.examples import Floats
from sagewright_algorithms.knn import index as indexes
from sagewright_algorithms.knn.points import Points
from sagewright_algorithms.knn.reduction import Reduction

NAME = "model_algo-1"
_LABELS, _METADATA = f"{NAME}.labels", f"{NAME}.json"
_VERSION = "1.0"


class UnreadableModel(Exception):
    """A model folder without a model that can be read."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """index: faiss's. labels: (n,) float32 of its rows."""

    k: int
    kind: str
    points: Points
    index: Any
    labels: Floats


def write(model_dir: Path, model: Artifact) -> None:
    model_dir.mkdir(parents=True, exist_ok=True)
    points = model.points
    metadata = {
        "k": model.k,
        "predictor_type": model.kind,
        "dimension_reduction": asdict(points.reduction) if points.reduction else None,
        "normalize": points.normalize,
        "version": _VERSION,
        "feature_dim": points.width,
    }
    parts = {name: model_dir / f".{name}.part" for name in (NAME, _LABELS, _METADATA)}
    indexes.write(parts[NAME], model.index)
    parts[_LABELS].write_bytes(model.labels.astype("<f4").tobytes())
    parts[_METADATA].write_text(json.dumps(metadata))
    # Renamed into place: the platform uploads the folder at any time.
    for name, part in parts.items():
        os.replace(part, model_dir / name)


def read(model_dir: Path) -> Artifact:
    """Raises UnreadableModel."""
    for name in (NAME, _LABELS, _METADATA):
        if not (model_dir / name).is_file():
            raise UnreadableModel(f"There is no {name} in {model_dir}")
    try:
        metadata = json.loads((model_dir / _METADATA).read_text())
        index = indexes.read(model_dir / NAME)
        labels = np.frombuffer((model_dir / _LABELS).read_bytes(), "<f4")
        return _artifact(metadata, index, labels)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableModel(f"Model {model_dir / NAME} cannot be loaded: {error}") from error


def _artifact(metadata: Mapping[str, Any], index: Any, labels: Floats) -> Artifact:
    """Raises ValueError where the parts do not fit together."""
    k, kind = int(metadata["k"]), metadata["predictor_type"]
    reduced = metadata.get("dimension_reduction")
    reduction = Reduction(**reduced) if reduced else None
    if kind not in ("classifier", "regressor") or (reduction and reduction.type not in ("sign", "fjlt")):
        raise ValueError(f"{_METADATA} names what there is not")
    if len(labels) != index.ntotal:
        raise ValueError(f"{len(labels)} labels for {index.ntotal} rows")
    if not 1 <= k <= index.ntotal:
        raise ValueError(f"k must be between 1 and the {index.ntotal} rows of the index, found {k}")
    if reduction and reduction.target_dim != index.d:
        raise ValueError(f"rows are reduced to {reduction.target_dim} dimensions, the index has {index.d}")
    width = reduction.input_dim if reduction else int(metadata.get("feature_dim", index.d))
    if not reduction and not 1 <= width <= index.d:
        raise ValueError(f"feature_dim = {width} does not fit an index of {index.d} dimensions")
    return Artifact(k, kind, Points(width, index.d, reduction, bool(metadata["normalize"])), index, labels)
