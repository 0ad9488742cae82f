"""A forest that follows a stream of points, each tree with a sample of what has come so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.random_cut_forest.forest import following, scoring
from sagewright_algorithms.random_cut_forest.forest.forest import Forest

Array = NDArray[Any]


class Stream:
    """trees, samples: of the forest, and of each tree. half_life: points after which one's chance to be in a sample is
    half as large; 0 where all points count the same.

    The keys of reservoir sampling: Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006.
    """

    def __init__(self, trees: int, samples: int, dimensions: int, *, half_life: float = 0.0, seed: int = 0) -> None:
        self.forest = Forest.empty(trees, samples, dimensions, seed=seed)
        self.seen = 0
        self._decay = float(np.log(2) / half_life) if half_life else 0.0
        self._keys = np.full((trees, samples), np.inf)

    def update(self, points: Array, *, collusive: bool = False) -> Array:
        """(rows,) float64: each point's score before it, and all before it, may have come into the samples.

        collusive: the co-displacement instead. The first points' scores, of a forest that has few samples, say little.
        """
        rows = self.forest.rows(points)
        found = np.zeros(len(rows))
        following.follow(
            *self.forest.trees,
            self._keys,
            rows,
            self.forest.dimensions,
            self.seen,
            self._decay,
            scoring.CODISPLACEMENT if collusive else scoring.SCORE,
            found,
        )
        self.seen += len(rows)
        return found / len(self._keys)
