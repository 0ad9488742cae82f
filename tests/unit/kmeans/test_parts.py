"""The parts: assignment, the update of mini-batches, Lloyd's method, how it begins."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.kmeans.lloyd import initial, lloyd, mean_distance
from sagewright_algorithms.kmeans.online import Online
from sagewright_algorithms.kmeans.rows import Centres, sums_of

Array = np.ndarray[Any, Any]


def _gaps(rows: Array, centres: Array) -> Array:
    """(n, K) squared distances, the slow way."""
    gaps: Array = ((rows[:, None, :].astype(np.float64) - centres[None]) ** 2).sum(axis=2)
    return gaps


@pytest.mark.parametrize("count", [0, 1, 700, 5000])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_nearest_centre(count: int, sparse: bool) -> None:
    random = np.random.default_rng(0)
    rows = (random.normal(size=(count, 7)) * (random.random((count, 7)) < 0.5)).astype(np.float32)
    centres = random.normal(size=(30, 7)).astype(np.float32)
    found = Centres(centres)
    given: Any = scipy.sparse.csr_matrix(rows) if sparse else rows
    labels = found.labels(given)
    gaps = _gaps(rows, centres)
    np.testing.assert_array_equal(labels, gaps.argmin(axis=1) if count else np.empty(0))
    np.testing.assert_allclose(found.distances(given, labels), gaps.min(axis=1, initial=np.inf), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_clusters(sparse: bool, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagewright_algorithms.kmeans.rows._SUMMED", 128)
    random = np.random.default_rng(1)
    rows, labels = random.normal(size=(1000, 4)).astype(np.float32), random.integers(0, 9, 1000)
    labels[labels == 5] = 6
    weights = random.random(1000).astype(np.float32) if weighted else None
    sums, counts = sums_of(scipy.sparse.csr_matrix(rows) if sparse else rows, labels, 9, weights)
    factors = np.ones(1000) if weights is None else weights
    for number in range(9):
        own = labels == number
        np.testing.assert_allclose(sums[number], (rows[own] * factors[own, None]).sum(axis=0), atol=1e-4)
        assert counts[number] == pytest.approx(factors[own].sum())


def test_the_update_of_the_documentation() -> None:
    """c1 has 100 points and gets 25, c2 has 150 and gets 40, c3 none: centres move by the new points' share."""
    online = Online(np.array([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]], np.float32))
    online.counts[:] = 100, 150, 450
    means = np.array([[3.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    counts = np.array([25.0, 40.0, 0.0])
    online.update(means * counts[:, None], counts)
    shares = 25 / 125, 40 / 190
    expected = [
        (1 - shares[0]) * np.array([1.0, 0.0]) + shares[0] * means[0],
        (1 - shares[1]) * np.array([0.0, 2.0]) + shares[1] * means[1],
        [5.0, 5.0],
    ]
    np.testing.assert_allclose(online.points, expected, rtol=1e-6)
    assert online.counts.tolist() == [125, 190, 450]


def test_without_decay_a_centre_is_the_mean_of_its_points() -> None:
    random = np.random.default_rng(2)
    batches = random.normal(size=(20, 50, 3))
    online = Online(np.full((1, 3), 100, np.float32))
    for batch in batches:
        online.update(batch.sum(axis=0)[None], np.array([50.0]))
    np.testing.assert_allclose(online.points[0], batches.reshape(-1, 3).mean(axis=0), atol=1e-6)


def test_half_life() -> None:
    """After as many points as the half life, a point counts half."""
    online = Online(np.zeros((2, 1), np.float32), half_life=100)
    online.update(np.array([[40.0], [60.0]]), np.array([40.0, 60.0]))
    assert online.counts.tolist() == [40, 60]
    online.update(np.array([[300.0], [0.0]]), np.array([100.0, 0.0]))
    assert online.counts.tolist() == [120, 30]
    # 20 that weigh half of 40 were 1, 100 are 3.
    assert online.points[0, 0] == pytest.approx((20 * 1 + 100 * 3) / 120)
    assert online.points[1, 0] == 1


def test_lloyd_finds_the_blobs(blobs: Any) -> None:
    weights = np.ones(len(blobs.rows), np.float32)
    start = (blobs.centres + 1).astype(np.float32)
    found = lloyd(blobs.rows, weights, start, 0, 300)
    nearest = _gaps(blobs.rows, blobs.centres).argmin(axis=1)
    means = [blobs.rows[nearest == number].mean(axis=0) for number in range(8)]
    np.testing.assert_allclose(found.centres, means, atol=1e-3)
    assert found.iterations < 300
    squares, weight = mean_distance(blobs.rows, weights, found.centres)
    assert squares / weight == pytest.approx(_gaps(blobs.rows, found.centres).min(axis=1).mean(), rel=1e-5)


def test_every_iteration_of_lloyd_helps() -> None:
    random = np.random.default_rng(3)
    points = random.normal(size=(500, 3)).astype(np.float32)
    weights = random.random(500).astype(np.float32)
    start = points[:10]
    costs = [lloyd(points, weights, start, 0, iterations).msd for iterations in range(1, 12)]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(costs))
    assert costs[-1] < 0.9 * costs[0]


def test_the_tolerance_ends_lloyd() -> None:
    random = np.random.default_rng(4)
    points, weights = random.normal(size=(2000, 5)).astype(np.float32), np.ones(2000, np.float32)
    runs = [lloyd(points, weights, points[:20], tolerance, 300) for tolerance in (1, 1e-2, 1e-4)]
    iterations = [run.iterations for run in runs]
    assert iterations == sorted(iterations)
    assert iterations[0] == 2
    assert iterations[2] > iterations[1] > 2


def test_a_weight_is_so_many_points() -> None:
    random = np.random.default_rng(5)
    points = random.normal(size=(200, 2)).astype(np.float32)
    weights = random.integers(1, 5, 200)
    repeated = np.repeat(points, weights, axis=0)
    one = lloyd(points, weights.astype(np.float32), points[:6], 1e-4, 50)
    other = lloyd(repeated, np.ones(len(repeated), np.float32), points[:6], 1e-4, 50)
    np.testing.assert_allclose(one.centres, other.centres, atol=1e-5)
    assert one.msd == pytest.approx(other.msd, rel=1e-5)


def test_a_centre_without_points_stays() -> None:
    points = np.array([[0.0], [1.0], [10.0], [11.0]], np.float32)
    found = lloyd(points, np.ones(4, np.float32), np.array([[0.0], [10.0], [99.0]], np.float32), 0, 10)
    assert found.centres.tolist() == [[0.5], [10.5], [99.0]]


@pytest.mark.parametrize("method", ["random", "kmeans++"])
@pytest.mark.parametrize("sparse", [False, True])
def test_first_centres_are_different_points(method: str, sparse: bool) -> None:
    points = np.random.default_rng(6).normal(size=(300, 4)).astype(np.float32)
    given: Any = scipy.sparse.csr_matrix(points) if sparse else points
    for count in (1, 20, 300):
        chosen = initial(method, given, np.ones(300, np.float32), count, np.random.default_rng(0))
        assert len(set(chosen.tolist())) == count


@pytest.mark.parametrize("method", ["random", "kmeans++"])
def test_points_without_weight_are_not_chosen(method: str) -> None:
    points = np.arange(100, dtype=np.float32)[:, None]
    weights = (np.arange(100) >= 60).astype(np.float32)
    for seed in range(20):
        chosen = initial(method, points, weights, 5, np.random.default_rng(seed))
        assert chosen.min() >= 60


def test_plus_plus_begins_in_every_blob_and_random_does_not(blobs: Any) -> None:
    nearest = _gaps(blobs.rows, blobs.centres).argmin(axis=1)
    weights = np.ones(len(blobs.rows), np.float32)
    covered = {
        method: [
            len(set(nearest[initial(method, blobs.rows, weights, 8, np.random.default_rng(seed))].tolist()))
            for seed in range(20)
        ]
        for method in ("random", "kmeans++")
    }
    assert np.mean(covered["kmeans++"]) > 7.8
    assert np.mean(covered["random"]) < 6.5


def test_plus_plus_on_few_different_points() -> None:
    points = np.repeat(np.array([[0.0], [1.0]], np.float32), 50, axis=0)
    chosen = initial("kmeans++", points, np.ones(100, np.float32), 6, np.random.default_rng(0))
    assert set(points[chosen, 0].tolist()) == {0.0, 1.0}
    assert len(set(chosen.tolist())) == 6
