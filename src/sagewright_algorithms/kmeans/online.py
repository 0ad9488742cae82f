"""Web-scale k-means: centres that move with every mini-batch.

D. Sculley, Web-Scale K-Means Clustering, WWW 2010;
https://docs.aws.amazon.com/sagemaker/latest/dg/algo-kmeans-tech-notes.html
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Floats

Array = NDArray[Any]


class Online:
    """points: (K, d) float32. counts: (K,), the weight of the observations that each centre is the mean of.

    half_life: observations after which one counts half; 0 where all count the same for ever.
    """

    def __init__(self, points: Floats, half_life: int = 0) -> None:
        self.points = points
        self.counts = np.zeros(len(points))
        self._half_life = half_life

    def update(self, sums: Array, counts: Array) -> None:
        """A mini-batch. sums: (K, d) of the observations nearest to each centre. counts: (K,), how many they are.

        With p = new / (old + new) a centre c becomes (1 - p) c + p mean(new).
        """
        if self._half_life:
            self.counts *= 0.5 ** (float(counts.sum()) / self._half_life)
        self.counts += counts
        moved = np.flatnonzero(counts)
        part = self.points[moved]
        steps = (sums[moved] - counts[moved, None] * part) / self.counts[moved, None]
        self.points[moved] = part + steps
