"""Losses of the records seen, and the metrics that AWS's container makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.factorization_machines.kernels.steps import log_loss, square_loss
from sagewright_algorithms.formats.examples import Floats

SUMS = 5
"""Records, then what the losses add up."""

_LOSSES: dict[str, Callable[..., None]] = {"regressor": square_loss, "binary_classifier": log_loss}

Scores = Sequence[tuple[str, float, bool]]
"""Name, value, and whether it is a loss."""


def misses(kind: str, scores: Floats, labels: Floats, sums: NDArray[np.float64]) -> Floats:
    """(n,): the loss's derivatives by the scores. Adds to sums, (SUMS,)."""
    found = np.empty_like(scores)
    _LOSSES[kind](scores, labels, found, sums[1:])
    sums[0] += len(labels)
    return found


def results(kind: str, sums: NDArray[Any]) -> Scores:
    """Of one record at least."""
    rows, loss, first, second, third = (float(number) for number in sums)
    if kind == "regressor":
        return [
            ("rmse", math.sqrt(loss / rows), True),
            ("mse", loss / rows, True),
            ("absolute_loss", first / rows, True),
        ]
    # True and false positives, and false negatives.
    return [
        ("binary_classification_accuracy", 1 - (second + third) / rows, False),
        ("binary_classification_cross_entropy", loss / rows, True),
        ("binary_f_1.000", 2 * first / max(1.0, 2 * first + second + third), False),
    ]
