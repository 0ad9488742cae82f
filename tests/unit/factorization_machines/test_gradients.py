"""Scores by the definition, a pair at a time, and gradients by small differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.contract import cores
from sagewright_algorithms.factorization_machines import gradients, parameters
from sagewright_algorithms.factorization_machines.data import Batch, plain
from sagewright_algorithms.factorization_machines.gradients import Gradient, Gradients
from sagewright_algorithms.factorization_machines.metrics import SUMS, results
from sagewright_algorithms.factorization_machines.parameters import Parameters, scores

Array = np.ndarray[Any, Any]

KINDS = ("regressor", "binary_classifier")
_RANDOM = np.random.default_rng(0)
_ROWS = _RANDOM.normal(size=(30, 12)) * (_RANDOM.random((30, 12)) < 0.3)
_LABELS = (_RANDOM.random(30) < 0.5).astype(np.float32)


def _model(width: int = 12, factors: int = 5) -> Parameters:
    random = np.random.default_rng(1)
    shapes = ((1, 1), (width, 1), (width, factors))
    return Parameters(*(random.normal(scale=0.5, size=shape).astype(np.float32) for shape in shapes))


def _expected_scores(model: Any, rows: Array) -> Array:
    bias, linear, factors = (np.asarray(array, np.float64) for array in model)
    found = bias[0, 0] + rows @ linear[:, 0]
    for one in range(rows.shape[1]):
        for other in range(one):
            found += rows[:, one] * rows[:, other] * (factors[one] @ factors[other])
    return np.asarray(found)


def _loss(kind: str, model: Any, rows: Array, labels: Array) -> float:
    found = _expected_scores(model, rows)
    if kind == "regressor":
        return float(np.square(found - labels).sum() / 2)
    return float(np.logaddexp(0, np.where(labels == 1, -found, found)).sum())


def _slopes(kind: str, model: Parameters, name: str, rows: Array, labels: Array) -> Array:
    """The loss's, by small differences."""
    arrays = {key: array.astype(np.float64) for key, array in model._asdict().items()}
    found = np.empty(arrays[name].shape)
    for at in np.ndindex(found.shape):
        losses = []
        for step in (1e-5, -1e-5):
            moved = arrays[name].copy()
            moved[at] += step
            losses.append(_loss(kind, {**arrays, name: moved}.values(), rows, labels))
        found[at] = (losses[0] - losses[1]) / 2e-5
    return found


def _spread(gradient: Gradient, width: int) -> tuple[Array, Array]:
    """Of all features."""
    linear, factors = np.zeros((width, 1)), np.zeros((width, gradient.factors.shape[1]))
    linear[gradient.used], factors[gradient.used] = gradient.linear, gradient.factors
    return linear, factors


def _of(kind: str, features: Any, model: Parameters, sums: Array | None = None) -> Gradient:
    labels = _LABELS[: features.shape[0]]
    return Gradients(kind, model).of(Batch(plain(features), labels), np.zeros(SUMS) if sums is None else sums)


def _forms(rows: Array) -> dict[str, Any]:
    rows = rows.astype(np.float32)
    return {"dense": rows, "sparse": scipy.sparse.csr_matrix(rows)}


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_scores(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model()
    for chunk in (1 << 22, 50):
        monkeypatch.setattr(parameters, "_CHUNK", chunk)
        found = scores(model, model.lengths, _forms(_ROWS)[form])
        np.testing.assert_allclose(found, _expected_scores(model, _ROWS), atol=1e-4)


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_losss(kind: str, form: str) -> None:
    model, sums = _model(), np.zeros(SUMS)
    found = _of(kind, _forms(_ROWS)[form], model, sums)
    linear, factors = _spread(found, 12)
    assert found.bias == pytest.approx(_slopes(kind, model, "bias", _ROWS, _LABELS)[0, 0], rel=1e-4)
    np.testing.assert_allclose(linear, _slopes(kind, model, "linear", _ROWS, _LABELS), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(factors, _slopes(kind, model, "factors", _ROWS, _LABELS), rtol=1e-3, atol=1e-4)
    loss = _loss(kind, model, _ROWS, _LABELS) * (2 if kind == "regressor" else 1)
    assert list(sums[:2]) == pytest.approx([30, loss], rel=1e-5)


def test_sparse_rows_touch_their_own_features_only() -> None:
    rows = np.zeros((3, 12))
    rows[0, 3], rows[0, 7], rows[2, 3] = 1, 2, 3
    found = _of("regressor", _forms(rows)["sparse"], _model())
    assert sorted(found.used) == [3, 7]


def test_a_feature_that_a_row_has_twice_is_the_sum_of_both() -> None:
    twice = scipy.sparse.csr_matrix(
        (np.array([1, 2, 0.5, -1], np.float32), np.array([4, 4, 9, 0]), np.array([0, 3, 4])), (2, 12)
    )
    model = _model()
    expected = _spread(_of("regressor", _forms(twice.toarray())["sparse"], model), 12)
    for one, other in zip(_spread(_of("regressor", twice, model), 12), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_rows_without_features() -> None:
    """Their score is the bias."""
    model = _model()
    found = _of("regressor", scipy.sparse.csr_matrix((3, 12), dtype=np.float32), model)
    assert (len(found.used), found.linear.shape, found.factors.shape) == (0, (0, 1), (0, 5))
    assert found.bias == pytest.approx(3 * float(model.bias[0, 0]) - _LABELS[:3].sum())


def test_the_next_batch_may_be_larger_or_smaller() -> None:
    model = _model()
    one = Gradients("regressor", model)
    for end in (5, 30, 1):
        rows = _forms(_ROWS[:end])["sparse"]
        found = one.of(Batch(plain(rows), _LABELS[:end]), np.zeros(SUMS))
        expected = _of("regressor", rows, model)
        np.testing.assert_array_equal(found.factors, expected.factors)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = _model(), _forms(_ROWS)["sparse"]
    expected = [np.array(array) for array in _of("regressor", rows, model)]
    monkeypatch.setattr(gradients, "_ENOUGH", 1)
    monkeypatch.setattr(cores, "_cores", lambda: 3)
    for one, other in zip(_of("regressor", rows, model), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_losses_far_out_are_finite() -> None:
    """A score of a thousand is as sure as can be."""
    model = Parameters(
        *(np.full(shape, value, np.float32) for shape, value in (((1, 1), 1e3), ((2, 1), 0), ((2, 1), 0)))
    )
    sums = np.zeros(SUMS)
    found = Gradients("binary_classifier", model).of(
        Batch(np.ones((2, 2), np.float32), np.array([0, 1], np.float32)), sums
    )
    assert found.bias == 1
    assert {name: value for name, value, _ in results("binary_classifier", sums)} == {
        "binary_classification_accuracy": 0.5,
        "binary_classification_cross_entropy": 500,
        "binary_f_1.000": pytest.approx(2 / 3),
    }


@pytest.mark.parametrize(
    ("labels", "scored", "expected"), [([1, 1, 0, 0], [1, -1, 1, -1], 0.5), ([0, 0], [-1, -1], 0.0)]
)
def test_f_score(labels: list[float], scored: list[float], expected: float) -> None:
    """0 where nothing is positive."""
    model = Parameters(np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32))
    sums = np.zeros(SUMS)
    rows = np.array(scored, np.float32)[:, None]
    Gradients("binary_classifier", model).of(Batch(rows, np.array(labels, np.float32)), sums)
    assert results("binary_classifier", sums)[2] == ("binary_f_1.000", expected, False)
