"""How well scores tell the anomalies of a labelled channel.

A record counts as an anomaly where its score is more than three standard deviations above the mean of all:
https://docs.aws.amazon.com/sagemaker/latest/dg/randomcutforest.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.random_cut_forest.spec import ACCURACY, FSCORE

Array = NDArray[Any]

_DEVIATIONS = 3


def cutoff(scores: Array) -> float:
    return float(scores.mean() + _DEVIATIONS * scores.std())


def metrics(scores: Array, labels: Array, names: Sequence[str]) -> dict[str, float]:
    """scores: (rows,). labels: (rows,) bool, true for anomalies. names: of eval_metrics.

    precision, recall and f1 are of anomalies; with ``negative_``, of normal records.
    """
    called = scores > cutoff(scores)
    found: dict[str, float] = {}
    if ACCURACY in names:
        found["accuracy"] = float((called == labels).mean())
    if FSCORE in names:
        found |= _precision_recall_fscore(called, labels, "")
        found |= _precision_recall_fscore(~called, ~labels, "negative_")
    return found


def _precision_recall_fscore(called: Array, labels: Array, prefix: str) -> dict[str, float]:
    """0 where there is nothing to divide by."""
    true, positive, actual = (int(np.count_nonzero(found)) for found in (called & labels, called, labels))
    return {
        f"{prefix}precision": true / max(positive, 1),
        f"{prefix}recall": true / max(actual, 1),
        f"{prefix}f1": 2 * true / max(positive + actual, 1),
    }
