"""Loads a model folder and predicts with it.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/fm-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.rows import checked_request
from sagewright_algorithms.factorization_machines import artifacts
from sagewright_algorithms.factorization_machines.artifacts import Artifact
from sagewright_algorithms.factorization_machines.data import plain
from sagewright_algorithms.factorization_machines.parameters import scores
from sagewright_algorithms.factorization_machines.spec import FORMATS
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Columns, Features


class Model:
    def __init__(self, artifact: Artifact) -> None:
        self.kind, self.parameters = artifact.kind, artifact.parameters
        self._lengths = artifact.parameters.lengths

    @property
    def width(self) -> int:
        return len(self.parameters.linear)

    def predict(self, rows: Features) -> Columns:
        """``score``: (n,); ``predicted_label``: (n,), of a classifier. rows: (n, d), finite."""
        found = scores(self.parameters, self._lengths, plain(rows))
        if self.kind == "regressor":
            return {"score": found}
        chances = 1 / (1 + np.exp(-np.clip(found, -80, 80)))
        return {"score": chances, "predicted_label": (chances >= 0.5).astype(np.int64)}


def load(model_dir: Path) -> Model:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    return Model(artifacts.read(model_dir))


def predict(model: Model, batch: Features) -> Columns:
    """As the model's own. Raises RequestError."""
    return model.predict(checked_request(batch, model.width))


def encode(model: Model, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    body: bytes = codec(FORMATS[accept]).encode(columns)
    return body
