"""The gradient of a mini-batch's loss, summed over its rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.cores import shared
from sagewright_algorithms.factorization_machines.data import Batch
from sagewright_algorithms.factorization_machines.kernels import sparse
from sagewright_algorithms.factorization_machines.metrics import misses
from sagewright_algorithms.factorization_machines.parameters import Parameters, squared
from sagewright_algorithms.formats.examples import Floats

Array = NDArray[Any]


_ENOUGH = 1 << 18
"""Numbers that are worth a thread."""


class Gradient(NamedTuple):
    """used: (n,) int32, the features that the batch's rows have. linear: (n, 1). factors: (n, k)."""

    bias: float
    used: Array
    linear: Floats
    factors: Floats


class Gradients:
    """Of a model, for one batch at a time: the next one's gradient takes the place of the last one's."""

    def __init__(self, kind: str, parameters: Parameters) -> None:
        self._kind = kind
        self._parameters = parameters
        width, self._factors = parameters.factors.shape
        self._places = np.full(width, -1, np.int32)
        self._rooms: dict[str, Array] = {}

    def of(self, batch: Batch, sums: NDArray[np.float64]) -> Gradient:
        """Adds to sums, as metrics has them."""
        if isinstance(batch.features, np.ndarray):
            return self._of_dense(batch, sums)
        return self._of_sparse(batch, sums)

    def _of_sparse(self, batch: Batch, sums: NDArray[np.float64]) -> Gradient:
        bias, linear, factors = self._parameters
        assert not isinstance(batch.features, np.ndarray)
        starts, features, values = batch.features.indptr, batch.features.indices, batch.features.data
        scores, totals = np.empty(batch.rows, np.float32), self._room("totals", batch.rows)
        work = len(features) * self._factors
        shared(
            lambda begin, end: sparse.score(starts, features, values, linear, factors, scores, totals, begin, end),
            batch.rows,
            least(batch.rows, work),
        )
        scores += bias[0, 0]
        missed = misses(self._kind, scores, batch.labels, sums)
        slots, used = np.empty(len(features), np.int32), np.empty(len(features), np.int32)
        used = used[: sparse.number(features, self._places, slots, used)]
        of_linear, squares = np.empty((len(used), 1), np.float32), np.empty(len(used), np.float32)
        sparse.of_linear(starts, slots, values, missed, of_linear, squares)
        of_factors = self._room("factors", len(used))
        shared(
            lambda begin, end: sparse.of_factors(
                starts, slots, values, missed, totals, used, squares, factors, of_factors, begin, end
            ),
            self._factors,
            least(self._factors, work),
        )
        return Gradient(float(missed.sum()), used, of_linear, of_factors)

    def _of_dense(self, batch: Batch, sums: NDArray[np.float64]) -> Gradient:
        bias, linear, factors = self._parameters
        rows: Any = batch.features
        squares = squared(rows)
        totals = rows @ factors
        pairs = np.einsum("nk,nk->n", totals, totals) - squares @ self._parameters.lengths
        scores = (rows @ linear)[:, 0] + bias[0, 0] + pairs / 2
        missed = misses(self._kind, scores, batch.labels, sums)
        totals *= missed[:, None]
        of_factors = rows.T @ totals
        of_factors -= (squares.T @ missed)[:, None] * factors
        used = np.arange(len(factors), dtype=np.int32)
        return Gradient(float(missed.sum()), used, (rows.T @ missed)[:, None], of_factors)

    def _room(self, name: str, rows: int) -> Floats:
        """(rows, k), not cleared."""
        room = self._rooms.get(name)
        if room is None or len(room) < rows:
            room = self._rooms[name] = np.empty((rows, self._factors), np.float32)
        return room[:rows]


def least(count: int, numbers: int) -> int:
    """How many of so many things a thread should have at least. numbers: of all that is to be done."""
    return max(1, count * _ENOUGH // max(1, numbers))
