"""Loads a model folder and predicts with it.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/LL-in-formats.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.rows import checked_request
from sagewright_algorithms.contract.tables import RESPONSE_FORMATS
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Columns, Features
from sagewright_algorithms.linear_learner import artifacts
from sagewright_algorithms.linear_learner.artifacts import Artifact

Array = NDArray[Any]


def load(model_dir: Path) -> Artifact:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    return artifacts.read(model_dir)


def predict(model: Artifact, batch: Features) -> Columns:
    """``score``: (rows,), or (rows, classes) of a multiclass classifier; ``predicted_label``: (rows,), of classifiers.

    batch: (rows, d). Raises RequestError.
    """
    batch = checked_request(batch, len(model.weights))
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
    body: bytes = codec(RESPONSE_FORMATS[accept]).encode(columns)
    return body
