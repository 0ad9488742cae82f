"""Sums and sketches of rows against numpy's singular value decomposition of all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.contract.collective import Collective, alone
from sagewright_algorithms.pca import components
from sagewright_algorithms.pca.components import Components
from sagewright_algorithms.pca.covariance import Covariance
from sagewright_algorithms.pca.sketch import Sketch
from unit.algorithms.side_by_side import side_by_side

Array = np.ndarray[Any, Any]


def _rows(count: int, width: int, *, seed: int = 0, power: float = 1.0) -> Array:
    random = np.random.default_rng(seed)
    turned = np.linalg.qr(random.normal(size=(width, width)))[0]
    spread = np.arange(1.0, width + 1) ** -power
    return (random.normal(size=(count, width)) * spread @ turned + random.normal(size=width)).astype(np.float32)


def _decomposed(rows: Array, *, centre: bool = True) -> tuple[Array, Array]:
    wide = rows.astype(np.float64)
    _, singular, right = np.linalg.svd(wide - wide.mean(axis=0) if centre else wide, full_matrices=False)
    return singular, right.T


def _of(parts: list[Any], rows: Any, count: int, *, piece: int = 400) -> Components:
    for number, begin in enumerate(range(0, rows.shape[0], piece)):
        parts[number % len(parts)].add(rows[begin : begin + piece])
    found: Components = type(parts[0]).components(parts, count, alone())
    return found


def _same(found: Components, rows: Array, count: int, *, centre: bool = True, bound: float = 1e-5) -> None:
    singular, right = _decomposed(rows, centre=centre)
    np.testing.assert_allclose(found.singular[::-1], singular[:count], rtol=bound)
    np.testing.assert_allclose(np.abs(np.sum(found.vectors[:, ::-1] * right[:, :count], axis=0)), 1, atol=bound)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("centre", [True, False])
def test_covariance(count: int, centre: bool) -> None:
    rows = _rows(3000, 20)
    found = _of([Covariance(20, centre=centre) for _ in range(count)], rows, 5)
    _same(found, rows, 5, centre=centre)
    assert (found.mean is not None) is centre
    if found.mean is not None:
        np.testing.assert_allclose(found.mean, rows.mean(axis=0, dtype=np.float64), atol=1e-7)


def test_means_that_are_large_beside_the_deviations() -> None:
    """Where float32 products alone would have nothing left of the variance."""
    rows = _rows(20_000, 8, power=0.5) + np.float32(4096)
    _same(_of([Covariance(8, centre=True)], rows, 4), rows, 4, bound=1e-5)
    naive = rows.T @ rows - len(rows) * np.outer(rows.mean(axis=0), rows.mean(axis=0))
    assert abs(np.sqrt(np.linalg.eigvalsh(naive)[-4]) / _decomposed(rows)[0][3] - 1) > 1e-3


def test_rows_whose_mean_moves() -> None:
    rows = _rows(6000, 6)
    rows += np.linspace(0, 20, len(rows), dtype=np.float32)[:, None]
    _same(_of([Covariance(6, centre=True) for _ in range(2)], rows, 2), rows, 2)


@pytest.mark.parametrize("density", [0.01, 0.3])
@pytest.mark.parametrize("centre", [True, False])
def test_sparse_rows(density: float, centre: bool) -> None:
    rows = scipy.sparse.random(2000, 60, density, "csr", np.float32, np.random.default_rng(1))
    found = _of([Covariance(60, centre=centre) for _ in range(2)], rows, 3)
    expected = _of([Covariance(60, centre=centre)], rows.toarray(), 3)
    np.testing.assert_allclose(found.singular, expected.singular, rtol=1e-5)
    sketched = _of([Sketch(60, 14, centre=centre, seed=[0])], rows, 3)
    other = _of([Sketch(60, 14, centre=centre, seed=[0])], rows.toarray(), 3)
    np.testing.assert_allclose(sketched.singular, other.singular, rtol=1e-4)
    np.testing.assert_allclose(sketched.vectors, other.vectors, atol=1e-3)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("centre", [True, False])
def test_a_sketch_explains_nearly_as_much(parts: int, centre: bool) -> None:
    rows = _rows(5000, 300, power=0.75)
    found = _of([Sketch(300, 20, centre=centre, seed=[1, number]) for number in range(parts)], rows, 10)
    singular, _ = _decomposed(rows, centre=centre)
    around = rows - rows.mean(axis=0) if centre else rows
    explained, most, whole = (
        np.square(around @ found.vectors).sum(),
        np.square(singular[:10]).sum(),
        (singular**2).sum(),
    )
    assert most - 1e-3 * whole < explained < most + 1e-5 * whole
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(10), atol=1e-4)
    np.testing.assert_allclose(np.square(found.singular).sum() / whole, most / whole, atol=2e-3)
    assert (np.diff(found.singular) > 0).all()


def test_a_sketch_of_a_mean_that_moves() -> None:
    rows = _rows(4000, 100)
    rows += np.linspace(0, 30, len(rows), dtype=np.float32)[:, None]
    found = _of([Sketch(100, 12, centre=True, seed=[number]) for number in range(2)], rows, 2)
    _same(found, rows, 2, bound=1e-3)
    assert found.mean is not None
    np.testing.assert_allclose(found.mean, rows.mean(axis=0, dtype=np.float64), atol=1e-5)


@pytest.mark.parametrize("make", [lambda: Covariance(30, centre=True), lambda: Sketch(30, 10, centre=True, seed=[0])])
def test_fewer_rows_than_components(make: Any) -> None:
    rows = _rows(3, 30)
    found = _of([make()], rows, 6)
    np.testing.assert_allclose(found.singular[:4], 0, atol=1e-2)
    np.testing.assert_allclose(found.singular[:3:-1], _decomposed(rows)[0][:2], rtol=1e-4)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(6), atol=1e-4)


@pytest.mark.parametrize("kind", ["exact", "sketch"])
def test_instances_share_what_they_know(kind: str) -> None:
    """The third has no rows at all."""
    rows = _rows(2400, 40, power=2.0)
    shares = [rows[:1500], rows[1500:], rows[:0]]

    def work(number: int, collective: Collective) -> Components:
        part: Any = Covariance(40, centre=True) if kind == "exact" else Sketch(40, 20, centre=True, seed=[number])
        if len(shares[number]):
            part.add(shares[number])
        found: Components = type(part).components([part], 4, collective)
        return found

    first, *others = side_by_side(3, work)
    _same(first, rows, 4, bound=1e-5 if kind == "exact" else 1e-3)
    for other in others:
        np.testing.assert_array_equal(other.vectors, first.vectors)


def test_many_features_have_the_largest_eigenvectors_alone() -> None:
    rows = _rows(700, 600, power=1.5)
    around = (rows - rows.mean(axis=0)).astype(np.float64)
    _same(components.of_gram(around.T @ around, 3, None), rows, 3)
