"""Scores of pairs, what their loss asks to change, and the changes.

A table is (rows, 3, k) float32: vectors, and Adam's two moments of them. Where several pairs change the same rows, a
kernel takes a part of the columns, from begin to end, else a part of the rows: so threads share the work out, and the
sums are the same however many there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.ip_insights.kernels.compiled import Array, kernel, summing_kernel

LOSS, RIGHT = range(2)

_ZERO, _ONE = np.float32(0), np.float32(1)
_NEW_MEAN, _NEW_SQUARE, _LEAST = np.float32(0.1), np.float32(0.001), np.float32(1e-8)
"""Adam's 1 - beta1, 1 - beta2 and epsilon."""


@kernel
def encode(
    table: Array, ends: Array, used: Array, parents: Array, depths: Array, codes: Array, begin: int, end: int
) -> None:
    """codes: (used, k), the sum of the vectors on each used node's way and of the end at its depth; rows from begin to
    end. table: of all nodes, four levels and the root, whose vector is zero.
    """
    for index in range(begin, end):
        fourth = used[index]
        third = parents[fourth]
        second = parents[third]
        first = parents[second]
        one, two, three, four = table[first, 0], table[second, 0], table[third, 0], table[fourth, 0]
        code, last = codes[index], ends[depths[fourth], 0]
        for k in range(code.shape[0]):
            code[k] = last[k] + one[k] + two[k] + three[k] + four[k]


@kernel
def activate(before: Array, bias: Array, after: Array) -> None:
    """after: (n, k), the product with a layer's weights; then the layer's result."""
    for index in range(after.shape[0]):
        row, out = before[index], after[index]
        for k in range(out.shape[0]):
            out[k] = row[k] + max(out[k] + bias[k], _ZERO)


@kernel
def deactivate(before: Array, after: Array, changes: Array, inner: Array, of_bias: Array) -> None:
    """inner: (n, k), the changes where the layer has added something. of_bias: (k,), to which they are added."""
    for index in range(inner.shape[0]):
        old, new, row, out = before[index], after[index], changes[index], inner[index]
        for k in range(out.shape[0]):
            out[k] = row[k] if new[k] > old[k] else _ZERO
            of_bias[k] += out[k]


@kernel
def score(
    entities: Array,
    used: Array,
    starts: Array,
    ordered: Array,
    targets: Array,
    codes: Array,
    scale: Any,
    first: int,
    last: int,
    weights: Array,
    of_entities: Array,
    sums: Array,
    begin: int,
    end: int,
) -> None:
    """The log loss and its gradient, of the entities from begin to end among the used ones.

    starts, ordered: the pairs of each used entity; those from number first to last count, others are left out. targets:
    (samples, pairs), the codes that each pair's entity is compared to: its own address's, then others, negatives.
    scale: of the gradient. weights: (samples, pairs), for spread. of_entities: (used, k). sums: (2,), the LOSS and how
    many are RIGHT.
    """
    loss, right = 0.0, 0
    for slot in range(begin, end):
        own, of_own = entities[used[slot], 0], of_entities[slot]
        of_own[:] = _ZERO
        for at in range(starts[slot], starts[slot + 1]):
            pair = ordered[at]
            if pair < first or pair >= last:
                continue
            for sample in range(targets.shape[0]):
                code = codes[targets[sample, pair]]
                dot = _dot(own, code)
                # The loss is log(1 + exp(-margin)).
                margin = dot if sample == 0 else -dot
                small = np.exp(-abs(margin))
                loss += np.log1p(small) + max(-margin, _ZERO)
                right += (dot > _ZERO) == (sample == 0)
                miss = (small if margin > _ZERO else _ONE) / (_ONE + small)
                weight = np.float32(scale * (-miss if sample == 0 else miss))
                weights[sample, pair] = weight
                _add(weight, code, of_own)
    sums[LOSS], sums[RIGHT] = loss, right


@kernel
def spread(
    entities: Array,
    used: Array,
    starts: Array,
    ordered: Array,
    targets: Array,
    weights: Array,
    first: int,
    last: int,
    of_codes: Array,
    begin: int,
    end: int,
) -> None:
    """of_codes: (codes, k), the gradient of score's codes; columns from begin to end."""
    of_codes[:, begin:end] = _ZERO
    for slot in range(used.shape[0]):
        own = entities[used[slot], 0, begin:end]
        for at in range(starts[slot], starts[slot + 1]):
            pair = ordered[at]
            if pair < first or pair >= last:
                continue
            for sample in range(targets.shape[0]):
                _add(weights[sample, pair], own, of_codes[targets[sample, pair], begin:end])


@kernel
def share(
    of_codes: Array,
    nodes: Array,
    above: Array,
    slots: Array,
    depths: Array,
    of_nodes: Array,
    of_ends: Array,
    begin: int,
    end: int,
) -> None:
    """What of the codes' gradient, (used, k), is of the vectors on the ways, (nodes, k), and of the ends; columns from
    begin to end. nodes, above, slots: of batches.ways.
    """
    of_ends[:, begin:end] = _ZERO
    of_nodes[:, begin:end] = _ZERO
    for index in range(slots.shape[0]):
        row = of_codes[index, begin:end]
        _add(_ONE, row, of_nodes[slots[index], begin:end])
        _add(_ONE, row, of_ends[depths[nodes[slots[index]]], begin:end])
    for index in range(nodes.shape[0] - 1, 0, -1):
        _add(_ONE, of_nodes[index, begin:end], of_nodes[above[index], begin:end])


@kernel
def adam(table: Array, rows: Array, gradients: Array, rate: Any, decay: Any, begin: int, end: int) -> None:
    """Adam's step for the rows from begin to end among those given; others stay as they are, with their moments.

    rate: with the bias correction in it. decay: of the vectors, added to the gradient.
    """
    for index in range(begin, end):
        values, means, squares = table[rows[index], 0], table[rows[index], 1], table[rows[index], 2]
        row = gradients[index]
        for k in range(values.shape[0]):
            gradient = row[k] + decay * values[k]
            mean = means[k] + _NEW_MEAN * (gradient - means[k])
            square = squares[k] + _NEW_SQUARE * (gradient * gradient - squares[k])
            means[k], squares[k] = mean, square
            values[k] -= rate * mean / (np.sqrt(square) + _LEAST)


@kernel
def products(entities: Array, rows: Array, codes: Array, targets: Array, found: Array) -> None:
    """found: (n,) float32, the scores of the entities in these rows with these codes."""
    for index in range(found.shape[0]):
        found[index] = _dot(entities[rows[index], 0], codes[targets[index]])


@summing_kernel
def _dot(one: Array, other: Array) -> Any:
    total = _ZERO
    for k in range(one.shape[0]):
        total += one[k] * other[k]
    return total


@kernel
def _add(factor: Any, row: Array, out: Array) -> None:
    for k in range(out.shape[0]):
        out[k] += factor * row[k]
