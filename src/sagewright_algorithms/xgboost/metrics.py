"""Evaluation metrics: which ones a job asks for, and those that the container adds to libxgboost's own.

The additions are scikit-learn's; classes are argmax, or the margin's sign (a probability over one half). rmse and mae
are libxgboost's, which count instance weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.xgboost.rules import MAXIMIZED

Array = NDArray[Any]

_PROBABILITIES = ("binary:logistic", "reg:logistic")
_CLASSES = ("multi:softmax", "binary:hinge")

_CLASS_METRICS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "accuracy": ("accuracy_score", {}),
    "balanced_accuracy": ("balanced_accuracy_score", {}),
    "f1": ("f1_score", {"average": "macro", "zero_division": 0}),
    "f1_binary": ("f1_score", {"average": "binary", "zero_division": 0}),
    "f1_macro": ("f1_score", {"average": "macro", "zero_division": 0}),
    "precision": ("precision_score", {"average": "binary", "zero_division": 0}),
    "precision_macro": ("precision_score", {"average": "macro", "zero_division": 0}),
    "precision_micro": ("precision_score", {"average": "micro", "zero_division": 0}),
    "recall": ("recall_score", {"average": "binary", "zero_division": 0}),
    "recall_macro": ("recall_score", {"average": "macro", "zero_division": 0}),
    "recall_micro": ("recall_score", {"average": "micro", "zero_division": 0}),
}
_VALUE_METRICS = {"mse": "mean_squared_error", "r2": "r2_score"}
_ADDED = (*_CLASS_METRICS, *_VALUE_METRICS)


@dataclass(frozen=True, slots=True)
class Metrics:
    """native: for libxgboost, empty for its default. added: computed here. stopping: the metric of early stopping."""

    native: Sequence[str]
    added: Sequence[str]
    stopping: str | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Metrics:
        """The metrics of eval_metric and of the tuning job's objective; the latter decides on early stopping."""
        asked: list[str] = values.get("eval_metric", [])
        objective = values.get("_tuning_objective_metric")
        tuned = [objective.partition(":")[2]] if objective else []
        names = sorted({*asked, *tuned}) if asked and tuned else [*asked, *tuned]
        return cls(
            native=[name for name in names if name not in _ADDED],
            added=[name for name in names if name in _ADDED],
            stopping=(tuned or asked or [None])[-1],
        )

    def function(
        self, objective: str, rows: Callable[[Array], Array]
    ) -> Callable[[Array, Any], list[tuple[str, float]]] | None:
        """libxgboost's custom_metric, which gets transformed predictions; None where there is none to add.

        rows: from an instance's rows to those of all instances.
        """
        if not self.added:
            return None
        scorers = {name: _scorer(name, objective) for name in self.added}

        def evaluate(predictions: Array, matrix: Any) -> list[tuple[str, float]]:
            labels, scores = rows(matrix.get_label()), rows(predictions)
            return [(name, float(scorer(labels, scores))) for name, scorer in scorers.items()]

        return evaluate


def is_maximized(name: str) -> bool:
    """name: with or without a threshold, as ``ndcg@5``."""
    return name.partition("@")[0] in MAXIMIZED


def classes_of(predictions: Array, objective: str) -> Array:
    """(n,) class indices from transformed predictions, (n,) or (n, classes)."""
    if predictions.ndim > 1:
        classes: Array = predictions.argmax(axis=1)
        return classes
    if objective in _CLASSES:
        return predictions.astype(int)
    return (predictions > (0.5 if objective in _PROBABILITIES else 0.0)).astype(int)


def _scorer(name: str, objective: str) -> Callable[[Array, Array], float]:
    # scikit-learn takes most of a second to import; most jobs do without.
    from sklearn import metrics

    if name in _VALUE_METRICS:
        score: Callable[[Array, Array], float] = getattr(metrics, _VALUE_METRICS[name])
        return score
    function, options = _CLASS_METRICS[name]

    def scorer(labels: Array, predictions: Array) -> float:
        return float(getattr(metrics, function)(labels, classes_of(predictions, objective), **options))

    return scorer


def mean_of(histories: Sequence[Mapping[str, Mapping[str, Sequence[float]]]]) -> dict[tuple[str, str], float]:
    """(data, metric) -> the mean of the last values of several trainings."""
    first = histories[0]
    return {
        (data, metric): float(np.mean([history[data][metric][-1] for history in histories]))
        for metric in next(iter(first.values()))
        for data in first
    }
