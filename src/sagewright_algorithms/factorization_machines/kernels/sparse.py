"""Scores of sparse rows, and the gradient of their loss.

Rows are CSR: starts (n + 1,) int32, features (nnz,) int32, values (nnz,) float32. Where rows share a feature, a kernel
takes a part of the factors, from begin to end, else a part of the rows: so threads share the work out, and the sums are
the same however many there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.factorization_machines.kernels.compiled import Array, kernel, summing_kernel

_ZERO, _HALF = np.float32(0), np.float32(0.5)


@kernel
def score(
    starts: Array,
    features: Array,
    values: Array,
    linear: Array,
    factors: Array,
    scores: Array,
    sums: Array,
    begin: int,
    end: int,
) -> None:
    """Rows from begin to end. scores: (n,), without a bias. sums: (n, k), of each row's values times its factors."""
    squares = np.empty(factors.shape[1], np.float32)
    for row in range(begin, end):
        total = sums[row]
        total[:] = _ZERO
        squares[:] = _ZERO
        found = _ZERO
        for at in range(starts[row], starts[row + 1]):
            value, own = values[at], factors[features[at]]
            found += value * linear[features[at], 0]
            for k in range(own.shape[0]):
                one = value * own[k]
                total[k] += one
                squares[k] += one * one
        scores[row] = found + _HALF * _pairs(total, squares)


@summing_kernel
def _pairs(total: Array, squares: Array) -> Any:
    """Twice the products of all pairs."""
    found = _ZERO
    for k in range(total.shape[0]):
        found += total[k] * total[k] - squares[k]
    return found


@kernel
def number(features: Array, places: Array, slots: Array, used: Array) -> Any:
    """Numbers the different features from 0 on, in order of appearance; how many there are.

    places: (d,) int32, all -1, also afterwards. slots: (nnz,) int32, each entry's number. used: the features by number.
    """
    count = 0
    for at in range(features.shape[0]):
        feature = features[at]
        if places[feature] < 0:
            places[feature] = count
            used[count] = feature
            count += 1
        slots[at] = places[feature]
    for slot in range(count):
        places[used[slot]] = -1
    return count


@kernel
def of_linear(starts: Array, slots: Array, values: Array, misses: Array, linear: Array, squares: Array) -> None:
    """Adds up by slot. misses: (n,), the loss's derivatives by the scores. linear: (used, 1), their sums times the
    values; squares: (used,), times the values' squares.
    """
    for slot in range(linear.shape[0]):
        linear[slot, 0] = squares[slot] = _ZERO
    for row in range(misses.shape[0]):
        for at in range(starts[row], starts[row + 1]):
            change = misses[row] * values[at]
            linear[slots[at], 0] += change
            squares[slots[at]] += change * values[at]


@kernel
def of_factors(
    starts: Array,
    slots: Array,
    values: Array,
    misses: Array,
    sums: Array,
    used: Array,
    squares: Array,
    factors: Array,
    found: Array,
    begin: int,
    end: int,
) -> None:
    """found: (used, k), the gradient of the used features' factors; columns from begin to end. squares: of_linear's."""
    for slot in range(found.shape[0]):
        own, out, square = factors[used[slot], begin:end], found[slot, begin:end], squares[slot]
        for k in range(out.shape[0]):
            out[k] = -square * own[k]
    for row in range(misses.shape[0]):
        total = sums[row, begin:end]
        for at in range(starts[row], starts[row + 1]):
            change, out = misses[row] * values[at], found[slots[at], begin:end]
            for k in range(out.shape[0]):
                out[k] += change * total[k]


@kernel
def add(slots: Array, changes: Array, whole: Array) -> None:
    """Adds each of the changes, (n, k), to the row of whole that its slot says."""
    for index in range(slots.shape[0]):
        row, out = changes[index], whole[slots[index]]
        for k in range(out.shape[0]):
            out[k] += row[k]
