"""Models trained together are the models trained alone, and reach the optimum that scikit-learn finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.linear_learner.ensemble import Batch, Ensemble
from sagewright_algorithms.linear_learner.hyperparameters import DEFAULTS
from sagewright_algorithms.linear_learner.losses import loss_of
from sagewright_algorithms.linear_learner.scaling import scaler_of
from sagewright_algorithms.linear_learner.settings import Settings, resolve
from sagewright_algorithms.linear_learner.weights import Weights

Array = np.ndarray[Any, Any]


def _settings(**given: Any) -> Settings:
    return resolve(given, DEFAULTS, width=6, memory=1 << 34)


def _prepared(settings: Settings, features: Any, labels: Array) -> Batch:
    examples = Examples(features, labels)
    return scaler_of(settings, [examples], features.shape[1], lambda array: array).batch(examples)


def _train(settings: Settings, batch: Batch, updates: int, width: int = 6) -> Ensemble:
    ensemble = Ensemble(settings, loss_of(settings.values, 1.0), width)
    for _ in range(updates):
        gradients, _, _ = ensemble.gradient(batch, Weights())
        ensemble.update(gradients, batch.rows)
    return ensemble


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("kind", ["binary_classifier", "multiclass_classifier", "regressor"])
def test_together_is_alone(kind: str, optimizer: str, rows: Any) -> None:
    labels = {"binary_classifier": rows.binary, "multiclass_classifier": rows.classes, "regressor": rows.numbers}[kind]
    given = {"predictor_type": kind, "num_classes": 4, "optimizer": optimizer, "init_scale": 1e-6, "bias_lr_mult": 2.0}
    # A centred label's bias would have a gradient of rounding errors, which adam makes steps of.
    given |= {"unbias_label": "false"}
    together = _settings(**given, num_models=5)
    batch = _prepared(together, rows.features, labels)
    all_of_them = _train(together, batch, 12)
    for number in range(5):
        own = {name: column[number].item() for name, column in together.columns.items()}
        alone = _train(_settings(**{**given, **own}, num_models=1), batch, 12)
        np.testing.assert_allclose(all_of_them.model(number), alone.model(0), rtol=2e-3, atol=2e-4)


OPTIMUM = {"num_models": 1, "learning_rate": 0.05, "use_lr_scheduler": "true", "lr_scheduler_step": 20,
           "lr_scheduler_factor": 0.9, "normalize_label": "false", "unbias_label": "false"}  # fmt: skip


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_logistic_regression_with_l2(optimizer: str, rows: Any) -> None:
    settings = _settings(
        **OPTIMUM,
        predictor_type="binary_classifier",
        optimizer=optimizer,
        wd=0.02,
        l1=0.0,
        lr_scheduler_minimum_lr=1e-7,
    )
    batch = _prepared(settings, rows.features, rows.binary)
    found = _train(settings, batch, 1500).parameters[:, 0]
    expected = LogisticRegression(C=1 / (0.02 * 1200), tol=1e-8).fit(batch.features[:, :6], rows.binary)
    np.testing.assert_allclose(found, [*expected.coef_[0], expected.intercept_[0]], atol=2e-3)


@pytest.mark.parametrize(("l1", "wd"), [(0.5, 0.0), (0.5, 0.1), (0.0, 0.3)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_squared_loss_with_l1_and_l2(optimizer: str, l1: float, wd: float, rows: Any) -> None:
    settings = _settings(
        **{**OPTIMUM, "learning_rate": 0.3 if optimizer == "adam" else 0.02, "lr_scheduler_minimum_lr": 1e-6},
        predictor_type="regressor", optimizer=optimizer, wd=wd, l1=l1,
    )  # fmt: skip
    labels = (rows.numbers - 50) / 7
    batch = _prepared(settings, rows.features, labels)
    found = _train(settings, batch, 2000).parameters[:, 0]
    features = batch.features[:, :6]
    # The loss here is e^2 a row, in scikit-learn e^2 / 2.
    if wd and l1:
        expected: Any = ElasticNet(alpha=(l1 + wd) / 2, l1_ratio=l1 / (l1 + wd)).fit(features, labels)
    elif l1:
        expected = Lasso(alpha=l1 / 2).fit(features, labels)
    else:
        expected = Ridge(alpha=wd / 2 * 1200).fit(features, labels)
    np.testing.assert_allclose(found, [*expected.coef_, expected.intercept_], atol=3e-3)
    if l1:
        assert ((found[:6] == 0) == (expected.coef_ == 0)).all()
        assert (found[:6] == 0).any()


def test_sparse_rows_train_the_same_model_as_dense_ones(sparse_features: Any) -> None:
    random = np.random.default_rng(0)
    labels = (sparse_features @ random.normal(size=40) + random.normal(size=1200) > 0).astype(np.float32)
    settings = _settings(predictor_type="binary_classifier", unbias_data="false", num_models=4)
    found = []
    for features in (sparse_features, sparse_features.toarray()):
        found.append(_train(settings, _prepared(settings, features, labels), 40, width=40).parameters)
    np.testing.assert_allclose(found[0], found[1], atol=2e-4)


def test_no_bias_and_the_initial_weights() -> None:
    given = {"predictor_type": "regressor", "num_models": 3}
    loss = loss_of(_settings(**given).values, 1.0)
    uniform = Ensemble(_settings(**given, init_scale=0.5, init_bias=2.0), loss, 5000).parameters
    assert uniform.shape == (5001, 3)
    np.testing.assert_array_equal(uniform[-1], 2)
    assert np.abs(uniform[:-1]).max() == pytest.approx(0.5, rel=0.01)
    normal = Ensemble(_settings(**given, init_method="normal", init_sigma=0.2, use_bias="false"), loss, 5000).parameters
    assert normal.shape == (5000, 3)
    assert normal.std() == pytest.approx(0.2, rel=0.05)
    assert not np.array_equal(normal[:, 0], normal[:, 1])
