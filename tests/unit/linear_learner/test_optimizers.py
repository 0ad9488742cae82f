"""The batched optimisers against plain ones, written for one parameter at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.linear_learner.optimizers import optimizer_of, rates, shrink

Array = np.ndarray[Any, Any]

COLUMNS = {
    "momentum": np.array([0.0, 0.5, 0.9], np.float32),
    "beta_1": np.array([0.9, 0.8, 0.0], np.float32),
    "beta_2": np.array([0.999, 0.9, 0.5], np.float32),
}


def _sgd(slopes: Array, model: int) -> Iterator[float]:
    velocity = 0.0
    for slope in slopes:
        velocity = float(COLUMNS["momentum"][model]) * velocity + slope
        yield velocity


def _adam(slopes: Array, model: int) -> Iterator[float]:
    first, second = float(COLUMNS["beta_1"][model]), float(COLUMNS["beta_2"][model])
    mean = square = 0.0
    for count, slope in enumerate(slopes, 1):
        mean = first * mean + (1 - first) * slope
        square = second * square + (1 - second) * slope**2
        yield mean / (1 - first**count) / ((square / (1 - second**count)) ** 0.5 + 1e-8)


def _rmsprop(slopes: Array, model: int) -> Iterator[float]:
    square = 0.0
    for slope in slopes:
        square = 0.9 * square + 0.1 * slope**2
        yield slope / (square**0.5 + 1e-8)


@pytest.mark.parametrize(("name", "plain"), [("sgd", _sgd), ("adam", _adam), ("rmsprop", _rmsprop)])
def test_directions(name: str, plain: Any) -> None:
    slopes = np.random.default_rng(0).normal(size=(30, 4, 3)).astype(np.float32)
    optimizer = optimizer_of(name, (4, 3), COLUMNS)
    found = np.stack([optimizer.direction(slope.copy(), count)[0].copy() for count, slope in enumerate(slopes, 1)])
    for row in range(4):
        for model in range(3):
            expected = list(plain(slopes[:, row, model].astype(np.float64), model))
            np.testing.assert_allclose(found[:, row, model], expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_the_metric_is_what_a_constant_force_moves(name: str) -> None:
    optimizer = optimizer_of(name, (2, 3), COLUMNS)
    force = np.array([[0.5, -2.0, 3.0], [1.0, 0.1, -0.2]], np.float32)
    for count in range(1, 300):
        direction, metric = optimizer.direction(force.copy(), count)
    np.testing.assert_allclose(direction, np.broadcast_to(metric, force.shape) * force, rtol=1e-3)


def test_shrinking_stops_at_zero() -> None:
    parameters = np.array([[3.0, -3.0, 0.5, -0.5, 0.0]], np.float32)
    shrink(parameters, np.ones_like(parameters), np.empty_like(parameters))
    np.testing.assert_array_equal(parameters, [[2, -2, 0, 0, 0]])


def test_rates() -> None:
    columns = {
        "learning_rate": np.array([0.1, 0.1, 1e-6]),
        "lr_scheduler_step": np.array([10, 3, 1]),
        "lr_scheduler_factor": np.array([0.5, 0.9, 0.5]),
        "lr_scheduler_minimum_lr": np.array([0.02, 1e-5, 1e-5]),
    }
    np.testing.assert_allclose(rates(columns, 1, scheduled=True), [0.1, 0.1, 1e-6])
    np.testing.assert_allclose(rates(columns, 10, scheduled=True), [0.1, 0.1 * 0.9**3, 1e-6], rtol=1e-6)
    np.testing.assert_allclose(rates(columns, 11, scheduled=True), [0.05, 0.1 * 0.9**3, 1e-6], rtol=1e-6)
    np.testing.assert_allclose(rates(columns, 1000, scheduled=True), [0.02, 1e-5, 1e-6], rtol=1e-6)
    np.testing.assert_allclose(rates(columns, 1000, scheduled=False), columns["learning_rate"], rtol=1e-6)
