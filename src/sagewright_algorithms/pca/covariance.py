"""Regular mode: the sum of the rows' outer products, which takes d x d numbers.

Rows are shifted by the mean of the first ones, so that nothing is lost where means are large beside deviations;
products of some thousand rows are added up in double precision.
T. Chan, G. Golub, R. LeVeque, Algorithms for computing the sample variance, The American Statistician 37, 1983;
https://docs.aws.amazon.com/sagemaker/latest/dg/how-pca-works.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.formats.examples import Features, Floats
from sagewright_algorithms.pca.components import Components, of_gram

Array = NDArray[Any]

_PIECE = 8192
"""Rows that are added up in single precision."""
_MOST = 4096
"""Rows that wait for an update of very many products."""
_CELLS = 1 << 24
"""Of sparse rows made dense at a time."""
_FULL = 0.05
"""The share of cells with a value from which on sparse rows are faster as dense ones."""


class Covariance:
    """A part of the rows. centre: whether their mean is to be subtracted."""

    def __init__(self, width: int, *, centre: bool) -> None:
        self.rows = 0
        self._centre = centre
        self._shift: Floats | None = None
        self._sums = np.zeros(width)
        self._gram = np.zeros((width, width))

    def enough(self, features: Features) -> int:
        """How many rows are worth an update of all products."""
        return min(int(features.shape[1]), _MOST)

    def add(self, features: Features) -> None:
        """features: (n, d), finite."""
        if self._shift is None:
            self._shift = self._first_mean(features)
        if not isinstance(features, np.ndarray):
            self._add_sparse(features, self._shift)
            return
        for begin in range(0, len(features), _PIECE):
            self._add(features[begin : begin + _PIECE], self._shift)

    def _first_mean(self, features: Features) -> Floats:
        if self._centre and isinstance(features, np.ndarray):
            return np.asarray(features.mean(axis=0, dtype=np.float64), np.float32)
        return np.zeros(features.shape[1], np.float32)

    def _add(self, part: Floats, shift: Floats) -> None:
        if self._centre:
            part = part - shift
            self._sums += np.ones(len(part), np.float32) @ part
        self._gram += part.T @ part
        self.rows += len(part)

    def _add_sparse(self, rows: Any, shift: Floats) -> None:
        if rows.nnz < _FULL * rows.shape[0] * rows.shape[1] and not shift.any():
            product = (rows.T @ rows).tocoo()
            self._gram[product.row, product.col] += product.data
            self._sums += np.asarray(rows.sum(axis=0, dtype=np.float64)).reshape(-1)
            self.rows += rows.shape[0]
            return
        piece = max(1, min(_PIECE, _CELLS // rows.shape[1]))
        for begin in range(0, rows.shape[0], piece):
            self._add(rows[begin : begin + piece].toarray(), shift)

    @property
    def total(self) -> Array:
        """(d,): the sum of the rows."""
        return self._sums if self._shift is None else self._sums + self.rows * self._shift.astype(np.float64)

    def around(self, mean: Array) -> Array:
        """(d, d): the sum of outer products of the rows less the mean. Ends this part: it is overwritten."""
        if self._centre and self._shift is not None:
            offset = mean - self._shift
            self._gram -= np.outer(self._sums - self.rows * offset / 2, offset)
            self._gram -= np.outer(offset, self._sums - self.rows * offset / 2)
        return self._gram

    @staticmethod
    def components(parts: Sequence[Covariance], count: int, collective: Collective) -> Components:
        """Of the rows of all parts of all instances."""
        first, total = parts[0], collective.sum
        mean = total(_summed(part.total for part in parts)) / total(np.array([float(sum(p.rows for p in parts))]))
        gram = total(_summed(part.around(mean) for part in parts))
        return of_gram(gram, count, mean if first._centre else None)


def _summed(arrays: Iterable[Array]) -> Array:
    found, *others = arrays
    for array in others:
        found += array
    return found
