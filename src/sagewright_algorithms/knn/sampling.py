"""A uniform sample of rows that come one after another.

J. Vitter, Random sampling with a reservoir, ACM TOMS 11, 1985 (algorithm R).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.formats.examples import Features, Floats
from sagewright_algorithms.knn.points import Points

Array = NDArray[Any]

_FIRST = 4096
"""Rows that there is room for at first; more comes as rows do."""
_COUNTABLE = 10**9
"""Rows from which on numpy draws no hypergeometric numbers; what is expected of them is as good then."""


@dataclass(frozen=True, slots=True)
class Sample:
    """points: (n, dimensions) float32. labels: (n,) float32."""

    points: Floats
    labels: Floats


class Reservoir:
    """size: rows to keep; of fewer, all are kept. points: what is kept of a row. seed: the job's, the instance's."""

    def __init__(self, size: int, points: Points, seed: Sequence[int]) -> None:
        self.seen = 0
        self._size = size
        self._of = points
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._points: Floats = np.empty((0, points.dimensions), np.float32)
        self._labels: Floats = np.empty(0, np.float32)

    @property
    def kept(self) -> int:
        return min(self.seen, self._size)

    def add(self, features: Features, labels: Floats) -> None:
        """features: (n, d). labels: (n,)."""
        free = min(len(labels), self._size - self.kept)
        if free:
            at = self.kept
            self._make_room(at + free)
            self._points[at : at + free] = self._of(features[:free])
            self._labels[at : at + free] = labels[:free]
            self.seen += free
        if free < len(labels):
            self._replace(features[free:], labels[free:])

    def _replace(self, features: Features, labels: Floats) -> None:
        """The n-th row of all takes the place of any of them, where that is a place in the sample."""
        numbers = np.arange(self.seen + 1, self.seen + len(labels) + 1)
        places = (self._random.random(len(labels)) * numbers).astype(np.int64)
        inside = np.flatnonzero(places < self._size)
        # Of several rows for one place the last stays.
        self._points[places[inside]] = self._of(features[inside])
        self._labels[places[inside]] = labels[inside]
        self.seen += len(labels)

    def _make_room(self, rows: int) -> None:
        room = len(self._labels)
        if rows > room:
            room = min(self._size, max(rows, _FIRST, room + room // 2))
            self._points.resize((room, self._points.shape[1]), refcheck=False)
            self._labels.resize(room, refcheck=False)

    def shared(self, collective: Collective) -> Sample:
        """A uniform sample of the rows of all instances, the same on all; ends this."""
        points, labels = self._points[: self.kept], self._labels[: self.kept]
        if collective.size == 1:
            return Sample(points, labels)
        seen = np.concatenate(collective.gather(np.array([self.seen])))
        own = np.sort(self._random.permutation(self.kept)[: self._shares(seen)[collective.rank]])
        return Sample(np.concatenate(collective.gather(points[own])), np.concatenate(collective.gather(labels[own])))

    def _shares(self, seen: Array) -> Array:
        """How many of its rows each instance has in a sample of all rows; the same on all. seen: rows of each."""
        total = int(seen.sum())
        wanted = min(self._size, total)
        if total < _COUNTABLE:
            return np.random.default_rng(self._seed[0]).multivariate_hypergeometric(seen, wanted)
        ends = np.rint(np.cumsum(seen) * (wanted / total)).astype(np.int64)
        return np.diff(ends, prepend=0)
