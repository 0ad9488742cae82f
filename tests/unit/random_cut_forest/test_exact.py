"""The forest against random cut trees in plain Python and exact fractions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from unit.random_cut_forest import exact

Array = np.ndarray[Any, Any]

TREES = 4_000
# One of a pair of colluders, a point with a twin, one inside of the others' box, one outside of it.
POINTS: list[tuple[int, ...]] = [(0, 0), (1, 3), (4, 1), (4, 1), (20, 9)]
CASES = [(21, 9), (4, 1), (2, 1), (-5, 30), (0, 0)]
MEASURES: list[tuple[Callable[[Any, int], float], Callable[[Forest, Array], Array]]] = [
    (exact.score, Forest.score),
    (exact.displacement, Forest.displacement),
    (exact.codisplacement, Forest.codisplacement),
]


def _forest(points: list[tuple[int, ...]], trees: int = TREES, capacity: int = 0) -> Forest:
    return Forest.build(np.tile(np.array(points, np.float32), (trees, 1, 1)), seed=7, capacity=capacity)


def _shape(tree: Any) -> Any:
    """Whichever side is left."""
    return tree if isinstance(tree, frozenset) else frozenset({_shape(tree[0]), _shape(tree[1])})


def _distribution(points: list[tuple[int, ...]]) -> dict[Any, float]:
    found: dict[Any, float] = defaultdict(float)
    for p, tree in exact.all_trees(points, frozenset(range(len(points)))):
        found[_shape(tree)] += float(p)
    assert sum(found.values()) == pytest.approx(1)
    return found


def _assert_distributed(forest: Forest, expected: dict[Any, float], reader: Any) -> None:
    """The trees' shapes are as frequent as they should be, within five standard deviations."""
    count = len(forest.sizes)
    found = Counter(_shape(exact.plain(reader.tree(forest, number))) for number in range(count))
    assert set(found) <= set(expected)
    for shape, p in expected.items():
        assert found[shape] == pytest.approx(count * p, abs=5 * (count * p * (1 - p)) ** 0.5 + 1), shape


@pytest.mark.parametrize(("measure", "kernel"), MEASURES)
@pytest.mark.parametrize("new", CASES)
def test_an_insertions_expectation_in_each_tree(
    measure: Callable[[Any, int], float], kernel: Callable[[Forest, Array], Array], new: tuple[int, ...], reader: Any
) -> None:
    """Every way in which Algorithm 2 can insert the point, by its probability, with the paper's definitions."""
    everyone = [*POINTS, new]
    for seed in range(30):
        forest = Forest.build(np.array([POINTS], np.float32), seed=seed)
        cases = list(exact.insertions(reader.tree(forest, 0), everyone, len(POINTS)))
        assert sum(p for p, _ in cases) == 1
        expected = sum(float(p) * measure(tree, len(POINTS)) for p, tree in cases)
        assert kernel(forest, np.array([new]))[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("measure", "kernel"), MEASURES[1:])
@pytest.mark.parametrize("new", CASES)
def test_the_expectation_over_all_trees(
    measure: Callable[[Any, int], float], kernel: Callable[[Forest, Array], Array], new: tuple[int, ...]
) -> None:
    """Displacement and co-displacement as defined: of a tree of all points, the new one among them."""
    everyone = [*POINTS, new]
    trees = exact.all_trees(everyone, frozenset(range(len(everyone))))
    expected = sum(float(p) * measure(tree, len(POINTS)) for p, tree in trees)
    assert kernel(_forest(POINTS, 20_000), np.array([new]))[0] == pytest.approx(expected, rel=0.02)


def test_samples_displacements(reader: Any) -> None:
    for seed in range(30):
        forest = Forest.build(np.array([POINTS], np.float32), seed=seed)
        tree = exact.plain(reader.tree(forest, 0))
        for slot in range(len(POINTS)):
            slots = np.array([slot])
            assert forest.displacement_of(slots, collusive=False)[0] == exact.displacement(tree, slot)
            assert forest.displacement_of(slots, collusive=True)[0] == pytest.approx(exact.codisplacement(tree, slot))


def test_built_trees_are_distributed_as_defined(reader: Any) -> None:
    _assert_distributed(_forest(POINTS), _distribution(POINTS), reader)


def test_insertion_and_deletion_keep_the_distribution(reader: Any) -> None:
    forest = _forest([*POINTS[:2], (9, -9), *POINTS[2:4]], capacity=6)
    forest.delete(np.full(TREES, 2))
    forest.insert(np.array(POINTS[4]), np.full(TREES, 5))
    moved = {0: 0, 1: 1, 3: 2, 4: 3, 5: 4}
    expected = {
        _renamed(shape, {new: old for old, new in moved.items()}): p for shape, p in _distribution(POINTS).items()
    }
    _assert_distributed(forest, expected, reader)


def _renamed(shape: Any, names: dict[int, int]) -> Any:
    if all(isinstance(member, int) for member in shape):
        return frozenset(names[member] for member in shape)
    return frozenset(_renamed(child, names) for child in shape)


def test_attribution_is_the_share_of_the_excess_at_each_cut(reader: Any) -> None:
    """The score of each way in which the point is cut off goes to the dimensions that the cut may be along."""
    new = (25, -5)
    for seed in range(30):
        forest = Forest.build(np.array([POINTS], np.float32), seed=seed)
        expected = np.zeros((2, 2))
        tree, remaining, depth = reader.tree(forest, 0), 1.0, 0
        while True:
            inside = np.array([POINTS[index] for index in exact.samples(exact.plain(tree))])
            low, high = inside.min(axis=0), inside.max(axis=0)
            excess = np.stack([np.maximum(low - new, 0), np.maximum(new - high, 0)])
            off = excess.sum() / (excess.sum() + (high - low).sum())
            expected += remaining * off * np.log2(6) / (depth + 1) * excess / excess.sum()
            remaining *= 1 - off
            if isinstance(tree, frozenset):
                break
            tree = tree[0] if new[tree[2]] <= tree[3] else tree[1]
            depth += 1
        assert forest.attribution(np.array([new]))[0] == pytest.approx(expected, rel=1e-5)
