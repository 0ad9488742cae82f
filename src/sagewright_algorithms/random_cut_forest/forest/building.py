"""Builds trees from their samples: Definition 1 of Guha et al. 2016."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.random_cut_forest.forest.compiled import kernel
from sagewright_algorithms.random_cut_forest.forest.kernels import hang, put_box, take, uniform
from sagewright_algorithms.random_cut_forest.forest.trees import CUT, DIMENSION, LEFT, MASS, SPAN, Array


@kernel
def build(
    root: Array,
    links: Array,
    cuts: Array,
    boxes: Array,
    points: Array,
    leaves: Array,
    free: Array,
    random: Array,
    samples: Array,
) -> None:
    """Fills an empty tree. samples: (rows, w) float32, at most as many as it holds; row r becomes slot r."""
    rows = samples.shape[0]
    order = np.arange(rows)
    room = np.empty((2, samples.shape[1]), np.float32)
    # Parts of the order that have no node yet: begin, end, parent, side.
    waiting = np.empty((rows + 1, 4), np.int64)
    waiting[0, 0], waiting[0, 1], waiting[0, 2], waiting[0, 3] = 0, rows, -1, LEFT
    count = 1
    while count:
        count -= 1
        begin, end, parent, side = waiting[count, 0], waiting[count, 1], waiting[count, 2], waiting[count, 3]
        if not _bound(samples, order, begin, end, room):
            leaf = take(free, 1)
            node = points.shape[0] + leaf
            for k in range(samples.shape[1]):
                points[leaf, k] = room[0, k]
            for index in range(begin, end):
                leaves[order[index]] = node
        else:
            node = take(free, 0)
            put_box(boxes, cuts, node, room)
            _cut(links, cuts, boxes, node, random)
            middle = _part(samples, order, begin, end, links[node, DIMENSION], cuts[node, CUT])
            for child in range(2):
                waiting[count, 0] = middle if child else begin
                waiting[count, 1] = end if child else middle
                waiting[count, 2], waiting[count, 3] = node, LEFT + child
                count += 1
        links[node, MASS] = end - begin
        hang(root, links, node, parent, side)


@kernel
def _bound(samples: Array, order: Array, begin: int, end: int, room: Array) -> Any:
    """Puts the box of a part of the samples in room, (2, w); whether it is more than a point."""
    for k in range(samples.shape[1]):
        room[0, k] = room[1, k] = samples[order[begin], k]
    for index in range(begin + 1, end):
        row = order[index]
        for k in range(samples.shape[1]):
            room[0, k] = min(room[0, k], samples[row, k])
            room[1, k] = max(room[1, k], samples[row, k])
    wide = False
    for k in range(samples.shape[1]):
        wide |= room[0, k] < room[1, k]
    return wide


@kernel
def _cut(links: Array, cuts: Array, boxes: Array, node: int, random: Array) -> None:
    """A dimension with a chance in proportion to the box's side, and a value uniform along it."""
    left = uniform(random) * cuts[node, SPAN]
    chosen, at = 0, 0.0
    for k in range(boxes.shape[2]):
        side = np.float64(boxes[node, 1, k]) - np.float64(boxes[node, 0, k])
        if side > 0:
            chosen, at = k, min(left, side)
            if left < side:
                break
            left -= side
    low, high = boxes[node, 0, chosen], boxes[node, 1, chosen]
    value = np.float32(np.float64(low) + at)
    links[node, DIMENSION] = chosen
    # Both children have points: the least value is always left of the cut, and the greatest right of it.
    cuts[node, CUT] = low if value >= high or value < low else value


@kernel
def _part(samples: Array, order: Array, begin: int, end: int, dimension: int, cut: float) -> Any:
    """Puts those at most at the cut first; where the others begin."""
    while begin < end:
        if samples[order[begin], dimension] <= cut:
            begin += 1
        else:
            end -= 1
            order[begin], order[end] = order[end], order[begin]
    return begin
