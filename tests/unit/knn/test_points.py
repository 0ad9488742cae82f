"""Reductions, indexes and votes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.knn import index
from sagewright_algorithms.knn.points import Points
from sagewright_algorithms.knn.reduction import Reduction
from sagewright_algorithms.knn.voting import Vote

Array = np.ndarray[Any, Any]


def _rows(count: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_reductions_keep_lengths_and_products_on_average(kind: str) -> None:
    rows = _rows(40, 300)
    products = rows @ rows.T
    found = np.mean([p @ p.T for p in (Reduction(kind, seed, 64, 300)(rows) for seed in range(200))], axis=0)
    np.testing.assert_allclose(found, products, atol=0.03 * products.max())
    one = Reduction(kind, 7, 64, 300)(rows)
    shares = np.square(one).sum(axis=1) / np.square(rows).sum(axis=1)
    assert 0.5 < shares.min() < shares.max() < 1.6


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_reductions_are_linear_and_take_sparse_rows(kind: str) -> None:
    reduction = Reduction(kind, 1, 12, 50)
    rows = scipy.sparse.random(30, 50, 0.1, "csr", np.float32, np.random.default_rng(1))
    dense = rows.toarray()
    np.testing.assert_allclose(reduction(rows), reduction(dense), atol=1e-5)
    joined = reduction(dense[:10] + 2 * dense[10:20])
    np.testing.assert_allclose(joined, reduction(dense[:10]) + 2 * reduction(dense[10:20]), atol=1e-5)


@pytest.mark.parametrize(("kind", "digest"), [("sign", "f3412d33981d6dc7"), ("fjlt", "1c9c29ee29d68af7")])
def test_a_seed_means_the_same_for_ever(kind: str, digest: str) -> None:
    """A model says no more of its projection than the seed."""
    found = np.rint(Reduction(kind, 20171129, 3, 6)(np.eye(6, dtype=np.float32)) * 1000).astype(int)
    assert hashlib.sha256(str(found.tolist()).encode()).hexdigest()[:16] == digest


def test_more_dimensions_than_features_and_rows_without_length() -> None:
    assert Reduction("fjlt", 1, 8, 5)(_rows(4, 5)).shape == (4, 8)
    points = Points(3, 4, None, normalize=True)(np.array([[0, 0, 0], [3, 0, 4]], np.float32))
    np.testing.assert_allclose(points, [[0, 0, 0, 0], [0.6, 0, 0.8, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"index_type": "faiss.Flat"}, 50),
        ({"index_type": "faiss.IVFFlat", "dimension_reduction_target": 7}, 7),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": 16}, 64),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": 8, "dimension_reduction_target": 30}, 32),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": 48, "dimension_reduction_target": 49}, 96),
        ({"index_type": "faiss.IVFPQ"}, 50),
    ],
)
def test_dimensions(values: dict[str, Any], expected: int) -> None:
    assert index.dimensions({"feature_dim": 50, **values}) == expected


def _values(**more: Any) -> dict[str, Any]:
    return {"index_metric": "L2", "faiss_index_ivf_nlists": "auto", "_faiss_index_nprobe": 5, **more}


@pytest.mark.parametrize("kind", ["faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"])
@pytest.mark.parametrize("count", [1, 3, 40, 2000])
def test_indexes_of_many_and_few_rows(kind: str, count: int) -> None:
    rows = _rows(count, 8)
    if any(needed > count for needed, _ in index.needs(_values(index_type=kind))):
        assert (kind, count) == ("faiss.IVFPQ", 1)
        return
    built = index.build(_values(index_type=kind), rows)
    distances, found = index.search(built, rows, min(count, 30))
    assert (built.ntotal, built.d) == (count, 8)
    assert (found >= 0).all(), "a search that looks at a few centroids found too few rows"
    assert all(len(set(one)) == min(count, 30) for one in found.tolist())
    assert (np.diff(distances, axis=1) >= 0).all()
    if kind != "faiss.IVFPQ":
        np.testing.assert_array_equal(found[:, 0], np.arange(count))
    if kind != "faiss.Flat":
        assert built.nlist == int(np.sqrt(count))
        assert built.nprobe == min(5, built.nlist)


@pytest.mark.parametrize("metric", ["L2", "INNER_PRODUCT", "COSINE"])
def test_an_inverted_index_that_looks_at_all_lists_is_exact(metric: str) -> None:
    rows, queries = _rows(2000, 8), _rows(50, 8, 1)
    points = Points(8, 8, None, normalize=metric == "COSINE")
    built = [
        index.build(_values(index_type=kind, index_metric=metric, _faiss_index_nprobe=100), points(rows))
        for kind in ("faiss.Flat", "faiss.IVFFlat")
    ]
    (distances, found), (others, other) = (index.search(one, points(queries), 7) for one in built)
    np.testing.assert_array_equal(found, other)
    np.testing.assert_allclose(distances, others, rtol=1e-5)
    # Products are largest first.
    assert (np.diff(distances, axis=1) >= 0).all() if metric == "L2" else (np.diff(distances, axis=1) <= 0).all()


def test_votes() -> None:
    labels = np.array([2, 2, 0.5, 0.5, -1, 7], np.float32)
    neighbours = np.array([[0, 2, 1], [0, 2, 4], [5, 5, 3], [2, 0, 5]])
    np.testing.assert_array_equal(Vote("classifier", labels)(neighbours), np.array([2, -1, 7, 0.5], np.float32))
    np.testing.assert_allclose(Vote("regressor", labels)(neighbours), [1.5, 0.5, 14.5 / 3, 9.5 / 3], rtol=1e-6)


def test_votes_of_many_rows_and_classes() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3000, 9000).astype(np.float32)
    neighbours = random.integers(0, 9000, (4000, 7))
    found = Vote("classifier", labels)(neighbours)
    for row, expected in zip(labels[neighbours][:200], found[:200], strict=True):
        values, counts = np.unique(row, return_counts=True)
        assert expected == values[counts.argmax()]
