"""The reservoir: a uniform sample, of one instance's rows and of those of several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from sagewright_algorithms.contract.collective import Collective, alone
from sagewright_algorithms.knn import sampling
from sagewright_algorithms.knn.points import Points
from sagewright_algorithms.knn.reduction import Reduction
from sagewright_algorithms.knn.sampling import Reservoir, Sample
from unit.algorithms.side_by_side import side_by_side

Array = np.ndarray[Any, Any]

_PLAIN = Points(2, 2, None, normalize=False)


def _numbered(count: int) -> tuple[Array, Array]:
    """Rows that say which they are, and so do their labels."""
    numbers = np.arange(count, dtype=np.float32)
    return np.column_stack([numbers, -numbers]), numbers


def _fill(reservoir: Reservoir, rows: Array, labels: Array, piece: int) -> Reservoir:
    for begin in range(0, len(labels), piece):
        reservoir.add(rows[begin : begin + piece], labels[begin : begin + piece])
    return reservoir


def _check(sample: Sample, size: int) -> None:
    """Labels are of their rows, and no row is there twice."""
    np.testing.assert_array_equal(sample.points, np.column_stack([sample.labels, -sample.labels]))
    assert len(np.unique(sample.labels)) == size


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(("count", "size"), [(30, 50), (50, 50), (500, 50)])
def test_so_many_rows_or_all_of_them(count: int, size: int, piece: int) -> None:
    reservoir = _fill(Reservoir(size, _PLAIN, [1]), *_numbered(count), piece)
    assert (reservoir.seen, reservoir.kept) == (count, min(count, size))
    _check(reservoir.shared(alone()), min(count, size))


def _uniform(counts: Array) -> bool:
    return bool(scipy.stats.chisquare(counts).pvalue > 1e-3)


def test_every_row_is_as_likely() -> None:
    rows, labels = _numbered(60)
    counts = np.zeros(60)
    for seed in range(2000):
        counts[_fill(Reservoir(12, _PLAIN, [seed]), rows, labels, 25).shared(alone()).labels.astype(int)] += 1
    assert counts.sum() == 2000 * 12
    assert _uniform(counts)


def test_instances_with_unlike_shares_have_one_uniform_sample() -> None:
    """The third has no rows."""
    rows, labels = _numbered(90)
    ends = [0, 70, 90, 90]
    counts = np.zeros(90)

    def work(number: int, collective: Collective) -> list[Sample]:
        part = slice(ends[number], ends[number + 1])
        return [
            _fill(Reservoir(30, _PLAIN, [seed, number]), rows[part], labels[part], 13).shared(collective)
            for seed in range(300)
        ]

    first, *others = side_by_side(3, work)
    for index, sample in enumerate(first):
        _check(sample, 30)
        counts[sample.labels.astype(int)] += 1
        for other in others:
            np.testing.assert_array_equal(other[index].points, sample.points)
    assert _uniform(counts)


@pytest.mark.parametrize("countable", [10**9, 0])
def test_shares(countable: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_COUNTABLE", countable)
    for seen, size in (([700, 200, 0, 100], 100), ([3, 4], 100)):
        found = Reservoir(size, _PLAIN, [5])._shares(np.array(seen))
        assert found.sum() == min(size, sum(seen))
        assert (found <= seen).all()
        assert (np.abs(found - np.array(seen) * found.sum() / sum(seen)) < 12).all()


def test_sparse_rows_are_kept_as_points() -> None:
    rows = scipy.sparse.random(300, 40, 0.2, "csr", np.float32, np.random.default_rng(1))
    labels = np.arange(300, dtype=np.float32)
    points = Points(40, 8, Reduction("sign", 3, 8, 40), normalize=True)
    sample = _fill(Reservoir(50, points, [0]), rows, labels, 90).shared(alone())  # type: ignore[arg-type]
    np.testing.assert_allclose(sample.points, points(rows.toarray())[sample.labels.astype(int)], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(sample.points, axis=1), 1, rtol=1e-5)
