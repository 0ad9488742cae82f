"""The fully connected layers between the sum of an address's vectors and its embedding.

A layer adds to what it gets: x + max(0, x W + b). So a network of a hundred of them can be trained as one of one can,
and one of none is the sum itself. He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.cores import shared
from sagewright_algorithms.ip_insights.kernels import vectors

Array = NDArray[Any]

_PIECE = 1 << 16
"""Numbers of rows at a time: 256 KiB stay in the processor's cache."""
_LEAST = 256
"""Rows a thread, at least."""


def initial(layers: int, width: int, random: np.random.Generator) -> tuple[Array, Array]:
    """((layers, k, k) weights, (layers, k) biases), float32. All layers together about treble a row's variance."""
    spread = np.float32(np.sqrt(2 / (width * max(layers, 1))))
    return random.standard_normal((layers, width, width), np.float32) * spread, np.zeros((layers, width), np.float32)


def forward(states: Array, weights: Array, biases: Array) -> Array:
    """What comes out, (n, k). states: (layers + 1, n, k), the first is what goes in; the others are filled."""

    def work(begin: int, end: int) -> None:
        for part in _pieces(begin, end, states.shape[2]):
            for before, after, weight, bias in zip(states, states[1:], weights, biases, strict=False):
                vectors.activate(before[part], bias, np.matmul(before[part], weight, out=after[part]))

    if len(weights):
        shared(work, states.shape[1], _LEAST)
    result: Array = states[-1]
    return result


def backward(states: Array, weights: Array, changes: Array) -> tuple[Array, Array]:
    """Gradients of (weights, biases). states: of forward. changes: (n, k), the gradient of what came out; afterwards,
    of what went in.
    """
    layers, width, _ = weights.shape
    parts: dict[int, tuple[Array, Array]] = {}

    def work(begin: int, end: int) -> None:
        of_weights, of_biases = parts[begin] = np.zeros_like(weights), np.zeros((layers, width), np.float32)
        product, room = np.empty((width, width), np.float32), np.empty((2, _rows(width), width), np.float32)
        for part in _pieces(begin, end, width):
            rows = changes[part]
            inner, outer = room[0, : len(rows)], room[1, : len(rows)]
            for layer in reversed(range(layers)):
                before = states[layer][part]
                vectors.deactivate(before, states[layer + 1][part], rows, inner, of_biases[layer])
                of_weights[layer] += np.matmul(before.T, inner, out=product)
                rows += np.matmul(inner, weights[layer].T, out=outer)

    shared(work, len(changes), _LEAST)
    # In the order of the rows, so that the sums are the same each time.
    ordered = [parts[begin] for begin in sorted(parts)]
    return sum(found for found, _ in ordered), sum(found for _, found in ordered)  # type: ignore[return-value]


def _rows(width: int) -> int:
    return max(1, _PIECE // width)


def _pieces(begin: int, end: int, width: int) -> Iterator[slice]:
    for at in range(begin, end, _rows(width)):
        yield slice(at, min(end, at + _rows(width)))
