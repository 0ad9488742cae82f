"""A random cut forest: trees of samples, and what they say of points.

Guha, Mishra, Roy and Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on Streams", ICML 2016.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sagewright_algorithms.random_cut_forest.forest import attribution, building, changing, scoring
from sagewright_algorithms.random_cut_forest.forest.trees import MASS, NONE, PARENT, Array, Trees, empty, widened

_BLOCK_ROWS = 1 << 15
_BLOCK_VALUES = 1 << 22
"""Points that go down a tree together: the more, the more of them share a leaf."""
_FEWEST = 1 << 10
"""Rows a thread, at least."""


class Forest:
    """Not for several threads where one of them changes it; any number may score at once.

    All scores are means over the trees. Points are (rows, dimensions), finite; they are taken as float32.
    """

    def __init__(self, trees: Trees, dimensions: int) -> None:
        self.trees = trees
        self.dimensions = dimensions

    @classmethod
    def empty(cls, trees: int, capacity: int, dimensions: int, *, seed: int = 0) -> Forest:
        """capacity: the most samples of a tree."""
        return cls(empty(trees, capacity, dimensions, seed), dimensions)

    @classmethod
    def build(cls, samples: Array | Sequence[Array], *, capacity: int = 0, seed: int = 0) -> Forest:
        """samples: of each tree, (rows, dimensions); its row r is in slot r. capacity: where more are to come."""
        capacity = max(capacity, *map(len, samples), 1)
        forest = cls.empty(len(samples), capacity, samples[0].shape[1], seed=seed)
        trees = forest.trees

        def build(numbers: range) -> None:
            for number in numbers:
                if len(samples[number]):
                    own = (array[number] for array in trees)
                    building.build(*own, widened(np.asarray(samples[number]), trees.points.shape[2]))

        _share_out(build, len(samples), -(-len(samples) // _threads()))
        return forest

    @property
    def sizes(self) -> Array:
        """(trees,): samples of each."""
        roots = self.trees.root[:, 0]
        masses = self.trees.links[np.arange(len(roots)), roots, MASS]
        return np.where(roots >= 0, masses, 0)

    # What the trees say of points that are not in them: expectations over where each would be inserted.

    def score(self, points: Array) -> Array:
        """(rows,) float64: log2(samples + 1) / depth, about 1 for a normal point, more for one that is cut off early.

        As AWS documents it: inversely proportional to the depth of the point in the tree, and scaled with the sample's
        size. https://docs.aws.amazon.com/sagemaker/latest/dg/rcf_how-it-works.html
        """
        return self._expect(points, scoring.SCORE)

    def displacement(self, points: Array) -> Array:
        """(rows,) float64: how many samples would be a level deeper for the point."""
        return self._expect(points, scoring.DISPLACEMENT)

    def codisplacement(self, points: Array) -> Array:
        """(rows,) float64: the most that removing the point, alone or with the samples below a node above it, would
        displace, divided by their number: what hides behind a few of its kind is seen too.
        """
        return self._expect(points, scoring.CODISPLACEMENT)

    def attribution(self, points: Array) -> Array:
        """(rows, 2, dimensions) float64: the parts of each score that are due to the point being below the samples,
        and above them, in a dimension. They add up to the score.
        """
        rows = self.rows(points)
        trees = self.trees
        totals = np.zeros((len(rows), 2, rows.shape[1]))

        def attribute(numbers: range) -> None:
            part = slice(numbers.start, numbers.stop)
            attribution.attributions(
                trees.root, trees.links, trees.cuts, trees.boxes, trees.points, rows[part], totals[part]
            )

        _share_out(attribute, len(rows), max(_FEWEST, -(-len(rows) // _threads())))
        # Where all samples are equal the padding has its share as well.
        totals[:, :, : self.dimensions] += totals[:, :, self.dimensions :].sum(axis=(1, 2), keepdims=True) / (
            2 * self.dimensions
        )
        found: Array = totals[:, :, : self.dimensions] / len(trees.root)
        return found

    # Samples that are in the trees.

    def displacement_of(self, slots: Array, *, collusive: bool) -> Array:
        """(trees,) float64: displacement or co-displacement of the sample in each tree's slot; NaN for a slot of -1."""
        trees = self.trees
        found = np.full(len(slots), np.nan)
        for tree, slot in enumerate(np.asarray(slots).tolist()):
            if slot >= 0 and trees.leaves[tree, slot] >= 0:
                found[tree] = scoring.displacement(trees.links[tree], trees.leaves[tree, slot], collusive)
        return found

    def insert(self, point: Array, slots: Array) -> None:
        """point: (dimensions,). slots: (trees,), a free slot of each tree, -1 for none. Raises ValueError."""
        slots = self._slots(slots, free=True)
        changing.insert_into_all(*self.trees, self.rows(np.asarray(point)[None]), 0, slots)

    def delete(self, slots: Array) -> None:
        """slots: (trees,), a slot of each tree that has a sample, -1 for none. Raises ValueError."""
        slots = self._slots(slots, free=False)
        changing.delete_from_all(*self.trees[:-1], slots)

    def _slots(self, slots: Array, *, free: bool) -> Array:
        slots = np.ascontiguousarray(slots, np.int64)
        trees, capacity = self.trees.leaves.shape
        if slots.shape != (trees,) or (slots >= capacity).any():
            raise ValueError(f"expected {trees} slots below {capacity}")
        used = slots >= 0
        if ((self.trees.leaves[used, slots[used]] == NONE) != free).any():
            raise ValueError("a slot is taken" if free else "a slot has no sample")
        return slots

    def depths(self) -> Array:
        """(trees,): the depth of each tree's deepest leaf; the root's is 0."""
        trees, capacity = self.trees.leaves.shape
        deepest = np.zeros(trees, np.int64)
        node = self.trees.leaves.astype(np.int64)
        parents = self.trees.links[:, :, PARENT]
        for depth in range(capacity + 1):
            deepest[(node >= 0).any(axis=1)] = depth
            node = np.where(node >= 0, np.take_along_axis(parents, np.maximum(node, 0), 1), NONE)
            if (node < 0).all():
                break
        return deepest

    def nodes(self) -> Array:
        """(trees,): how many nodes each has."""
        capacity = self.trees.leaves.shape[1]
        found: Array = 2 * capacity - self.trees.free[:, :, -1].sum(axis=1)
        return found

    def rows(self, points: Array) -> Array:
        """(rows, w) float32: points as kernels take them. Raises ValueError."""
        points = np.asarray(points)
        if points.ndim != 2 or points.shape[1] != self.dimensions:
            raise ValueError(f"expected (rows, {self.dimensions}) points, found {points.shape}")
        return widened(points, self.trees.points.shape[2])

    def _expect(self, points: Array, kind: int) -> Array:
        points = np.asarray(points)
        if points.ndim != 2 or points.shape[1] != self.dimensions:
            raise ValueError(f"expected (rows, {self.dimensions}) points, found {points.shape}")
        trees, rows = self.trees, len(points)
        totals = np.zeros(rows)

        def expect(numbers: range) -> None:
            part = slice(numbers.start, numbers.stop)
            own = np.ascontiguousarray(points[part], np.float32)
            columns = np.ascontiguousarray(own.T)
            scoring.expectations(
                trees.root, trees.links, trees.cuts, trees.boxes, trees.points, own, columns, kind, totals[part]
            )

        most = max(_FEWEST, min(_BLOCK_ROWS, _BLOCK_VALUES // self.dimensions))
        _share_out(expect, rows, min(most, max(_FEWEST, -(-rows // _threads()))))
        found: Array = totals / len(trees.root)
        return found


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def _parts(count: int, size: int) -> Iterator[range]:
    return (range(begin, min(begin + size, count)) for begin in range(0, count, size))


def _share_out(work: Callable[[range], None], count: int, size: int) -> None:
    """Calls work with ranges of at most size that make up count, in threads where they are several."""
    if count <= size:
        work(range(count))
        return
    with ThreadPoolExecutor(_threads()) as threads:
        for _ in threads.map(work, _parts(count, size)):
            pass
