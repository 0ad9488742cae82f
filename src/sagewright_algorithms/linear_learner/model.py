"""Loads a model folder and predicts with it.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/LL-in-formats.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Columns, Features, widen
from sagewright_algorithms.linear_learner import artifacts
from sagewright_algorithms.linear_learner.artifacts import Artifact

Array = NDArray[Any]

_CODECS = {
    "application/json": "json",
    "application/jsonlines": "jsonlines",
    "application/x-recordio-protobuf": "recordio-protobuf",
}


def load(model_dir: Path) -> Artifact:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    return artifacts.read(model_dir)


def predict(model: Artifact, batch: Features) -> Columns:
    """``score``: (rows,), or (rows, classes) of a multiclass classifier; ``predicted_label``: (rows,), of classifiers.

    batch: (rows, d). Raises RequestError.
    """
    width = len(model.weights)
    dense = isinstance(batch, np.ndarray)
    if not dense and batch.shape[1] < width:
        batch = widen(batch, width)
    if batch.shape[1] != width:
        raise RequestError(
            400,
            f"Unable to evaluate payload provided: cannot copy sequence with size {batch.shape[1]} to array axis with "
            f"dimension {width}",
        )
    if not np.isfinite(batch if dense else batch.data).all():
        raise RequestError(400, "Unable to evaluate payload provided: a feature is missing, infinite or not a number")
    raw: Array = np.asarray(batch @ model.weights) + model.bias
    if model.kind == "multiclass_classifier":
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return {"score": powers / powers.sum(axis=1, keepdims=True), "predicted_label": raw.argmax(axis=1)}
    score = raw[:, 0]
    if model.kind == "regressor":
        return {"score": score}
    labels = (score > model.threshold).astype(np.int64)
    if model.loss == "logistic":
        score = 1 / (1 + np.exp(-np.clip(score, -80, 80)))
    return {"score": score, "predicted_label": labels}


def encode(model: Artifact, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    body: bytes = codec(_CODECS[accept]).encode(columns)
    return body
