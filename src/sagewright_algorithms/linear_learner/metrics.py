"""The final model's metrics on a channel, summed up batch by batch.

https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner-tuning.html; names and order as in AWS's log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Share = Callable[[Array], Array]
"""From one instance's array to that of all: their sum, or all their rows."""


class Metrics(Protocol):
    def add(self, scores: Array, labels: Array) -> None:
        """scores: (rows,), or (rows, classes) probabilities. labels: (rows,), in their own unit."""

    def share(self, total: Share, rows: Share) -> None:
        """Adds what the other instances have; all at once, after the last batch."""

    def results(self) -> Iterator[tuple[str, float]]:
        """(name, value); a metric that the data leaves undefined is left out."""


class Regression:
    def __init__(self) -> None:
        # Rows, squared errors, absolute errors.
        self._sums = np.zeros(3)

    def add(self, scores: Array, labels: Array) -> None:
        errors = scores.astype(np.float64) - labels
        self._sums += np.array((len(errors), errors @ errors, np.abs(errors).sum()))

    def share(self, total: Share, rows: Share) -> None:
        self._sums = total(self._sums)

    def results(self) -> Iterator[tuple[str, float]]:
        count, squares, distances = self._sums.tolist()
        mse = squares / count
        yield "mse", mse
        yield "absolute_loss", distances / count
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

    def share(self, total: Share, rows: Share) -> None:
        self._scores = [rows(np.concatenate(self._scores))]
        self._labels = [rows(np.concatenate(self._labels))]

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
        # Rows, those whose class is within the top, discounted gain, logarithmic loss.
        self._sums = np.zeros(4)
        # Rows called this class rightly, rows of it, rows called it.
        self._counts = np.zeros((3, classes), np.int64)

    def add(self, scores: Array, labels: Array) -> None:
        labels, classes = labels.astype(np.intp), self._counts.shape[1]
        rows = np.arange(len(labels))
        own = scores[rows, labels]
        best = scores.argmax(axis=1)
        # Of equal scores the class with the lower number comes first, as argmax has it.
        before = (scores == own[:, None]) & (np.arange(classes) < labels[:, None])
        ranks = (scores > own[:, None]).sum(axis=1) + before.sum(axis=1)
        within, gain = (ranks < self._top).sum(), (1 / np.log2(2.0 + ranks)).sum()
        log_loss = -np.log(np.maximum(own, np.finfo(np.float32).tiny)).sum(dtype=np.float64)
        self._sums += np.array((len(labels), within, gain, log_loss))
        found = (labels[best == labels], labels, best)
        self._counts += np.stack([np.bincount(one, minlength=classes) for one in found])

    def share(self, total: Share, rows: Share) -> None:
        self._sums, self._counts = total(self._sums), total(self._counts)

    def results(self) -> Iterator[tuple[str, float]]:
        rows, within, gain, log_loss = self._sums.tolist()
        true, actual, predicted = self._counts[:, self._counts[1:].any(axis=0)]
        square = self._beta**2
        recalls = true / np.maximum(actual, 1)
        yield "multiclass_accuracy", float(true.sum() / rows)
        yield f"multiclass_top_k_accuracy_{self._top}", within / rows
        yield "dcg", gain / rows
        yield "macro_recall", float(recalls.mean())
        yield "macro_precision", float((true / np.maximum(predicted, 1)).mean())
        yield f"macro_f_{self._beta:.3f}", float(((1 + square) * true / (square * actual + predicted)).mean())
        yield "multiclass_balanced_accuracy", float(recalls[actual > 0].mean())
        yield "multiclass_log_loss", log_loss / rows


def metrics_of(values: Mapping[str, Any], threshold: float) -> Metrics:
    kind = values["predictor_type"]
    if kind == "regressor":
        return Regression()
    if kind == "binary_classifier":
        return Binary(threshold, values["f_beta"])
    return Multiclass(values["num_classes"], values["accuracy_top_k"], values["f_beta"])
