"""How parameters begin, and what hyperparameters are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.factorization_machines.settings import Settings
from sagewright_algorithms.factorization_machines.spec import SPEC

_GIVEN = {"feature_dim": "2000", "num_factors": "10", "predictor_type": "regressor"}
_TERMS = ("bias", "linear", "factors")


def _begin(**more: str) -> Parameters:
    return Parameters.begin(Settings.of(SPEC.parse({**_GIVEN, **more})), np.random.default_rng(0))


def test_parameters_begin_near_zero() -> None:
    found = _begin()
    assert [array.shape for array in found] == [(1, 1), (2000, 1), (2000, 10)]
    assert {array.dtype for array in found} == {np.dtype(np.float32)}
    assert 0 < abs(found.bias[0, 0]) < 0.05
    assert found.linear.std() == pytest.approx(0.01, rel=0.05)
    assert found.factors.std() == pytest.approx(0.001, rel=0.05)
    assert np.abs(found.factors.mean()) < 1e-4


@pytest.mark.parametrize("term", _TERMS)
def test_normal(term: str) -> None:
    array = getattr(_begin(**{f"{term}_init_method": "normal", f"{term}_init_sigma": "3"}), term)
    if array.size == 1:
        assert array[0, 0] == pytest.approx(300 * _begin().bias[0, 0], rel=1e-6)
        return
    assert array.std() == pytest.approx(3, rel=0.05)
    assert np.abs(array).max() > 8


@pytest.mark.parametrize("term", _TERMS)
def test_uniform(term: str) -> None:
    array = getattr(_begin(**{f"{term}_init_method": "uniform", f"{term}_init_scale": "2"}), term)
    assert np.abs(array).max() <= 2
    if array.size > 1:
        assert array.min() < -1.98
        assert array.max() > 1.98
        assert array.std() == pytest.approx(2 / np.sqrt(3), rel=0.05)


@pytest.mark.parametrize("term", _TERMS)
def test_constant(term: str) -> None:
    found = _begin(**{f"{term}_init_method": "constant", f"{term}_init_value": "-0.25"})
    for name, array in found._asdict().items():
        assert (array == -0.25).all() == (name == term)


@pytest.mark.parametrize("term", ["bias", "linear"])
def test_a_term_that_the_model_does_not_have_is_zero(term: str) -> None:
    found = _begin(**{f"use_{term}": "False", f"{term}_init_method": "constant", f"{term}_init_value": "7"})
    assert not getattr(found, term).any()
    assert found.factors.any()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        *(({f"{term}_init_method": "uniform"}, f"{term}_init_scale is required") for term in _TERMS),
        *(({f"{term}_init_method": "constant"}, f"{term}_init_value is required") for term in _TERMS),
        ({"bias_lr": "-1"}, "bias_lr"),
        ({"factors_wd": "nan"}, "factors_wd"),
        ({"linear_init_sigma": "-0.1"}, "linear_init_sigma"),
        ({"epochs": "0"}, "epochs"),
        ({"mini_batch_size": "0"}, "mini_batch_size"),
        ({"predictor_type": "multiclass_classifier"}, "predictor_type"),
        ({"_optimizer": "sgd"}, "_optimizer"),
        ({"num_factors": "0"}, "num_factors"),
    ],
)
def test_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        SPEC.parse({**_GIVEN, **given})


def test_hidden_names_and_the_forms_of_their_values() -> None:
    settings = Settings.of(
        SPEC.parse(
            {
                **_GIVEN,
                "_num_gpus": "auto",
                "_kvstore": "dist_async",
                "_num_kv_servers": "2",
                "_log_level": "debug",
                "_tuning_objective_metric": "test:rmse",
                "_data_format": "record",
                "_use_full_symbolic": "false",
                "_learning_rate": "0.5",
                "linear_lr": "5E-4",
                "epochs": "3",
                "batch_metrics_publish_interval": "7",
            }
        )
    )
    assert settings.terms["linear"].rate == pytest.approx(2.5e-4)
    assert (settings.epochs, settings.interval, settings.clip, settings.rescale) == (3, 7, float("inf"), None)
