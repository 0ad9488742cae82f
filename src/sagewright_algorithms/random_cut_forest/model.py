"""Loads a model folder and scores requests with it.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/rcf-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.rows import checked_request
from sagewright_algorithms.contract.tables import RESPONSE_FORMATS
from sagewright_algorithms.formats import codec, json
from sagewright_algorithms.formats.examples import Columns, Features
from sagewright_algorithms.random_cut_forest import artifacts
from sagewright_algorithms.random_cut_forest.data import dense
from sagewright_algorithms.random_cut_forest.forest.forest import Forest


def load(model_dir: Path) -> Forest:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    forest = artifacts.read(model_dir)
    # The first score compiles what all others use: better now than when a request waits.
    forest.score(np.zeros((1, forest.dimensions), np.float32))
    return forest


def predict(model: Forest, batch: Features) -> Columns:
    """``score``: (rows,). batch: (rows, d). Raises RequestError."""
    return {"score": model.score(dense(checked_request(batch, model.dimensions)))}


def encode(model: Forest, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    if accept == "application/json":
        return json.encode(columns, root="scores")
    body: bytes = codec(RESPONSE_FORMATS[accept]).encode(columns)
    return body
