"""What the other kernels are made of: random numbers, boxes, unused ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.random_cut_forest.forest.compiled import kernel, summing_kernel
from sagewright_algorithms.random_cut_forest.forest.trees import LEFT, PARENT, RIGHT, SPAN, Array

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_A, _B, _C, _D = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53
_ZERO = np.float32(0)
_GREATEST = float(np.finfo(np.float32).max)


@kernel
def uniform(random: Array) -> Any:
    """A float64 in [0, 1), by the generator splitmix64 (Steele, Lea and Flood 2014)."""
    random[0] += _STEP
    mixed = random[0]
    mixed = (mixed ^ (mixed >> _A)) * _FIRST
    mixed = (mixed ^ (mixed >> _B)) * _SECOND
    mixed = mixed ^ (mixed >> _C)
    return np.float64(mixed >> _D) * _UNIT


@summing_kernel
def excess(boxes: Array, node: int, points: Array, row: int) -> Any:
    """float32: by how much the box's sides grow, together, to hold the point in this row."""
    total = _ZERO
    for k in range(points.shape[1]):
        total += max(max(boxes[node, 0, k] - points[row, k], points[row, k] - boxes[node, 1, k]), _ZERO)
    return total


@summing_kernel
def distance(leaves: Array, leaf: int, points: Array, row: int) -> Any:
    """float32: the same of a leaf, whose box is a point."""
    total = _ZERO
    for k in range(points.shape[1]):
        total += abs(leaves[leaf, k] - points[row, k])
    return total


@kernel
def take(free: Array, kind: int) -> Any:
    """An unused id. kind: 0 of an internal node, 1 of a leaf, counted from 0."""
    count = free[kind, free.shape[1] - 1] - 1
    free[kind, free.shape[1] - 1] = count
    return free[kind, count]


@kernel
def give_back(free: Array, kind: int, number: int) -> None:
    count = free[kind, free.shape[1] - 1]
    free[kind, count] = number
    free[kind, free.shape[1] - 1] = count + 1


@kernel
def hang(root: Array, links: Array, node: int, parent: int, side: int) -> None:
    """Makes a node its parent's child, LEFT or RIGHT; the root where parent is -1."""
    links[node, PARENT] = parent
    if parent < 0:
        root[0] = node
    else:
        links[parent, side] = node


@kernel
def sibling(links: Array, node: int) -> Any:
    parent = links[node, PARENT]
    return links[parent, LEFT] + links[parent, RIGHT] - node


@kernel
def side_of(links: Array, node: int) -> Any:
    """LEFT or RIGHT; LEFT of the root."""
    parent = links[node, PARENT]
    return RIGHT if parent >= 0 and links[parent, RIGHT] == node else LEFT


@kernel
def unite(boxes: Array, points: Array, node: int, room: Array) -> None:
    """Grows the box in room, (2, w), by that of a node of any kind."""
    capacity = points.shape[0]
    for k in range(points.shape[1]):
        if node < capacity:
            low, high = boxes[node, 0, k], boxes[node, 1, k]
        else:
            low = high = points[node - capacity, k]
        room[0, k] = min(room[0, k], low)
        room[1, k] = max(room[1, k], high)


@kernel
def put_box(boxes: Array, cuts: Array, node: int, room: Array) -> Any:
    """Gives an internal node the box in room; whether it is another than before."""
    total, changed = 0.0, False
    for k in range(room.shape[1]):
        changed |= boxes[node, 0, k] != room[0, k] or boxes[node, 1, k] != room[1, k]
        boxes[node, 0, k], boxes[node, 1, k] = room[0, k], room[1, k]
        total += np.float64(room[1, k]) - np.float64(room[0, k])
    cuts[node, SPAN] = min(total, _GREATEST)
    return changed
