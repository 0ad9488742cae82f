"""Compiles all kernels into the cache."""

from __future__ import annotations

import numpy as np

from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from sagewright_algorithms.random_cut_forest.forest.stream import Stream


def main() -> None:
    points = np.arange(8, dtype=np.float32).reshape(4, 2)
    forest = Forest.build(points[None])
    forest.score(points)
    forest.attribution(points)
    slots = np.zeros(1, np.int64)
    forest.displacement_of(slots, collusive=True)
    forest.delete(slots)
    forest.insert(points[0], slots)
    Stream(1, 4, 2).update(points)


if __name__ == "__main__":
    main()
