"""The final model's metrics on a channel, summed up batch by batch.

https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner-tuning.html; names and order as in AWS's log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Metrics(Protocol):
    def add(self, scores: Array, labels: Array) -> None:
        """scores: (rows,), or (rows, classes) probabilities. labels: (rows,), in their own unit."""

    def results(self) -> Iterator[tuple[str, float]]:
        """(name, value); a metric that the data leaves undefined is left out."""


class Regression:
    def __init__(self) -> None:
        self._rows = 0
        self._squares = self._distances = 0.0

    def add(self, scores: Array, labels: Array) -> None:
        errors = scores.astype(np.float64) - labels
        self._rows += len(errors)
        self._squares += float(errors @ errors)
        self._distances += float(np.abs(errors).sum())

    def results(self) -> Iterator[tuple[str, float]]:
        mse = self._squares / self._rows
        yield "mse", mse
        yield "absolute_loss", self._distances / self._rows
        yield "rmse", mse**0.5


class Binary:
    """threshold: above it a score is positive. Keeps four bytes a row, for the area under the curve."""

    def __init__(self, threshold: float, beta: float) -> None:
        self._threshold = threshold
        self._beta = beta
        self._scores: list[Array] = []
        self._labels: list[Array] = []

    def add(self, scores: Array, labels: Array) -> None:
        self._scores.append(scores)
        self._labels.append(labels.astype(bool))

    def results(self) -> Iterator[tuple[str, float]]:
        scores, labels = np.concatenate(self._scores), np.concatenate(self._labels)
        called = scores > self._threshold
        true = int((called & labels).sum())
        positives, predicted = int(labels.sum()), int(called.sum())
        square = self._beta**2
        yield "binary_classification_accuracy", float((called == labels).mean())
        yield f"binary_f_{self._beta:.3f}", (1 + square) * true / max(square * positives + predicted, 1e-30)
        yield "precision", true / max(predicted, 1)
        yield "recall", true / max(positives, 1)
        if 0 < positives < len(labels):
            yield "roc_auc_score", area(scores, labels)


def area(scores: Array, labels: Array) -> float:
    """Under the receiver operating characteristic: how often a positive outscores a negative, ties counting half."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    # A row's rank is the mean rank of the rows with its score.
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    ranks = np.repeat(starts + (sizes + 1) / 2, sizes)
    positives = int(labels.sum())
    total = float(ranks[labels[order]].sum()) - positives * (positives + 1) / 2
    return total / (positives * (len(labels) - positives))


class Multiclass:
    """top: the k of top-k accuracy."""

    def __init__(self, classes: int, top: int, beta: float) -> None:
        self._top = top
        self._beta = beta
        self._rows = self._within = 0
        self._gain = self._log_loss = 0.0
        self._true, self._actual, self._predicted = (np.zeros(classes, np.int64) for _ in range(3))

    def add(self, scores: Array, labels: Array) -> None:
        labels, classes = labels.astype(np.intp), len(self._true)
        rows = np.arange(len(labels))
        own = scores[rows, labels]
        best = scores.argmax(axis=1)
        # Of equal scores the class with the lower number comes first, as argmax has it.
        before = (scores == own[:, None]) & (np.arange(classes) < labels[:, None])
        ranks = (scores > own[:, None]).sum(axis=1) + before.sum(axis=1)
        self._rows += len(labels)
        self._within += int((ranks < self._top).sum())
        self._gain += float((1 / np.log2(2.0 + ranks)).sum())
        self._log_loss -= float(np.log(np.maximum(own, np.finfo(np.float32).tiny)).sum(dtype=np.float64))
        self._actual += np.bincount(labels, minlength=classes)
        self._predicted += np.bincount(best, minlength=classes)
        self._true += np.bincount(labels[best == labels], minlength=classes)

    def results(self) -> Iterator[tuple[str, float]]:
        present = (self._actual > 0) | (self._predicted > 0)
        true, actual, predicted = (array[present] for array in (self._true, self._actual, self._predicted))
        square = self._beta**2
        recalls = true / np.maximum(actual, 1)
        yield "multiclass_accuracy", float(true.sum() / self._rows)
        yield f"multiclass_top_k_accuracy_{self._top}", self._within / self._rows
        yield "dcg", self._gain / self._rows
        yield "macro_recall", float(recalls.mean())
        yield "macro_precision", float((true / np.maximum(predicted, 1)).mean())
        yield f"macro_f_{self._beta:.3f}", float(((1 + square) * true / (square * actual + predicted)).mean())
        yield "multiclass_balanced_accuracy", float(recalls[actual > 0].mean())
        yield "multiclass_log_loss", self._log_loss / self._rows


def metrics_of(values: Mapping[str, Any], threshold: float) -> Metrics:
    kind = values["predictor_type"]
    if kind == "regressor":
        return Regression()
    if kind == "binary_classifier":
        return Binary(threshold, values["f_beta"])
    return Multiclass(values["num_classes"], values["accuracy_top_k"], values["f_beta"])
