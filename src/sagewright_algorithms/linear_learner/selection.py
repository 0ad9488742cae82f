"""Binary model selection: the best threshold for a criterion, and how good each model is at its own best threshold.

https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html, binary_classifier_model_selection_criteria.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.linear_learner.rules import OLD_CRITERIA

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Points:
    """The thresholds that separate the rows, from that which calls none of them positive to that which calls all.

    true, called: (n + 1, models) positives among the rows called positive, and those rows; entry k calls the k rows
    with the highest scores. allowed: whether a threshold can do so: not within equal scores. scores: (n, models),
    descending. rows, positives: in all.
    """

    true: Array
    called: Array
    allowed: Array
    scores: Array
    rows: int
    positives: int


def points(scores: Array, labels: Array) -> Points:
    """scores: (n, models) float32. labels: (n,) of 0 and 1.

    A score's lowest bit is given up to carry the label through the sort, which is several times faster than an indirect
    one.
    """
    bits = np.ascontiguousarray(scores.T, np.float32).view(np.int32)
    keys = (bits & ~np.int32(1)) | labels.astype(np.int32)
    ordered = np.sort(keys.view(np.float32), axis=1)[:, ::-1].T.view(np.int32)
    rows, models = ordered.shape
    true = np.zeros((rows + 1, models), np.float32)
    np.cumsum(ordered & 1, axis=0, out=true[1:])
    plain = (ordered & ~np.int32(1)).view(np.float32)
    allowed = np.ones((rows + 1, models), bool)
    np.not_equal(plain[1:], plain[:-1], out=allowed[1:-1])
    called = np.arange(rows + 1, dtype=np.float32)[:, None]
    return Points(true, called, allowed, plain, rows, int(labels.sum()))


def _accuracy(at: Points, target: float) -> Array:
    return (2 * at.true - at.called + (at.rows - at.positives)) / np.float32(at.rows)


def _f_beta(at: Points, beta: float) -> Array:
    square = beta**2
    return np.float32(1 + square) * at.true / np.maximum(np.float32(square * at.positives) + at.called, 1e-30)


def _precision(at: Points) -> Array:
    return at.true / np.maximum(at.called, 1)


def _recall(at: Points) -> Array:
    return at.true / np.float32(max(at.positives, 1))


def _precision_at_recall(at: Points, target: float) -> Array:
    return np.where(_recall(at) >= target, _precision(at), -1)


def _recall_at_precision(at: Points, target: float) -> Array:
    """Where no threshold reaches the target, the nearest one is the best."""
    precision = _precision(at)
    return np.where(precision >= target, _recall(at), precision - 1 - np.float32(target))


_VALUES: Mapping[str, tuple[Callable[[Points, float], Array], str]] = {
    "accuracy": (_accuracy, ""),
    "f_beta": (_f_beta, "f_beta"),
    "precision_at_target_recall": (_precision_at_recall, "target_recall"),
    "recall_at_target_precision": (_recall_at_precision, "target_precision"),
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """name: one of CRITERIA other than loss_function. target: the F score's beta, or the target that is held."""

    name: str
    target: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Criterion | None:
        """None where the loss itself selects the model."""
        given = values["binary_classifier_model_selection_criteria"]
        name = OLD_CRITERIA.get(given, given)
        if values["predictor_type"] != "binary_classifier" or name not in _VALUES:
            return None
        parameter = _VALUES[name][1]
        return cls(name, float(values[parameter]) if parameter else 0.0)

    def best(self, scores: Array, labels: Array) -> tuple[Array, Array]:
        """(values, thresholds), (models,) each: a row is positive where its score is above the threshold.

        scores: (n, models). A target that cannot be reached gives the value 0; a model that has diverged gives -1.
        """
        at = points(scores, labels)
        found = np.where(at.allowed, _VALUES[self.name][0](at, self.target), -np.inf)
        chosen = found.argmax(axis=0)
        models = np.arange(found.shape[1])
        values = np.maximum(found[chosen, models], 0)
        values[~np.isfinite(scores).all(axis=0)] = -1
        return values, self._thresholds(at.scores, chosen)

    @staticmethod
    def _thresholds(scores: Array, chosen: Array) -> Array:
        """Halfway between the last score called positive and the first that is not."""
        models = np.arange(scores.shape[1])
        last = len(scores) - 1
        above = scores[np.clip(chosen - 1, 0, last), models].astype(np.float64)
        below = scores[np.clip(chosen, 0, last), models].astype(np.float64)
        middle = (above + below) / 2
        middle = np.where(chosen == 0, np.nextafter(above, np.inf) + 1e-6 * np.abs(above), middle)
        found: Array = np.where(chosen > last, np.nextafter(below, -np.inf) - 1e-6 * np.abs(below), middle)
        return found
