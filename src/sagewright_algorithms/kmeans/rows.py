"""Rows against centres: which centre is the nearest, how far it is, and the sums of each cluster.

Rows are dense float32 or CSR. The nearest centre c of a row x has the largest x·c - |c|²/2: one matrix product,
taken in pieces that stay in the processor's cache and that the processor's cores share.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Features, Floats

Array = NDArray[Any]

_PIECE = 1 << 18
"""Products at a time: 1 MiB."""
_FEWEST, _MOST = 64, 2048
"""Rows at a time."""
_SHARED = 4096
"""Rows from which on the work is shared among cores."""
_SUMMED = 1 << 14
"""Rows that are added up in single precision."""


class Centres:
    """points: (K, d) float32, of which this keeps what the products need."""

    def __init__(self, points: Floats) -> None:
        self.points = points
        self._columns = np.ascontiguousarray(points.T)
        self._halves: Floats = np.einsum("ij,ij->i", points, points) / np.float32(2)
        self._piece = max(_FEWEST, min(_MOST, _PIECE // len(points)))

    def labels(self, rows: Features) -> NDArray[np.intp]:
        """(n,): of each row the nearest centre."""
        found = np.empty(rows.shape[0], np.intp)

        def work(begin: int, end: int) -> None:
            products = np.asarray(rows[begin:end] @ self._columns)
            products -= self._halves
            np.argmax(products, axis=1, out=found[begin:end])

        _shared(work, rows.shape[0], self._piece)
        return found

    def distances(self, rows: Features, labels: NDArray[np.intp]) -> Floats:
        """(n,): of each row to the centre of its label, squared. Exact where rows are dense and near their centre."""
        found = np.empty(rows.shape[0], np.float32)
        dense = isinstance(rows, np.ndarray)

        def work(begin: int, end: int) -> None:
            part, of = rows[begin:end], labels[begin:end]
            if dense:
                gaps = part - self.points[of]
                np.einsum("ij,ij->i", gaps, gaps, out=found[begin:end])
            else:
                found[begin:end] = self._sparse_distances(part, of)

        _shared(work, rows.shape[0], self._piece if dense else _MOST)
        return found

    def _sparse_distances(self, rows: Any, labels: NDArray[np.intp]) -> Array:
        """Of CSR rows: the sum of x² - 2xc over what is there, and |c|²."""
        lengths = np.diff(rows.indptr)
        against = self.points[np.repeat(labels, lengths), rows.indices]
        terms = rows.data.astype(np.float64) * (rows.data - 2.0 * against)
        at = np.r_[0, np.cumsum(terms)]
        sums = at[rows.indptr[1:]] - at[rows.indptr[:-1]]
        found: Array = np.maximum(sums + 2.0 * self._halves[labels], 0)
        return found


def sums_of(
    rows: Features, labels: NDArray[np.intp], clusters: int, weights: Array | None = None
) -> tuple[Array, Array]:
    """((clusters, d), (clusters,)) float64: of each cluster's rows, and of their weights, 1 where there are none."""
    # Imported for the first one only: that takes as long as much data.
    from scipy.sparse import csc_matrix

    total = np.zeros((clusters, rows.shape[1]))
    for begin in range(0, rows.shape[0], _SUMMED):
        part, of = rows[begin : begin + _SUMMED], labels[begin : begin + _SUMMED]
        factors = np.ones(len(of), np.float32) if weights is None else weights[begin : begin + len(of)]
        product = csc_matrix((factors, of, np.arange(len(of) + 1)), (clusters, len(of))) @ part
        total += product if isinstance(product, np.ndarray) else product.toarray()
    return total, np.bincount(labels, weights, clusters).astype(np.float64)


def _shared(work: Callable[[int, int], None], rows: int, piece: int) -> None:
    """work(begin, end) for all rows, piece by piece."""

    def run(begin: int, end: int) -> None:
        for at in range(begin, end, piece):
            work(at, min(end, at + piece))

    count = _cores() if rows >= _SHARED else 1
    if count == 1:
        run(0, rows)
        return
    bounds = np.linspace(0, rows, count + 1).astype(int).tolist()
    for done in [_pool().submit(run, begin, end) for begin, end in pairwise(bounds)]:
        done.result()


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), "kmeans")
