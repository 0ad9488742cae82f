"""The sample of a stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.kmeans.sample import Sample

Array = np.ndarray[Any, Any]


def _sampled(size: int, half_life: int, seed: int, rows: int = 10_000, batch: int = 500) -> tuple[Array, Array]:
    """(the numbers of the rows that stay, their weights)."""
    sample = Sample(size, half_life, np.random.default_rng(seed))
    for begin in range(0, rows, batch):
        end = min(rows, begin + batch)
        sample.add(np.arange(begin, end, dtype=np.float32)[:, None], end)
    found, weights = sample.rows()
    return found[:, 0], weights


def test_a_short_stream_stays_whole() -> None:
    rows, weights = _sampled(20_000, 0, 0)
    assert sorted(rows.tolist()) == list(range(10_000))
    assert rows.tolist() != sorted(rows.tolist())
    assert (weights == 1).all()


def test_a_sample_stands_for_all_rows() -> None:
    found = [_sampled(1000, 0, seed) for seed in range(20)]
    assert all(len(rows) == 1000 == len(set(rows.tolist())) for rows, _ in found)
    assert np.mean([weights.sum() for _, weights in found]) == pytest.approx(10_000, rel=0.02)
    # Early and late rows alike.
    assert np.mean([rows.mean() for rows, _ in found]) == pytest.approx(5000, rel=0.02)


def test_half_life_in_a_stream_that_stays_whole() -> None:
    rows, weights = _sampled(20_000, 1000, 0)
    of = dict(zip(rows.tolist(), weights.tolist(), strict=True))
    assert of[9999] == 1
    assert of[9999 - 1000] == pytest.approx(1 / 2)
    assert of[9999 - 3000] == pytest.approx(1 / 8)


def test_half_life_in_a_sample() -> None:
    """Late rows are in more often; with their weights the sample estimates the sums of the whole stream."""
    exact_rows, exact = _sampled(20_000, 2000, 0)
    found = [_sampled(1000, 2000, seed) for seed in range(30)]
    assert np.mean([rows.mean() for rows, _ in found]) > 6500
    assert np.mean([weights.sum() for _, weights in found]) == pytest.approx(exact.sum(), rel=0.02)
    expected = np.average(exact_rows, weights=exact)
    assert np.mean([np.average(rows, weights=weights) for rows, weights in found]) == pytest.approx(expected, rel=0.02)


def test_sparse_rows() -> None:
    sample = Sample(100, 0, np.random.default_rng(0))
    matrix = scipy.sparse.random(1000, 30, 0.2, "csr", np.float32, np.random.default_rng(1))
    for begin in range(0, 1000, 50):
        sample.add(matrix[begin : begin + 50], begin + 50)
    rows, weights = sample.rows()
    assert rows.shape == (100, 30)
    assert weights.sum() == pytest.approx(1000, rel=0.3)
    whole = {row.tobytes() for row in matrix.toarray()}
    assert all(row.tobytes() in whole for row in rows.toarray())


def test_no_more_than_a_few_batches_beyond_the_sample_are_held() -> None:
    sample = Sample(1000, 10, np.random.default_rng(0))
    for end in range(100, 100_000, 100):
        sample.add(np.zeros((100, 1), np.float32), end)
        assert sum(part.rows.shape[0] for part in sample._parts) <= 1500
