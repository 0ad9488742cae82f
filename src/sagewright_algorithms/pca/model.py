"""Loads a model folder and projects onto its components.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/PCA-in-formats.html.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.rows import checked_request
from sagewright_algorithms.contract.tables import RESPONSE_FORMATS
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats import json as json_format
from sagewright_algorithms.formats.examples import Columns, Features, Floats
from sagewright_algorithms.pca import artifacts
from sagewright_algorithms.pca.components import Components


def load(model_dir: Path) -> Components:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    return artifacts.read(model_dir)


def predict(model: Components, batch: Features) -> Columns:
    """``projection``: (rows, k), the top component last. batch: (rows, d). Raises RequestError."""
    return {"projection": project(model, checked_request(batch, len(model.vectors)))}


def project(model: Components, rows: Features) -> Floats:
    """(rows, k)."""
    vectors: Floats = np.asarray(model.vectors, np.float32)
    if model.mean is None:
        return np.asarray(rows @ vectors)
    mean: Floats = np.asarray(model.mean, np.float32)
    if isinstance(rows, np.ndarray):
        return np.asarray((rows - mean) @ vectors)
    return np.asarray(rows @ vectors - mean @ vectors)


def encode(model: Components, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    if accept == "application/json":
        return json_format.encode(columns, "projections")
    body: bytes = codec(RESPONSE_FORMATS[accept]).encode(columns)
    return body
