"""Random cut trees as arrays: no objects, so that kernels can run over them.

A tree's node ids: ``i`` below its capacity n is an internal node, ``n + l`` a leaf. A leaf holds one point and how many
samples are equal to it. Slots are the caller's names for samples: a slot says which leaf its sample is in.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LANES = 8
"""Dimensions are padded with zeros to a multiple of this, the float32 of a vector register."""

NONE = -1
PARENT, LEFT, RIGHT, MASS, DIMENSION = range(5)
CUT, SPAN = range(2)


class Trees(NamedTuple):
    """All arrays begin with the axis of trees. n: capacity, the most samples of a tree. w: padded dimensions.

    Kernels take one tree's, and only those they need.
    """

    root: Array
    """(trees, 1) int32; -1: the tree is empty."""
    links: Array
    """(trees, 2n, 5) int32, of every node: parent (-1 of the root), left and right child, samples below it, and the
    dimension that it cuts."""
    cuts: Array
    """(trees, n, 2) float32, of internal nodes: the value they cut at (what is at most it is left), and the sum of
    their box's sides."""
    boxes: Array
    """(trees, n, 2, w) float32: the least and the greatest values below an internal node."""
    points: Array
    """(trees, n, w) float32: of the leaves."""
    leaves: Array
    """(trees, n) int32: the node id of each slot's leaf; -1: the slot is free."""
    free: Array
    """(trees, 2, n + 1) int32: stacks of the unused ids, of internal nodes and of leaves; how many they are is last."""
    random: Array
    """(trees, 1) uint64: the state of each tree's random numbers."""


def empty(trees: int, capacity: int, dimensions: int, seed: int) -> Trees:
    """Trees without samples."""
    width = padded(dimensions)
    free = np.empty((trees, 2, capacity + 1), np.int32)
    free[:, :, :-1] = np.arange(capacity)[::-1]
    free[:, :, -1] = capacity
    return Trees(
        root=np.full((trees, 1), NONE, np.int32),
        links=np.full((trees, 2 * capacity, 5), NONE, np.int32),
        cuts=np.zeros((trees, capacity, 2), np.float32),
        boxes=np.zeros((trees, capacity, 2, width), np.float32),
        points=np.zeros((trees, capacity, width), np.float32),
        leaves=np.full((trees, capacity), NONE, np.int32),
        free=free,
        random=np.random.SeedSequence(seed).generate_state(trees, np.uint64).reshape(trees, 1),
    )


def memory(trees: int, capacity: int, dimensions: int) -> int:
    """Bytes of such trees."""
    return trees * capacity * (3 * 4 * padded(dimensions) + 60)


def padded(dimensions: int) -> int:
    return -(-dimensions // LANES) * LANES


def widened(points: Array, width: int) -> Array:
    """(rows, width) float32: the points with zeros after their own dimensions."""
    rows, dimensions = points.shape
    if dimensions == width:
        return np.ascontiguousarray(points, np.float32)
    found = np.zeros((rows, width), np.float32)
    found[:, :dimensions] = points
    return found


def check(trees: Trees, dimensions: int) -> None:
    """That kernels will neither leave the arrays nor walk in circles: for trees that come from a file.

    Raises ValueError.
    """
    count, capacity, width = trees.points.shape
    like = empty(1, 1, 1, 0)
    shapes = ((1,), (2 * capacity, 5), (capacity, 2), (capacity, 2, width), (capacity, width), (capacity,))
    for name, array, own, shape in zip(Trees._fields, trees, like, (*shapes, (2, capacity + 1), (1,)), strict=True):
        if array.shape != (count, *shape) or array.dtype != own.dtype:
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
    if not 0 < dimensions <= width:
        raise ValueError(f"{dimensions} dimensions in a width of {width}")
    nodes, parents = trees.links[:, :capacity], trees.links[:, :, PARENT]
    internal = nodes[:, :, LEFT] >= 0
    children = nodes[:, :, LEFT : RIGHT + 1][internal]
    for array, least in ((children, 0), (parents, NONE), (trees.root, NONE), (trees.leaves, NONE)):
        if (array < least).any() or (array >= 2 * capacity).any():
            raise ValueError("a link leads nowhere")
    along = nodes[:, :, DIMENSION][internal]
    if (along < 0).any() or (along >= dimensions).any():
        raise ValueError("a cut along no dimension")
    # A child's parent is the node whose child it is, and the root has none: what hangs together is a tree.
    tree, node = np.nonzero(internal)
    used = trees.root[:, 0] >= 0
    rooted = parents[used, trees.root[used, 0]] == NONE
    if (parents[tree[:, None], children] != node[:, None]).any() or not rooted.all():
        raise ValueError("a node's parent is another one")
    reached = np.concatenate([children[:, 0], children[:, 1], trees.root[used, 0]])
    of = np.concatenate([tree, tree, np.flatnonzero(used)])
    if (children[:, 0] == children[:, 1]).any() or not (
        internal[of, np.minimum(reached, capacity - 1)] | (reached >= capacity)
    ).all():
        raise ValueError("a node without children")
    if (trees.links[of, reached, MASS] < 1).any():
        raise ValueError("a node without samples")
