"""Loads a model folder and predicts with it.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN-inference-formats.html.
"""

from __future__ import annotations

from pathlib import Path

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.rows import checked_request
from sagewright_algorithms.contract.tables import RESPONSE_FORMATS
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Columns, Features
from sagewright_algorithms.knn import artifacts
from sagewright_algorithms.knn.artifacts import Artifact
from sagewright_algorithms.knn.index import search
from sagewright_algorithms.knn.voting import Vote


class Model:
    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self._vote = Vote(artifact.kind, artifact.labels)

    def predict(self, rows: Features) -> Columns:
        """``predicted_label``: (n,). ``distances``, ``labels``: (n, k), the nearest first. rows: (n, d), finite."""
        artifact = self.artifact
        distances, found = search(artifact.index, artifact.points(rows), artifact.k)
        return {"predicted_label": self._vote(found), "distances": distances, "labels": artifact.labels[found]}


def load(model_dir: Path) -> Model:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    return Model(artifacts.read(model_dir))


def predict(model: Model, batch: Features) -> Columns:
    """As the model's own. Raises RequestError."""
    return model.predict(checked_request(batch, model.artifact.points.width))


def encode(model: Model, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    body: bytes = codec(RESPONSE_FORMATS[accept]).encode(columns)
    return body
