"""Losses, and Adam's step."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.factorization_machines.kernels.compiled import Array, kernel

_ZERO, _ONE = np.float32(0), np.float32(1)
_NEW_MEAN, _NEW_SQUARE = np.float32(0.1), np.float32(0.001)
"""Adam's 1 - beta1 and 1 - beta2."""


@kernel
def square_loss(scores: Array, labels: Array, misses: Array, sums: Array) -> None:
    """misses: (n,), the derivatives of half the square. Adds to sums: squares of the errors, and their magnitudes."""
    squares, magnitudes = 0.0, 0.0
    for row in range(scores.shape[0]):
        miss = scores[row] - labels[row]
        misses[row] = miss
        squares += np.float64(miss) * np.float64(miss)
        magnitudes += abs(np.float64(miss))
    sums[0] += squares
    sums[1] += magnitudes


@kernel
def log_loss(scores: Array, labels: Array, misses: Array, sums: Array) -> None:
    """misses: (n,), the derivatives. Adds to sums: cross entropies, true and false positives, false negatives."""
    loss = 0.0
    for row in range(scores.shape[0]):
        score, positive = np.float64(scores[row]), labels[row] > _ZERO
        small = np.exp(-abs(score))
        chance = (1.0 if score >= 0 else small) / (1.0 + small)
        loss += np.log1p(small) + max(-score if positive else score, 0.0)
        misses[row] = np.float32(chance - (1.0 if positive else 0.0))
        if score >= 0:
            sums[1 if positive else 2] += 1
        elif positive:
            sums[3] += 1
    sums[0] += loss


@kernel
def adam(
    values: Array,
    means: Array,
    squares: Array,
    rows: Array,
    gradients: Array,
    scale: Any,
    decay: Any,
    clip: Any,
    rate: Any,
    least: Any,
    begin: int,
    end: int,
) -> None:
    """Adam's step for the rows from begin to end among those given; others stay as they are, with their moments.

    scale: of the gradients. decay: of the values, added to their gradient before it is clipped. rate: with the bias
    correction in it. least: epsilon.
    """
    for index in range(begin, end):
        own, mean, square, row = values[rows[index]], means[rows[index]], squares[rows[index]], gradients[index]
        for k in range(own.shape[0]):
            gradient = min(max(scale * row[k] + decay * own[k], -clip), clip)
            mean[k] += _NEW_MEAN * (gradient - mean[k])
            square[k] += _NEW_SQUARE * (gradient * gradient - square[k])
            own[k] -= rate * mean[k] / (np.sqrt(square[k]) + least)
