"""Loads a model folder and predicts with it.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/km-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.rows import checked_request
from sagewright_algorithms.contract.tables import RESPONSE_FORMATS
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Columns, Features, Floats
from sagewright_algorithms.kmeans import artifacts
from sagewright_algorithms.kmeans.rows import Centres


class Model:
    """centres: (k, d) float32."""

    def __init__(self, centres: Floats) -> None:
        self.centres = centres
        self._shift = centres.mean(axis=0)
        self._around = Centres(centres - self._shift)
        self._plain = Centres(centres)

    def nearest(self, rows: Features) -> tuple[Floats, Floats]:
        """((n,) numbers of the nearest centres, (n,) Euclidean distances to them)."""
        dense = isinstance(rows, np.ndarray)
        # Far from the origin, single precision would not tell near centres apart.
        centres, rows = (self._around, rows - self._shift) if dense else (self._plain, rows)
        labels = centres.labels(rows)
        return labels.astype(np.float32), np.sqrt(centres.distances(rows, labels))


def load(model_dir: Path) -> Model:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    return Model(artifacts.read(model_dir))


def predict(model: Model, batch: Features) -> Columns:
    """``closest_cluster`` and ``distance_to_cluster``: (rows,). batch: (rows, d). Raises RequestError."""
    rows = checked_request(batch, model.centres.shape[1])
    numbers, distances = model.nearest(rows)
    return {"closest_cluster": numbers, "distance_to_cluster": distances}


def encode(model: Model, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    body: bytes = codec(RESPONSE_FORMATS[accept]).encode(columns)
    return body
