"""The forest as a library: changes, attribution, corner cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from sagewright_algorithms.random_cut_forest.forest.trees import Trees, check, memory

Array = np.ndarray[Any, Any]


@pytest.fixture
def points() -> Array:
    """(4096, 5), some of them equal to others."""
    found = np.random.default_rng(1).normal(size=(4096, 5)).astype(np.float32)
    found[::7] = found[3]
    return found


@pytest.fixture
def forest(points: Array) -> Forest:
    return Forest.build(points[:1280].reshape(20, 64, 5), capacity=70, seed=3)


def test_random_changes_keep_every_tree_whole(forest: Forest, points: Array, reader: Any) -> None:
    random = np.random.default_rng(5)
    held: list[set[int]] = [set(range(64)) for _ in range(20)]
    for step in range(200):
        chosen = np.full(20, -1)
        deletes = random.random() < 0.5
        for tree, slots in enumerate(held):
            if deletes and slots:
                chosen[tree] = random.choice(sorted(slots))
                slots.remove(int(chosen[tree]))
            elif not deletes and len(slots) < 70:
                chosen[tree] = min(set(range(70)) - slots)
                slots.add(int(chosen[tree]))
        if deletes:
            forest.delete(chosen)
        else:
            forest.insert(points[2000 + step], chosen)
    for tree, slots in enumerate(held):
        found = reader.tree(forest, tree)
        assert forest.sizes[tree] == len(slots)
        assert set(np.flatnonzero(forest.trees.leaves[tree] >= 0).tolist()) == slots
        assert (found is None) == (not slots)
    check(forest.trees, 5)


def test_a_tree_can_be_emptied_and_filled_again(reader: Any) -> None:
    forest = Forest.build(np.arange(12, dtype=np.float32).reshape(2, 3, 2))
    for slot in range(3):
        forest.delete(np.array([slot, slot]))
    assert forest.sizes.tolist() == [0, 0]
    assert forest.score(np.zeros((2, 2))).tolist() == [0, 0]
    for slot in range(3):
        forest.insert(np.array([slot, -slot]), np.array([slot, -1]))
    assert forest.sizes.tolist() == [3, 0]
    assert reader.tree(forest, 0) is not None
    assert reader.tree(forest, 1) is None


def test_slots_are_checked(forest: Forest, points: Array) -> None:
    for slots, word in ((np.zeros(19), "20 slots"), (np.full(20, 70), "below 70"), (np.full(20, 65), "no sample")):
        with pytest.raises(ValueError, match=word):
            forest.delete(slots)
    with pytest.raises(ValueError, match="taken"):
        forest.insert(points[0], np.zeros(20))


def test_points_are_checked(forest: Forest) -> None:
    for points in (np.zeros((3, 4)), np.zeros(5)):
        with pytest.raises(ValueError, match=r"expected \(rows, 5\) points"):
            forest.score(points)
        with pytest.raises(ValueError, match=r"expected \(rows, 5\) points"):
            forest.attribution(points)


def test_the_same_seed_is_the_same_forest_and_threads_do_not_matter(points: Array) -> None:
    one, other, third = (Forest.build(points[:1280].reshape(20, 64, 5), seed=seed) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(one.trees, other.trees, strict=True))
    assert (one.trees.cuts != third.trees.cuts).any()
    together = one.score(points)
    assert together == pytest.approx([one.score(point[None])[0] for point in points], rel=1e-5)


@pytest.mark.parametrize("dimensions", [1, 2, 7, 8, 9, 48])
def test_a_far_point_scores_high_in_any_number_of_dimensions(dimensions: int) -> None:
    random = np.random.default_rng(dimensions)
    forest = Forest.build(random.normal(size=(50, 100, dimensions)).astype(np.float32))
    near, far = np.zeros((1, dimensions)), np.full((1, dimensions), 50.0)
    for measure in (forest.score, forest.displacement, forest.codisplacement):
        assert measure(far)[0] > 3 * measure(near)[0]
    assert forest.codisplacement(far)[0] <= 100


def test_colluders_are_seen_by_codisplacement() -> None:
    """Five points close together, far from the others, hide each other from displacement."""
    random = np.random.default_rng(2)
    rows = random.normal(size=(100, 200, 3))
    rows[:, :5] = 40 + random.normal(size=(100, 5, 3)) / 100
    forest = Forest.build(rows.astype(np.float32))
    slots = np.zeros(100, np.int64)
    assert forest.displacement_of(slots, collusive=False).mean() < 10
    assert forest.displacement_of(slots, collusive=True).mean() > 30


def test_attribution_adds_up_to_the_score_and_names_the_dimension(forest: Forest, points: Array) -> None:
    some = np.concatenate([points[:64], np.array([[0, 0, 30, 0, 0], [0, -30, 0, 0, 0]], np.float32)])
    found = forest.attribution(some)
    assert found.shape == (66, 2, 5)
    assert (found >= 0).all()
    assert found.sum(axis=(1, 2)) == pytest.approx(forest.score(some), rel=1e-5)
    assert np.unravel_index(found[64].argmax(), (2, 5)) == (1, 2)
    assert np.unravel_index(found[65].argmax(), (2, 5)) == (0, 1)
    assert found[64, 1, 2] > 0.9 * found[64].sum()


def test_attribution_of_a_sample_is_what_sets_it_apart_from_the_others() -> None:
    """Of a point that is in the tree, no box's excess tells anything: the boxes without it do."""
    rows = np.random.default_rng(3).normal(size=(30, 50, 3)).astype(np.float32)
    rows[:, 0] = [0, 0, -20]
    forest = Forest.build(rows)
    found = forest.attribution(rows[0, :1])[0]
    assert found.sum() == pytest.approx(forest.score(rows[0, :1])[0], rel=1e-5)
    assert found[0, 2] > 0.9 * found.sum()


def test_samples_that_are_all_equal() -> None:
    forest = Forest.build(np.full((10, 40, 3), 7, np.float32))
    assert forest.nodes().tolist() == [1] * 10
    assert forest.depths().tolist() == [0] * 10
    same, other = np.full((1, 3), 7.0), np.array([[7, 7, 8.0]])
    assert forest.score(other)[0] == pytest.approx(np.log2(41))
    assert forest.score(same)[0] == pytest.approx(0.5)
    assert forest.displacement(same)[0] == 0
    assert forest.codisplacement(other)[0] == 40
    assert forest.attribution(same)[0] == pytest.approx(np.full((2, 3), 0.5 / 6))


def test_values_at_the_ends_of_single_precision() -> None:
    largest = float(np.finfo(np.float32).max)
    random = np.random.default_rng(1)
    rows = random.choice([-largest, largest, 1e-40, 0.0], size=(20, 30, 4)).astype(np.float32)
    forest = Forest.build(rows)
    points = np.concatenate([rows[0], np.full((1, 4), largest), np.full((1, 4), -largest)])
    for measure in (forest.score, forest.displacement, forest.codisplacement):
        assert np.isfinite(measure(points)).all()
    assert np.isfinite(forest.attribution(points)).all()


def test_small_differences_beside_large_ones_are_not_lost(reader: Any) -> None:
    """The sum of a box's sides, not the difference of the sums of its ends."""
    rows = np.random.default_rng(1).choice([-1e18, 0, 1, 2, 1e18], size=(20, 30, 4)).astype(np.float32)
    forest = Forest.build(rows)
    assert all(reader.tree(forest, number) is not None for number in range(20))
    assert np.isfinite(forest.score(rows[0])).all()


def test_depths_nodes_and_memory(forest: Forest, reader: Any) -> None:
    def depth(tree: Any) -> int:
        return 0 if isinstance(tree, frozenset) else 1 + max(depth(tree[0]), depth(tree[1]))

    def nodes(tree: Any) -> int:
        return 1 if isinstance(tree, frozenset) else 1 + nodes(tree[0]) + nodes(tree[1])

    trees = [reader.tree(forest, number) for number in range(20)]
    assert forest.depths().tolist() == [depth(tree) for tree in trees]
    assert forest.nodes().tolist() == [nodes(tree) for tree in trees]
    assert sum(array.nbytes for array in forest.trees) == pytest.approx(memory(20, 70, 5), rel=0.01)


def test_damaged_trees_are_refused_or_harmless(forest: Forest, points: Array) -> None:
    """What ``check`` lets pass can be walked: every kernel comes to an end, inside of its arrays."""
    random = np.random.default_rng(7)
    refused = 0
    for _ in range(300):
        arrays = {name: array.copy() for name, array in forest.trees._asdict().items()}
        name = str(random.choice(["root", "links", "leaves"]))
        flat = arrays[name].reshape(-1)
        flat[random.integers(len(flat))] = random.integers(-3, 150)
        damaged = Trees(**arrays)
        try:
            check(damaged, 5)
        except ValueError:
            refused += 1
        else:
            Forest(damaged, 5).score(points[:50])
    assert refused > 100
    with pytest.raises(ValueError, match="cuts is float32"):
        check(forest.trees._replace(cuts=forest.trees.cuts[:, :3]), 5)
    with pytest.raises(ValueError, match="9 dimensions"):
        check(forest.trees, 9)
