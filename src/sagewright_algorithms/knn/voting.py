"""From the labels of a row's neighbours to its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Floats

_CELLS = 1 << 22
"""Votes counted at a time."""


class Vote:
    """labels: (n,), of the sample. kind: ``classifier`` or ``regressor``."""

    def __init__(self, kind: str, labels: Floats) -> None:
        self._labels = labels
        self._kind = kind
        self._classes, self._codes = np.unique(labels, return_inverse=True)

    def __call__(self, neighbours: NDArray[np.int64]) -> Floats:
        """(rows,): the most frequent label, of equally frequent ones the smallest; or the mean.

        neighbours: (rows, k), which rows of the sample.
        """
        if self._kind == "regressor":
            return np.asarray(self._labels[neighbours].mean(axis=1, dtype=np.float64), np.float32)
        found: Floats = np.empty(len(neighbours), np.float32)
        count = len(self._classes)
        piece = max(1, _CELLS // count)
        for begin in range(0, len(found), piece):
            codes = self._codes[neighbours[begin : begin + piece]]
            rows = len(codes)
            codes = codes + np.arange(rows)[:, None] * count
            votes = np.bincount(codes.reshape(-1), minlength=rows * count).reshape(rows, count)
            found[begin : begin + piece] = self._classes[votes.argmax(axis=1)]
        return found
