"""Inserts a point into a tree, and deletes one: Algorithms 2 and 1 of Guha et al. 2016.

A tree changed so is distributed like one built from the sample that it then has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.random_cut_forest.forest.compiled import kernel
from sagewright_algorithms.random_cut_forest.forest.kernels import (
    distance,
    excess,
    give_back,
    hang,
    put_box,
    sibling,
    side_of,
    take,
    uniform,
    unite,
)
from sagewright_algorithms.random_cut_forest.forest.trees import (
    CUT,
    DIMENSION,
    LEFT,
    MASS,
    PARENT,
    RIGHT,
    SPAN,
    Array,
)


@kernel
def insert(
    root: Array,
    links: Array,
    cuts: Array,
    boxes: Array,
    points: Array,
    leaves: Array,
    free: Array,
    random: Array,
    rows: Array,
    row: int,
    slot: int,
) -> None:
    """Inserts the point in this row of rows, (n, w) float32. slot: a free one."""
    capacity, width = points.shape
    room = np.empty((2, width), np.float32)
    node = root[0]
    while 0 <= node < capacity:
        outside = np.float64(excess(boxes, node, rows, row))
        if outside > 0:
            if uniform(random) * (np.float64(cuts[node, SPAN]) + outside) < outside:
                break
            _hold(room, rows, row)
            unite(boxes, points, node, room)
            put_box(boxes, cuts, node, room)
        links[node, MASS] += 1
        node = links[node, RIGHT if rows[row, links[node, DIMENSION]] > cuts[node, CUT] else LEFT]
    if node >= capacity and distance(points, node - capacity, rows, row) == 0:
        links[node, MASS] += 1
        leaves[slot] = node
        return
    leaf = take(free, 1)
    for k in range(width):
        points[leaf, k] = rows[row, k]
    leaves[slot] = own = capacity + leaf
    links[own, MASS] = 1
    if node < 0:
        hang(root, links, own, -1, LEFT)
        return
    parent, side = links[node, PARENT], side_of(links, node)
    above = take(free, 0)
    _hold(room, rows, row)
    unite(boxes, points, node, room)
    put_box(boxes, cuts, above, room)
    links[above, MASS] = links[node, MASS] + 1
    beside = _cut_between(links, cuts, boxes, points, random, node, above, own)
    hang(root, links, above, parent, side)
    hang(root, links, own, above, beside)
    hang(root, links, node, above, LEFT + RIGHT - beside)


@kernel
def _hold(room: Array, rows: Array, row: int) -> None:
    """Makes the box in room that of a point."""
    for k in range(room.shape[1]):
        room[0, k] = room[1, k] = rows[row, k]


@kernel
def _gap(boxes: Array, points: Array, node: int, own: int, k: int) -> Any:
    """What lies between a node's box and the leaf ``own`` in a dimension: begin, end, and which side the leaf is on."""
    capacity = points.shape[0]
    x = points[own - capacity, k]
    if node < capacity:
        low, high = boxes[node, 0, k], boxes[node, 1, k]
    else:
        low = high = points[node - capacity, k]
    if x < low:
        return x, low, LEFT
    return high, max(x, high), RIGHT


@kernel
def _cut_between(
    links: Array, cuts: Array, boxes: Array, points: Array, random: Array, node: int, above: int, own: int
) -> Any:
    """Draws a cut of ``above`` between the node and the leaf ``own``, in proportion to the gaps; the leaf's side."""
    total = 0.0
    for k in range(points.shape[1]):
        begin, end, _ = _gap(boxes, points, node, own, k)
        total += np.float64(end) - np.float64(begin)
    left = uniform(random) * total
    beside = LEFT
    for k in range(points.shape[1]):
        begin, end, side = _gap(boxes, points, node, own, k)
        width = np.float64(end) - np.float64(begin)
        if width > 0:
            value = np.float32(np.float64(begin) + min(left, width))
            links[above, DIMENSION] = k
            cuts[above, CUT] = begin if value >= end or value < begin else value
            beside = side
            if left < width:
                break
            left -= width
    return beside


@kernel
def delete(
    root: Array, links: Array, cuts: Array, boxes: Array, points: Array, leaves: Array, free: Array, slot: int
) -> None:
    """slot: one with a sample."""
    leaf = leaves[slot]
    leaves[slot] = -1
    node = links[leaf, PARENT]
    alone = links[leaf, MASS] == 1
    if not alone:
        links[leaf, MASS] -= 1
    else:
        give_back(free, 1, leaf - points.shape[0])
        if node < 0:
            root[0] = -1
        else:
            above, side = links[node, PARENT], side_of(links, node)
            hang(root, links, sibling(links, leaf), above, side)
            links[node, LEFT] = links[node, RIGHT] = -1
            give_back(free, 0, node)
            node = above
    room = np.empty((2, points.shape[1]), np.float32)
    changed = alone
    while node >= 0:
        links[node, MASS] -= 1
        if changed:
            for k in range(room.shape[1]):
                room[0, k], room[1, k] = np.inf, -np.inf
            unite(boxes, points, links[node, LEFT], room)
            unite(boxes, points, links[node, RIGHT], room)
            changed = put_box(boxes, cuts, node, room)
        node = links[node, PARENT]


@kernel
def insert_into_all(
    root: Array,
    links: Array,
    cuts: Array,
    boxes: Array,
    points: Array,
    leaves: Array,
    free: Array,
    random: Array,
    rows: Array,
    row: int,
    slots: Array,
) -> None:
    """Into each tree whose slot, (trees,) int64, is not negative."""
    for tree in range(root.shape[0]):
        if slots[tree] >= 0:
            own = (root[tree], links[tree], cuts[tree], boxes[tree], points[tree], leaves[tree], free[tree])
            insert(*own, random[tree], rows, row, slots[tree])


@kernel
def delete_from_all(
    root: Array, links: Array, cuts: Array, boxes: Array, points: Array, leaves: Array, free: Array, slots: Array
) -> None:
    """From each tree whose slot, (trees,) int64, is not negative."""
    for tree in range(root.shape[0]):
        if slots[tree] >= 0:
            own = (root[tree], links[tree], cuts[tree], boxes[tree], points[tree], leaves[tree], free[tree])
            delete(*own, slots[tree])
