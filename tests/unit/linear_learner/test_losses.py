"""Every loss's derivative against numeric differentiation, and its value against the formula written out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright_algorithms.linear_learner.hyperparameters import DEFAULTS
from sagewright_algorithms.linear_learner.losses import Loss, loss_of
from sagewright_algorithms.linear_learner.rules import LOSSES

Array = np.ndarray[Any, Any]

PARAMETERS = {"margin": 0.7, "quantile": 0.9, "loss_insensitivity": 0.3, "huber_delta": 0.8}
FORMULAS: dict[str, Callable[[float, float], float]] = {
    "logistic": lambda s, y: math.log1p(math.exp(-abs(s))) + max(s, 0) - s * y,
    "hinge_loss": lambda s, y: max(0.0, 0.7 - (2 * y - 1) * s),
    "squared_loss": lambda s, y: (s - y) ** 2,
    "absolute_loss": lambda s, y: abs(s - y),
    "eps_insensitive_squared_loss": lambda s, y: max(0.0, (s - y) ** 2 - 0.3**2),
    "eps_insensitive_absolute_loss": lambda s, y: max(0.0, abs(s - y) - 0.3),
    "quantile_loss": lambda s, y: 0.9 * (y - s) if y > s else 0.1 * (s - y),
    "huber_loss": lambda s, y: (s - y) ** 2 / 2 if abs(s - y) < 0.8 else 0.8 * abs(s - y) - 0.8**2 / 2,
}
BINARY = LOSSES["binary_classifier"]


def _loss(name: str, label_scale: float = 1.0) -> Loss:
    return loss_of({**DEFAULTS, **PARAMETERS, "loss": name}, label_scale)


def _run(loss: Loss, scores: Array, labels: Array) -> tuple[Array, Array]:
    """(derivatives, losses)."""
    slopes, losses = np.empty_like(scores), np.empty(scores.shape[:2], scores.dtype)
    loss.kernel(scores.copy(), labels, slopes, losses)
    return slopes, losses


SCORES = st.lists(st.floats(-6, 6, width=32), min_size=3, max_size=3)


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=60)
@given(rows=st.lists(st.tuples(SCORES, st.floats(-5, 5, width=32)), min_size=1, max_size=4))
def test_values_and_derivatives(name: str, rows: list[tuple[list[float], float]]) -> None:
    loss, formula = _loss(name), FORMULAS[name]
    # float64: what is under test is the formula, not float32's precision.
    scores = np.array([row for row, _ in rows])
    labels = np.array([[float(label > 0) if name in BINARY else label] for _, label in rows])
    slopes, losses = _run(loss, scores, labels)
    step = 1e-6
    for (row, model), score in np.ndenumerate(scores):
        label = labels[row, 0]
        assert losses[row, model] == pytest.approx(formula(score, label), rel=1e-5, abs=1e-6)
        low, middle, high = (formula(score + by, label) for by in (-step, 0, step))
        left, right = (middle - low) / step, (high - middle) / step
        # At a corner any slope between those of both sides is a derivative.
        slack = 1e-4 * max(1.0, abs(left), abs(right))
        assert min(left, right) - slack <= slopes[row, model] <= max(left, right) + slack


@settings(max_examples=60)
@given(
    scores=st.lists(st.floats(-20, 20, width=32), min_size=8, max_size=8),
    labels=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_softmax(scores: list[float], labels: tuple[int, int]) -> None:
    """Two rows, one model, four classes."""
    matrix = np.array(scores).reshape(2, 1, 4)
    slopes, losses = _run(_loss("softmax_loss"), matrix, np.array(labels))
    for row, label in enumerate(labels):
        exact = matrix[row, 0]
        powers = np.exp(exact - exact.max())
        expected = powers / powers.sum()
        assert losses[row, 0] == pytest.approx(-math.log(max(expected[label], 1e-300)), rel=1e-5, abs=1e-6)
        expected[label] -= 1
        np.testing.assert_allclose(slopes[row, 0], expected, atol=1e-6)


@pytest.mark.parametrize("score", [-1e4, -100.0, 100.0, 1e4])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_logistic_is_finite_for_any_score(score: float, label: float) -> None:
    slopes, losses = _run(_loss("logistic"), np.full((1, 1), score, np.float32), np.full((1, 1), label, np.float32))
    assert slopes[0, 0] == pytest.approx(float(score > 0) - label, abs=1e-6)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("name", LOSSES["regressor"])
def test_a_loss_is_in_the_labels_own_unit(name: str) -> None:
    """Training on labels divided by 50 has the loss of the labels themselves, divided by a power of 50."""
    plain, scaled = _loss(name), _loss(name, 50.0)
    random = np.random.default_rng(0)
    scores, labels = random.normal(size=(200, 2)) * 2, random.normal(size=(200, 1))
    slopes, losses = _run(plain, scores, labels)
    small_slopes, small_losses = _run(scaled, scores / 50, labels / 50)
    np.testing.assert_allclose(small_losses * 50.0**scaled.power, losses, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(small_slopes * 50.0 ** (scaled.power - 1), slopes, rtol=1e-3, atol=1e-6)
