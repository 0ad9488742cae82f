"""Updates against Adam as its authors write it, in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract import cores
from sagewright_algorithms.factorization_machines import gradients
from sagewright_algorithms.factorization_machines.adam import Adam
from sagewright_algorithms.factorization_machines.gradients import Gradient
from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.factorization_machines.settings import Settings

Array = np.ndarray[Any, Any]

_WIDTH, _FACTORS, _ROWS = 6, 3, 4
_GIVEN = {"feature_dim": _WIDTH, "num_factors": _FACTORS, "predictor_type": "regressor"}


def _steps(count: int) -> list[Gradient]:
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        used = np.sort(random.permutation(_WIDTH)[: random.integers(1, _WIDTH)]).astype(np.int32)
        linear, factors = (random.normal(size=(len(used), width)).astype(np.float32) for width in (1, _FACTORS))
        found.append(Gradient(float(random.normal()), used, linear, factors))
    return found


def _parameters() -> Parameters:
    random = np.random.default_rng(1)
    shapes = ((1, 1), (_WIDTH, 1), (_WIDTH, _FACTORS))
    return Parameters(*(random.normal(size=shape).astype(np.float32) for shape in shapes))


class _Textbook:
    """Of one array, whose rows are changed where they are used."""

    def __init__(self, values: Array, rate: float, decay: float, **more: float) -> None:
        self.values = values.astype(np.float64)
        self._rate, self._decay, self._more = rate, decay, more
        self._mean, self._square = np.zeros_like(self.values), np.zeros_like(self.values)
        self._number = 0

    def step(self, used: Array, gradient: Array) -> None:
        self._number += 1
        clip = self._more.get("clip") or np.inf
        whole = self._more.get("rescale", 1 / _ROWS) * gradient + self._decay * self.values[used]
        whole = np.clip(whole, -clip, clip)
        self._mean[used] = 0.9 * self._mean[used] + 0.1 * whole
        self._square[used] = 0.999 * self._square[used] + 0.001 * whole**2
        first, second = 1 - 0.9**self._number, 1 - 0.999**self._number
        # As MXNet writes it: epsilon beside the root before that one is corrected.
        rate = self._rate * np.sqrt(second) / first
        self.values[used] -= rate * self._mean[used] / (np.sqrt(self._square[used]) + self._more.get("epsilon", 1e-8))


def _check(given: dict[str, Any], terms: dict[str, tuple[float, float]], **more: float) -> None:
    """terms: learning rate and weight decay of the three."""
    parameters = _parameters()
    expected = {name: _Textbook(getattr(parameters, name), *terms[name], **more) for name in terms}
    adam = Adam(Settings.of({**_GIVEN, **given}), parameters)
    for gradient in _steps(20):
        adam.step(gradient, _ROWS)
        expected["bias"].step(np.array([0]), np.array([[gradient.bias]]))
        expected["linear"].step(gradient.used, gradient.linear)
        expected["factors"].step(gradient.used, gradient.factors)
    for name, array in parameters._asdict().items():
        np.testing.assert_allclose(array, expected[name].values, rtol=1e-4, atol=1e-6, err_msg=name)


_DEFAULTS = {"bias": (0.1, 0.01), "linear": (0.001, 0.001), "factors": (0.0001, 0.00001)}


def test_defaults() -> None:
    _check({}, _DEFAULTS)


@pytest.mark.parametrize("term", list(_DEFAULTS))
def test_a_terms_learning_rate_and_weight_decay(term: str) -> None:
    _check({f"{term}_lr": 0.05, f"{term}_wd": 0.5}, {**_DEFAULTS, term: (0.05, 0.5)})


def test_common_factors_of_rates_and_decays() -> None:
    terms = {name: (2 * rate, 3 * decay) for name, (rate, decay) in _DEFAULTS.items()}
    _check({"_learning_rate": 2.0, "_wd": 3.0}, terms)


@pytest.mark.parametrize(("given", "clip"), [(0.05, 0.05), (0.0, 0), (-1.0, 0)])
def test_clip_gradient(given: float, clip: float) -> None:
    _check({"clip_gradient": given, "linear_wd": 0.2}, {**_DEFAULTS, "linear": (0.001, 0.2)}, clip=clip)


def test_rescale_grad() -> None:
    """In place of one divided by the mini-batch's records."""
    _check({"rescale_grad": 2.0, "linear_wd": 0.2}, {**_DEFAULTS, "linear": (0.001, 0.2)}, rescale=2)


def test_eps() -> None:
    _check({"eps": 0.3}, _DEFAULTS, epsilon=0.3)


def test_a_learning_rate_of_zero_changes_nothing() -> None:
    parameters = _parameters()
    adam = Adam(Settings.of({**_GIVEN, "bias_lr": 0.0, "linear_lr": 0.0, "factors_lr": 0.0}), parameters)
    for gradient in _steps(3):
        adam.step(gradient, _ROWS)
    for array, before in zip(parameters, _parameters(), strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("term", ["bias", "linear"])
def test_a_term_that_the_model_does_not_have_stays_as_it_is(term: str) -> None:
    parameters = _parameters()
    Adam(Settings.of({**_GIVEN, f"use_{term}": "false"}), parameters).step(_steps(1)[0], _ROWS)
    changed = [
        name for name, array in parameters._asdict().items() if not np.array_equal(array, getattr(_parameters(), name))
    ]
    assert changed == [name for name in _DEFAULTS if name != term]


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> Parameters:
        parameters = _parameters()
        adam = Adam(Settings.of(_GIVEN), parameters)
        for gradient in _steps(5):
            adam.step(gradient, _ROWS)
        return parameters

    expected = run()
    monkeypatch.setattr(gradients, "_ENOUGH", 1)
    monkeypatch.setattr(cores, "_cores", lambda: 3)
    for one, other in zip(run(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
