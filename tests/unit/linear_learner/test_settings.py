"""What ``auto`` means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.linear_learner.hyperparameters import DEFAULTS
from sagewright_algorithms.linear_learner.settings import Settings, resolve
from sagewright_algorithms.linear_learner.weights import weights_of


def _resolve(memory: int = 1 << 34, width: int = 10, **given: Any) -> Settings:
    return resolve({"predictor_type": "binary_classifier", **given}, DEFAULTS, width=width, memory=memory)


@pytest.mark.parametrize(
    ("kind", "loss"),
    [("binary_classifier", "logistic"), ("regressor", "squared_loss"), ("multiclass_classifier", "softmax_loss")],
)
def test_auto_losses(kind: str, loss: str) -> None:
    assert _resolve(predictor_type=kind, num_classes=3).values["loss"] == loss


def test_thirty_two_models_of_adam() -> None:
    settings = _resolve()
    assert settings.models == 32
    assert settings.values["optimizer"] == "adam"
    assert len(set(settings.columns["learning_rate"].tolist())) == 32
    assert settings.columns["l1"][0] == 0


def test_given_values_are_kept() -> None:
    columns = _resolve(learning_rate=0.3, wd=0.0, lr_scheduler_step=7).columns
    for name, value in {"learning_rate": 0.3, "wd": 0.0, "lr_scheduler_step": 7}.items():
        np.testing.assert_array_equal(columns[name], value)
    assert len(np.unique(columns["l1"])) > 2


def test_the_draws_are_always_the_same() -> None:
    first, second = _resolve().columns, _resolve().columns
    for name, column in first.items():
        np.testing.assert_array_equal(column, second[name])


def test_a_tuning_job_trains_one_model() -> None:
    assert _resolve(num_models=8, _tuning_objective_metric="validation:objective_loss").models == 1


def test_fewer_models_where_memory_is_short() -> None:
    many = {"predictor_type": "multiclass_classifier", "num_classes": 1_000_000}
    assert _resolve(memory=1 << 33, width=100, **many).models == 1
    assert _resolve(memory=1 << 33, width=100, num_models=2, **many).models == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [(1.0, None), (3.0, [1, 3]), ("balanced", [1, 4])],
)
def test_weights_of_positive_examples(given: Any, expected: list[float] | None) -> None:
    weights = weights_of(_resolve(positive_example_weight_mult=given), np.array([80.0, 20.0]))
    found = weights.of(np.array([[0.0], [1.0]], np.float32))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_allclose(found[:, 0] / found[0, 0], expected, rtol=1e-6)
        assert 0.8 * found[0, 0] + 0.2 * found[1, 0] == pytest.approx(1)


def test_auto_weights_differ_by_model() -> None:
    found = weights_of(_resolve(positive_example_weight_mult="auto"), np.array([90.0, 10.0])).of(np.array([0.0, 1.0]))
    assert found is not None
    ratios = found[1] / found[0]
    np.testing.assert_allclose(ratios[[0, -1]], [1, 9], rtol=1e-5)
    assert (np.diff(ratios) > 0).all()


def test_balanced_classes_count_the_same() -> None:
    settings = _resolve(predictor_type="multiclass_classifier", num_classes=3, balance_multiclass_weights="true")
    counts = np.array([10.0, 70.0, 20.0])
    found = weights_of(settings, counts).of(np.arange(3))
    assert found is not None
    np.testing.assert_allclose(found[:, 0] * counts, 100 / 3, rtol=1e-6)
