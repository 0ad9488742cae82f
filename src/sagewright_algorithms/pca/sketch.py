"""Randomized mode: a factor of few rows whose outer products are nearly those of all rows.

The factor is (rank, d): singular values times singular vectors. Each piece of the rows is compressed by a random
projection that knows the directions found so far, put under the factor, and the whole cut back to the rank.
N. Halko, P. Martinsson, J. Tropp, Finding structure with randomness, SIAM Review 53, 2011; D. Ross et al., Incremental
learning for robust visual tracking, IJCV 77, 2008 (how means are merged);
https://docs.aws.amazon.com/sagemaker/latest/dg/how-pca-works.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.formats.examples import Features, Floats
from sagewright_algorithms.pca.components import Components, of_factor

Array = NDArray[Any]

_ROUNDS = 2
"""To and fro through a piece: with one, the components explain up to a thousandth less of the variance."""
_CELLS = 1 << 23
"""Of a dense piece: 32 MiB."""
_MOST = 4096
"""Rows of a dense piece."""
_SPARSE = 1 << 14
"""Rows of a sparse piece."""


class Sketch:
    """A part of the rows. rank: rows of the factor. seed: different for each part."""

    def __init__(self, width: int, rank: int, *, centre: bool, seed: Sequence[int]) -> None:
        self.rows = 0
        self._centre = centre
        self._rank = rank
        self._random = np.random.default_rng(seed)
        self._mean = np.zeros(width)
        self._factor = np.zeros((0, width), np.float32)

    def enough(self, features: Features) -> int:
        """How many rows are worth a cut."""
        if not isinstance(features, np.ndarray):
            return _SPARSE
        return max(4 * self._rank, min(_MOST, _CELLS // int(features.shape[1])))

    def add(self, features: Features) -> None:
        """features: (n, d), finite."""
        mean = np.zeros(features.shape[1])
        if self._centre:
            mean = np.asarray(features.mean(axis=0, dtype=np.float64)).reshape(-1)
        self._merge(features.shape[0], mean, self._compressed(features, mean))

    def _compressed(self, features: Features, mean: Array) -> Floats:
        """(at most twice the rank, d): a factor of the rows less their mean."""
        around = mean.astype(np.float32)
        rows: Any = features
        implied = around if self._centre else None
        if isinstance(features, np.ndarray):
            rows, implied = features - around, None
        if rows.shape[0] <= 2 * self._rank:
            return rows if isinstance(rows, np.ndarray) else np.asarray(rows.toarray() - around)
        signs = self._random.integers(0, 2, (features.shape[1], 2 * self._rank - len(self._factor)), np.int8)
        basis: Floats = np.hstack([self._factor.T, signs.astype(np.float32) * 2 - 1])
        for _ in range(_ROUNDS):
            basis = np.linalg.qr(_left(rows, _right(rows, basis, implied), implied))[0]
        return np.asarray(_triangle(_right(rows, basis, implied)) @ basis.T)

    def _merge(self, rows: int, mean: Array, factor: Floats) -> None:
        """Adds rows that are given by their number, mean and factor."""
        if not rows:
            return
        total = self.rows + rows
        apart = np.sqrt(self.rows * rows / total) * (self._mean - mean)
        stacked = np.vstack([self._factor, factor, apart.astype(np.float32)[None]])
        turns = np.linalg.svd(_triangle(stacked.T).T)[0]
        self._factor = turns[:, : self._rank].T[::-1] @ stacked
        self._mean += (mean - self._mean) * (rows / total)
        self.rows = total

    @staticmethod
    def components(parts: Sequence[Sketch], count: int, collective: Collective) -> Components:
        """Of the rows of all parts of all instances."""
        first = parts[0]
        for part in parts[1:]:
            first._merge(part.rows, part._mean, part._factor)
        numbers = collective.gather(np.array([[first.rows, len(first._factor)]]))
        means = collective.gather(first._mean[None])
        factors = collective.gather(first._factor)
        whole = Sketch(len(first._mean), first._rank, centre=first._centre, seed=())
        for number, mean, factor in zip(numbers, means, factors, strict=True):
            whole._merge(int(number[0, 0]), mean[0], factor)
        return of_factor(whole._factor, count, whole._mean if first._centre else None)


def _triangle(columns: Floats) -> Floats:
    """R of QR."""
    return np.asarray(np.linalg.qr(columns, "r"))


def _right(rows: Any, columns: Floats, mean: Floats | None) -> Floats:
    """(rows less the mean) @ columns."""
    found: Floats = np.asarray(rows @ columns)
    return found if mean is None else found - mean @ columns


def _left(rows: Any, values: Floats, mean: Floats | None) -> Floats:
    """(rows less the mean).T @ values."""
    found: Floats = np.asarray(rows.T @ values)
    return found if mean is None else found - np.outer(mean, values.sum(axis=0))
