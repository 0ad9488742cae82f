"""Random cut trees in plain Python, in exact fractions: what the arrays and kernels are held against.

A tree is a leaf, ``frozenset`` of the indices of equal points, or a pair of trees. Only for a handful of points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import log2
from typing import Any

Point = tuple[int, ...]
Tree = Any


def all_trees(points: Sequence[Point], members: frozenset[int]) -> Iterator[tuple[Fraction, Tree]]:
    """(probability, tree) of every tree that Definition 1 of Guha et al. 2016 can draw for these points."""
    dimensions = range(len(points[0]))
    columns = [sorted({points[index][k] for index in members}) for k in dimensions]
    total = sum(column[-1] - column[0] for column in columns)
    if total == 0:
        yield Fraction(1), members
        return
    for k in dimensions:
        for low, high in zip(columns[k], columns[k][1:], strict=False):
            left = frozenset(index for index in members if points[index][k] <= low)
            for p, one in all_trees(points, left):
                for q, other in all_trees(points, members - left):
                    yield Fraction(high - low, total) * p * q, (one, other)


def samples(tree: Tree) -> frozenset[int]:
    return tree if isinstance(tree, frozenset) else samples(tree[0]) | samples(tree[1])


def depths(tree: Tree, depth: int = 0) -> dict[int, int]:
    """f(y, Z, T) of the paper: how deep each sample is."""
    if isinstance(tree, frozenset):
        return dict.fromkeys(tree, depth)
    return depths(tree[0], depth + 1) | depths(tree[1], depth + 1)


def without(tree: Tree, gone: frozenset[int]) -> Tree | None:
    """The tree after the deletion of samples: a node with one child left is replaced by it."""
    if isinstance(tree, frozenset):
        return tree - gone or None
    left, right = without(tree[0], gone), without(tree[1], gone)
    return right if left is None else left if right is None else (left, right)


def change(tree: Tree, gone: frozenset[int]) -> int:
    """By how many levels all other samples rise together when some are deleted."""
    left = without(tree, gone)
    after = depths(left) if left is not None else {}
    return sum(depth - after[index] for index, depth in depths(tree).items() if index not in gone)


def above(tree: Tree, index: int) -> Iterator[frozenset[int]]:
    """The samples below each node on the way from the root's child down to a sample's leaf."""
    while not isinstance(tree, frozenset):
        tree = next(child for child in tree if index in samples(child))
        yield samples(tree)


def displacement(tree: Tree, index: int) -> float:
    """Of a sample: by how much its deletion makes the others less deep."""
    return change(tree, frozenset({index}))


def codisplacement(tree: Tree, index: int) -> float:
    """The most displacement of a sample and its colluders, those below a node on its way, divided by their number."""
    return max((change(tree, gone) / len(gone) for gone in above(tree, index)), default=0)


def score(tree: Tree, index: int) -> float:
    """log2(n) by depth, n with the point; of a sample with equals as if they were a balanced tree."""
    count, depth = len(samples(tree)), depths(tree)[index]
    twins = next(leaf for leaf in _leaves(tree) if index in leaf)
    # The point itself is one of them, but not of the samples that were there before.
    mass = len(twins) - 1
    if mass == 0:
        return log2(count) / depth
    return log2(count) * (1 - mass / (2 * (count - 1))) / (depth + log2(mass + 1))


def _leaves(tree: Tree) -> Iterator[frozenset[int]]:
    if isinstance(tree, frozenset):
        yield tree
    else:
        yield from _leaves(tree[0])
        yield from _leaves(tree[1])


def insertions(tree: Tree, points: Sequence[Point], new: int) -> Iterator[tuple[Fraction, Tree]]:
    """(probability, tree) of every tree that Algorithm 2 of Guha et al. 2016 can make of a cut tree and a new point.

    tree: as ``cut_trees`` has them, with cuts: (left, right, dimension, value).
    """
    inside = _samples_of(tree)
    boxes = [[points[index][k] for index in inside] for k in range(len(points[0]))]
    outside = sum(max(min(box) - points[new][k], points[new][k] - max(box), 0) for k, box in enumerate(boxes))
    span = sum(max(box) - min(box) for box in boxes)
    if outside == 0 and span == 0:
        yield Fraction(1), inside | {new}
        return
    off = Fraction(outside) / (outside + span)
    if off:
        yield off, (frozenset({new}), plain(tree))
    if off < 1:
        left, right, k, value = tree
        for p, child in insertions(left if points[new][k] <= value else right, points, new):
            yield (1 - off) * p, (child, plain(right)) if points[new][k] <= value else (plain(left), child)


def _samples_of(tree: Tree) -> frozenset[int]:
    return samples(plain(tree))


def plain(tree: Tree) -> Tree:
    """Without the cuts."""
    return tree if isinstance(tree, frozenset) else (plain(tree[0]), plain(tree[1]))
