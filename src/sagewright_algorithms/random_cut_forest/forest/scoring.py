"""How anomalous points are, each as if it were inserted into every tree, in expectation over the insertion's cuts.

A point that is inserted is cut off at one of the nodes on its way down. The way is the same whichever it is, so one
walk adds up all cases with their probabilities: nothing is drawn, and no tree is changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.random_cut_forest.forest.compiled import kernel, summing_kernel
from sagewright_algorithms.random_cut_forest.forest.kernels import distance, sibling
from sagewright_algorithms.random_cut_forest.forest.trees import CUT, DIMENSION, LEFT, MASS, PARENT, RIGHT, SPAN, Array

SCORE, DISPLACEMENT, CODISPLACEMENT = range(3)
_GREATEST = float(np.finfo(np.float32).max)
_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def expectations(
    roots: Array,
    links: Array,
    cuts: Array,
    boxes: Array,
    leaves: Array,
    points: Array,
    columns: Array,
    kind: int,
    totals: Array,
) -> None:
    """Adds each tree's expectation for each point to totals, (rows,) float64.

    roots, links, cuts, boxes: of all trees; leaves: their points. points: (rows, d) float32; columns: the same, (d,
    rows).
    """
    rows, dimensions = points.shape
    depths = leaves.shape[1] + 1
    order, room = np.empty(rows, np.uint32), np.empty(rows, np.uint32)
    # Two dimensions are worked on at a time; the one more of an odd number stays zero, as it is in the boxes.
    near = np.zeros((dimensions + dimensions % 2, rows), np.float32)
    values, outside = np.empty(rows, np.float32), np.empty(rows, np.float32)
    waiting = np.empty((depths, 4), np.int32)
    # The nodes from the root to the one at hand; what a point is worth that is cut off there; and the most that
    # removing it together with the samples below one of them would displace, by their number.
    path, worth, most = np.empty(depths, np.int32), np.empty(depths, np.float32), np.empty(depths, np.float32)
    for tree in range(roots.shape[0]):
        if roots[tree, 0] >= 0:
            factor = scale(links[tree, roots[tree, 0], MASS]) if kind == SCORE else 1.0
            for row in range(rows):
                order[row] = row
            waiting[0, 0], waiting[0, 1], waiting[0, 2], waiting[0, 3] = roots[tree, 0], 0, rows, 0
            count = 1
            # All points go down together. Those that come to the same leaf are then worked on side by side.
            while count:
                count -= 1
                node, begin, end, depth = waiting[count, 0], waiting[count, 1], waiting[count, 2], waiting[count, 3]
                _enter(links[tree], node, depth, kind, path, worth, most)
                if node < leaves.shape[1]:
                    column, cut = columns[links[tree, node, DIMENSION]], cuts[tree, node, CUT]
                    middle = _part(column, cut, order, begin, end, room)
                    count = _wait(waiting, count, links[tree, node, RIGHT], middle, end, depth + 1)
                    count = _wait(waiting, count, links[tree, node, LEFT], begin, middle, depth + 1)
                    continue
                group = order[begin:end]
                _gather(points, group, near, values, worth[depth])
                _exceed(boxes[tree], path[depth - 1] if depth else -1, near, len(group), outside)
                equal = _equal(links[tree], path, depth, kind, most)
                _meet(leaves[tree], node - leaves.shape[1], points, group, outside, equal, values)
                _rise(boxes[tree], cuts[tree], path, worth, depth, near, len(group), values, outside)
                for index in range(len(group)):
                    totals[group[index]] += factor * values[index]


@kernel
def _wait(waiting: Array, count: int, node: int, begin: int, end: int, depth: int) -> Any:
    if begin == end:
        return count
    waiting[count, 0], waiting[count, 1], waiting[count, 2], waiting[count, 3] = node, begin, end, depth
    return count + 1


@kernel
def _enter(links: Array, node: int, depth: int, kind: int, path: Array, worth: Array, most: Array) -> None:
    """Puts a node at the end of the path."""
    path[depth] = node
    mass = links[node, MASS]
    most[depth] = _ZERO
    if depth:
        beside = links[path[depth - 1], MASS] - mass
        most[depth] = max(most[depth - 1], np.float32(beside / (mass + 1.0)))
    if kind == SCORE:
        worth[depth] = 1.0 / (depth + 1.0)
    elif kind == DISPLACEMENT:
        worth[depth] = mass
    else:
        worth[depth] = max(most[depth], np.float32(mass))


@kernel
def _equal(links: Array, path: Array, depth: int, kind: int, most: Array) -> Any:
    """What a point is worth that the leaf's samples are equal to."""
    if kind == SCORE:
        return np.float32(score_of_equal(depth, links[path[depth], MASS], links[path[0], MASS]))
    if kind == DISPLACEMENT:
        return _ZERO
    return most[depth]


@kernel
def _part(column: Array, cut: float, order: Array, begin: int, end: int, room: Array) -> Any:
    """Puts the rows that are at most at the cut first; where the others begin."""
    # Unsigned: numba would have to ask of each signed index whether it is counted from the end.
    left, right = np.uintp(begin), np.uintp(0)
    # No branch: which way a point goes is as good as random to the processor.
    for index in range(np.uintp(begin), np.uintp(end)):
        row = order[index]
        order[left], room[right] = row, row
        left += np.uintp(column[row] <= cut)
        right += np.uintp(column[row] > cut)
    for index in range(right):
        order[left + index] = room[index]
    return np.int64(left)


@kernel
def _gather(points: Array, group: Array, near: Array, values: Array, value: float) -> None:
    """Puts the points of a group side by side, each worth the same."""
    for index in range(len(group)):
        values[index] = value
        for k in range(points.shape[1]):
            near[k, index] = points[group[index], k]


@kernel
def _meet(leaves: Array, leaf: int, points: Array, group: Array, outside: Array, equal: float, values: Array) -> None:
    """What the points of a group are worth that equal the samples of their leaf.

    outside: of the node above the leaf; what equals a sample is inside of its box.
    """
    for index in range(len(group)):
        if outside[index] == 0 and distance(leaves, leaf, points, group[index]) == 0:
            values[index] = equal


@summing_kernel
def _exceed(boxes: Array, node: int, near: Array, size: int, outside: Array) -> None:
    """By how much the sides of a node's box grow, together, to hold each point; 0 where the node is -1."""
    for index in range(size):
        outside[index] = _ZERO
    if node < 0:
        return
    for k in range(0, near.shape[0], 2):
        low, high, low_2, high_2 = boxes[node, 0, k], boxes[node, 1, k], boxes[node, 0, k + 1], boxes[node, 1, k + 1]
        for index in range(size):
            x, x_2 = near[k, index], near[k + 1, index]
            outside[index] += max(max(low - x, x - high), _ZERO) + max(max(low_2 - x_2, x_2 - high_2), _ZERO)


@summing_kernel
def _rise(
    boxes: Array,
    cuts: Array,
    path: Array,
    worth: Array,
    depth: int,
    near: Array,
    size: int,
    values: Array,
    outside: Array,
) -> None:
    """The expectation over where the points are cut off: at a node with a probability, or else below it.

    values: what the points are worth at the leaf. outside: of the node above it.
    """
    for above in range(depth - 1, -1, -1):
        if above < depth - 1:
            _exceed(boxes, path[above], near, size, outside)
        span, value, together = cuts[path[above], SPAN], worth[above], _ZERO
        for index in range(size):
            together += outside[index]
            values[index] += np.float32(cut_off(outside[index], span)) * (value - values[index])
        if together == 0:
            # What is inside of a box is inside of all those around it.
            return


@kernel
def cut_off(outside: float, span: float) -> Any:
    """The probability that an insertion cuts a point off at a node. outside: by how much the box's sides would grow."""
    # In double precision the sum cannot overflow.
    finite = min(np.float64(outside), _GREATEST)
    return finite / (finite + span)


@kernel
def scale(samples: int) -> Any:
    """The depth of a balanced tree of the samples and the point: a point as deep as that has the score 1."""
    return np.log2(samples + 1.0)


@kernel
def score_of_equal(depth: int, mass: int, samples: int) -> Any:
    """Of a point that a leaf's samples are equal to.

    As if they were a balanced tree, and less the more of all samples they are.
    """
    return (1.0 - 0.5 * mass / samples) / (depth + np.log2(mass + 1.0))


@kernel
def displacement(links: Array, node: int, collusive: bool) -> Any:
    """Of a sample that is in the tree. node: its leaf."""
    most, mass = 0.0, links[node, MASS]
    if not collusive:
        if mass == 1 and links[node, PARENT] >= 0:
            most = float(links[sibling(links, node), MASS])
        return most
    parent = links[node, PARENT]
    while parent >= 0:
        most = max(most, (links[parent, MASS] - mass) / np.float64(mass))
        mass, parent = links[parent, MASS], links[parent, PARENT]
    return most
