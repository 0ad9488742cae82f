"""Lets a forest follow a stream: each tree keeps a sample of what has come so far, recent points with a larger chance.

Reservoir sampling by keys (Efraimidis and Spirakis 2006): every point gets a random key, and those with the least are
the sample. With a decay of l, a point's chance to be in it halves as ln 2 / l more points come; 0 samples uniformly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.random_cut_forest.forest.changing import delete, insert
from sagewright_algorithms.random_cut_forest.forest.compiled import kernel
from sagewright_algorithms.random_cut_forest.forest.kernels import uniform
from sagewright_algorithms.random_cut_forest.forest.scoring import expectations
from sagewright_algorithms.random_cut_forest.forest.trees import Array


@kernel
def follow(
    root: Array,
    links: Array,
    cuts: Array,
    boxes: Array,
    points: Array,
    leaves: Array,
    free: Array,
    random: Array,
    keys: Array,
    rows: Array,
    dimensions: int,
    seen: int,
    decay: float,
    kind: int,
    found: Array,
) -> None:
    """Scores each point as a sum over the trees, then offers it to every tree.

    keys: (trees, n) float64 of the slots, infinite of a free one. rows: (m, w) float32. seen: points before these.
    found: (m,) float64.
    """
    column = np.empty((dimensions, 1), np.float32)
    for row in range(rows.shape[0]):
        for k in range(dimensions):
            column[k, 0] = rows[row, k]
        expectations(
            root, links, cuts, boxes, points, column.reshape(1, dimensions), column, kind, found[row : row + 1]
        )
        for tree in range(root.shape[0]):
            key = np.log(-np.log(1.0 - uniform(random[tree]))) - decay * (seen + row)
            slot = _greatest(keys[tree])
            if key < keys[tree, slot]:
                keys[tree, slot] = key
                own = (root[tree], links[tree], cuts[tree], boxes[tree], points[tree], leaves[tree], free[tree])
                if leaves[tree, slot] >= 0:
                    delete(*own, slot)
                insert(*own, random[tree], rows, row, slot)


@kernel
def _greatest(keys: Array) -> Any:
    """Its index; the first free slot where there is one."""
    found = 0
    for slot in range(len(keys)):
        if keys[slot] > keys[found]:
            found = slot
    return found
