"""A forest that follows a stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from sagewright_algorithms.random_cut_forest.forest.stream import Stream
from sagewright_algorithms.random_cut_forest.forest.trees import CUT, check

Array = np.ndarray[Any, Any]


def _held(stream: Stream) -> Array:
    """The samples of all trees: the points' first dimension, which is their time."""
    trees = stream.forest.trees
    return np.concatenate([trees.points[tree, leaves - leaves.size, 0] for tree, leaves in enumerate(trees.leaves)])


def _timed(rows: int) -> Array:
    return np.column_stack([np.arange(rows), np.random.default_rng(0).normal(size=rows)]).astype(np.float32)


def test_each_tree_keeps_a_uniform_sample_of_the_stream(reader: Any) -> None:
    stream = Stream(200, 50, 2)
    for part in np.array_split(_timed(1000), 7):
        stream.update(part)
    assert stream.seen == 1000
    assert stream.forest.sizes.tolist() == [50] * 200
    # 10,000 samples: of a tenth of the stream 1000 on average, with a standard deviation of 29.
    counts = np.histogram(_held(stream), bins=10, range=(0, 1000))[0]
    assert np.abs(counts - 1000).max() < 150
    # A point is in a sample once at most.
    for tree in range(200):
        assert reader.tree(stream.forest, tree) is not None
        own = stream.forest.trees.points[tree, stream.forest.trees.leaves[tree] - 50, 0]
        assert len(set(own.tolist())) == 50
    check(stream.forest.trees, 2)


def test_half_life() -> None:
    """With a half-life far longer than a sample, a point's chance to be in it decays as it should."""
    stream = Stream(400, 20, 2, half_life=300)
    stream.update(_timed(2000))
    held = _held(stream)
    recent, before = (((held >= begin) & (held < begin + 300)).sum() for begin in (1700, 1400))
    assert recent / before == pytest.approx(2, rel=0.15)


def test_it_does_not_matter_how_the_stream_is_cut() -> None:
    rows = _timed(300)
    one, other = Stream(10, 32, 2, seed=4), Stream(10, 32, 2, seed=4)
    parts = [other.update(part) for part in np.array_split(rows, 11)]
    assert one.update(rows) == pytest.approx(np.concatenate(parts), rel=1e-6)
    assert all((a == b).all() for a, b in zip(one.forest.trees, other.forest.trees, strict=True))


def test_a_points_score_is_of_the_forest_before_it() -> None:
    rows = _timed(200)
    stream = Stream(10, 32, 2, seed=1)
    stream.update(rows[:150])
    before = Forest(type(stream.forest.trees)(*(array.copy() for array in stream.forest.trees)), 2)
    assert stream.update(rows[150:151])[0] == pytest.approx(before.score(rows[150:151])[0], rel=1e-6)
    before = Forest(type(stream.forest.trees)(*(array.copy() for array in stream.forest.trees)), 2)
    found = stream.update(rows[151:152], collusive=True)[0]
    assert found == pytest.approx(before.codisplacement(rows[151:152])[0], rel=1e-6)


def test_what_was_an_anomaly_becomes_usual() -> None:
    random = np.random.default_rng(2)
    rows = random.normal(size=(3000, 3))
    rows[1500:] += 12
    scores = Stream(50, 128, 3, half_life=200).update(rows)
    assert scores[1500] > 2.5 * scores[1000:1500].mean()
    assert scores[2500:].mean() == pytest.approx(scores[1000:1500].mean(), rel=0.1)


def test_points_are_checked() -> None:
    with pytest.raises(ValueError, match=r"expected \(rows, 3\) points"):
        Stream(5, 8, 3).update(np.zeros((2, 4)))
    assert Stream(5, 8, 3).forest.trees.cuts[0, 0, CUT] == 0
