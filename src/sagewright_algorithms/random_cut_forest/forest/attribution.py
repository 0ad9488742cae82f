"""How much each dimension contributes to a point's score, and on which side of the data the point is in it.

Where a point is cut off from a box, each dimension has its share of the excess: the chance that the cut is along it.
"""

from __future__ import annotations

import numpy as np

from sagewright_algorithms.random_cut_forest.forest.compiled import kernel
from sagewright_algorithms.random_cut_forest.forest.kernels import distance, excess, sibling, unite
from sagewright_algorithms.random_cut_forest.forest.scoring import cut_off, scale, score_of_equal
from sagewright_algorithms.random_cut_forest.forest.trees import CUT, DIMENSION, LEFT, MASS, PARENT, RIGHT, SPAN, Array


@kernel
def attributions(
    roots: Array, links: Array, cuts: Array, boxes: Array, leaves: Array, rows: Array, totals: Array
) -> None:
    """Adds each tree's to totals, (n, 2, w) float64: of being below the data, and above it. rows: (n, w) float32."""
    width = rows.shape[1]
    room, part = np.empty((2, width), np.float32), np.empty((2, width), np.float64)
    for tree in range(roots.shape[0]):
        if roots[tree, 0] >= 0:
            for row in range(rows.shape[0]):
                _attribute(
                    roots[tree, 0],
                    links[tree],
                    cuts[tree],
                    boxes[tree],
                    leaves[tree],
                    rows,
                    row,
                    room,
                    part,
                    totals[row],
                )


@kernel
def _attribute(
    root: int,
    links: Array,
    cuts: Array,
    boxes: Array,
    leaves: Array,
    rows: Array,
    row: int,
    room: Array,
    part: Array,
    total: Array,
) -> None:
    """room, part: to work in."""
    capacity = leaves.shape[0]
    node, depth, remaining = root, 0, 1.0
    samples = links[root, MASS]
    factor = scale(samples)
    while node < capacity:
        outside = excess(boxes, node, rows, row)
        if outside > 0:
            chance = np.float64(cut_off(outside, cuts[node, SPAN]))
            _share(rows, row, boxes[node], factor * remaining * chance / (depth + 1.0), total)
            remaining *= 1 - chance
        node = links[node, RIGHT if rows[row, links[node, DIMENSION]] > cuts[node, CUT] else LEFT]
        depth += 1
    if distance(leaves, node - capacity, rows, row) > 0:
        for k in range(room.shape[1]):
            room[0, k] = room[1, k] = leaves[node - capacity, k]
        _share(rows, row, room, factor * remaining / (depth + 1.0), total)
        return
    _attribute_sample(links, boxes, leaves, node, depth, rows, row, room, part)
    weight = factor * remaining * score_of_equal(depth, links[node, MASS], samples)
    found = part.sum()
    for k in range(room.shape[1]):
        for side in range(2):
            # Where all samples are equal, no dimension is more of a reason than another.
            share = part[side, k] / found if found > 0 else 0.5 / room.shape[1]
            total[side, k] += weight * share


@kernel
def _attribute_sample(
    links: Array, boxes: Array, leaves: Array, node: int, depth: int, rows: Array, row: int, room: Array, part: Array
) -> None:
    """Of a point that a leaf's samples are equal to, from the boxes as they are without these; in part, unscaled."""
    for k in range(room.shape[1]):
        room[0, k], room[1, k] = np.inf, -np.inf
        part[0, k] = part[1, k] = 0.0
    while links[node, PARENT] >= 0:
        depth -= 1
        unite(boxes, leaves, sibling(links, node), room)
        outside, span = excess_of(room, rows, row), 0.0
        for k in range(room.shape[1]):
            span += np.float64(room[1, k]) - np.float64(room[0, k])
        if outside > 0:
            chance = outside / (outside + span)
            for k in range(room.shape[1]):
                part[0, k] *= 1 - chance
                part[1, k] *= 1 - chance
            _share(rows, row, room, chance / (depth + 1.0), part)
        node = links[node, PARENT]


@kernel
def excess_of(box: Array, rows: Array, row: int) -> float:
    """float64: of one box, (2, w)."""
    outside = 0.0
    for k in range(box.shape[1]):
        x = np.float64(rows[row, k])
        outside += max(max(box[0, k] - x, x - box[1, k]), 0.0)
    return outside


@kernel
def _share(rows: Array, row: int, box: Array, weight: float, total: Array) -> None:
    """Adds weight to total, (2, w), in proportion to how far the point is outside of the box."""
    outside = excess_of(box, rows, row)
    if outside > 0:
        for k in range(box.shape[1]):
            x = np.float64(rows[row, k])
            total[0, k] += weight * max(box[0, k] - x, 0.0) / outside
            total[1, k] += weight * max(x - box[1, k], 0.0) / outside
