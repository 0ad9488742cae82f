"""Trees of a forest as plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from sagewright_algorithms.random_cut_forest.forest.trees import CUT, DIMENSION, LEFT, MASS, PARENT, RIGHT, SPAN


class Reader:
    """Reads a forest's trees, and checks on the way all that a tree's arrays must fulfil."""

    def tree(self, forest: Forest, number: int) -> Any:
        """With cuts: (left, right, dimension, value); leaves are frozensets of slots. None where it is empty."""
        root = int(forest.trees.root[number, 0])
        if root < 0:
            return None
        assert forest.trees.links[number, root, PARENT] == -1
        tree, _, _ = self._node(forest, number, root)
        return tree

    def _node(self, forest: Forest, number: int, node: int) -> tuple[Any, Any, int]:
        """(tree, (2, d) box, samples)."""
        trees = forest.trees
        capacity, d = trees.points.shape[1], forest.dimensions
        links, cuts = trees.links[number], trees.cuts[number]
        if node >= capacity:
            slots = np.flatnonzero(trees.leaves[number] == node).tolist()
            assert links[node, MASS] == len(slots) > 0
            point = trees.points[number, node - capacity]
            assert (point[d:] == 0).all()
            return frozenset(slots), np.stack([point[:d], point[:d]]), len(slots)
        left, right = (int(links[node, side]) for side in (LEFT, RIGHT))
        assert links[left, PARENT] == links[right, PARENT] == node
        one, low, a = self._node(forest, number, left)
        other, high, b = self._node(forest, number, right)
        dimension, value = int(links[node, DIMENSION]), float(cuts[node, CUT])
        assert low[1, dimension] <= value < high[0, dimension]
        box = np.stack([np.minimum(low[0], high[0]), np.maximum(low[1], high[1])])
        assert (trees.boxes[number, node, :, :d] == box).all()
        assert cuts[node, SPAN] == pytest.approx((box[1].astype(float) - box[0]).sum(), rel=1e-6)
        assert links[node, MASS] == a + b
        return (one, other, dimension, value), box, a + b


@pytest.fixture
def reader() -> Reader:
    return Reader()
