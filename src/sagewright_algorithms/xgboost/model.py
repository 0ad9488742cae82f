"""Loads a model folder and predicts with it: one booster, or an ensemble of all in the folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.formats.examples import Columns, Features, widen
from sagewright_algorithms.xgboost import artifacts, responses
from sagewright_algorithms.xgboost.faults import message_of
from sagewright_algorithms.xgboost.scoring import DenseScorer

Array = NDArray[Any]

_VOTING = ("multi:softmax", "binary:hinge")


@dataclass(frozen=True, slots=True)
class Model:
    """scorers: one a booster, from a batch to scores. features: the columns it was trained on."""

    scorers: Sequence[Callable[[Features], Array]]
    objective: str
    features: int
    response: responses.Response


def load(model_dir: Path, environ: Mapping[str, str] = os.environ) -> Model:
    """Raises artifacts.UnreadableModel and OSError.

    SAGEMAKER_INFERENCE_ENSEMBLE=false loads the folder's first model only.
    """
    paths = artifacts.files(model_dir)
    if not paths:
        raise artifacts.UnreadableModel(f"There is no model in {model_dir}")
    if environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") != "true":
        paths = paths[:1]
    scorers = []
    for path in paths:
        log.info(f"Loading the model from {path}")
        booster = artifacts.read(path)
        # A thread a request: workers and requests run side by side, and threads cost small batches more than they give.
        booster.set_param({"nthread": 1})
        scorers.append(_scorer(booster))
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    log.info(f"Model objective : {objective}")
    classes = int(learner["learner_model_param"].get("num_class", 0))
    return Model(
        scorers=scorers,
        objective=objective,
        features=booster.num_features(),
        response=responses.Response.of(environ, objective, classes),
    )


def _rounds(booster: Any) -> tuple[int, int]:
    """All rounds, or those up to the best one where early stopping left later ones in the model."""
    best = booster.attr("best_iteration")
    return (0, 0) if best is None else (0, min(int(best) + 1, booster.num_boosted_rounds()))


def _scorer(booster: Any) -> Callable[[Features], Array]:
    rounds = _rounds(booster)
    options: dict[str, Any] = {"iteration_range": rounds, "validate_features": False}
    plain = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gbtree"
    dense = DenseScorer(booster, rounds)

    def score(batch: Features) -> Array:
        found: Array
        if not plain:
            # In place libxgboost has no linear booster, and rounds dart's scores differently.
            found = booster.predict(xgboost.DMatrix(batch, nthread=1), **options)
        elif isinstance(batch, np.ndarray):
            found = dense(batch)
        else:
            found = booster.inplace_predict(batch, **options)
        return found

    return score


def predict(model: Model, batch: Features) -> Columns:
    """``score``: (rows,), or (rows, classes) of multi:softprob; or what SAGEMAKER_INFERENCE_OUTPUT selects.

    batch: (rows, d). Raises RequestError.
    """
    if batch.shape[1] > model.features:
        raise RequestError(
            400,
            f"Unable to evaluate payload provided: Feature size of inference data {batch.shape[1]} is not consistent "
            f"with feature size of trained model {model.features}.",
        )
    if batch.shape[1] < model.features:
        batch = _pad(batch, model.features)
    if isinstance(batch, np.ndarray) and np.isinf(batch).any():
        row = int(np.flatnonzero(np.isinf(batch).any(axis=1))[0])
        raise RequestError(400, f"Unable to evaluate payload provided: row {row + 1}: a feature is infinite")
    try:
        scores = [score(batch) for score in model.scorers]
    except xgboost.core.XGBoostError as error:
        raise RequestError(400, f"Unable to evaluate payload provided: {message_of(error)}") from error
    return model.response.columns(scores[0] if len(scores) == 1 else _combine(scores, model.objective))


def _pad(batch: Features, width: int) -> Features:
    """The features that a row leaves out at its end are missing."""
    if isinstance(batch, np.ndarray):
        return np.pad(batch, ((0, 0), (0, width - batch.shape[1])), constant_values=np.nan)
    return widen(batch, width)


def _combine(scores: Sequence[Array], objective: str) -> Array:
    """The majority's class, the lowest of several; the mean of anything else."""
    if objective not in _VOTING:
        mean: Array = np.mean(scores, axis=0)
        return mean
    votes = np.asarray(scores)
    classes = np.unique(votes)
    counts = np.stack([(votes == one).sum(axis=0) for one in classes])
    winners: Array = classes[counts.argmax(axis=0)]
    return winners


def encode(model: Model, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    return model.response.encode(columns, accept)
