"""Normalisation: moments, prepared batches, and the way back to raw features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.linear_learner.hyperparameters import DEFAULTS
from sagewright_algorithms.linear_learner.scaling import Scaler, scaler_of
from sagewright_algorithms.linear_learner.settings import Settings, resolve

Array = np.ndarray[Any, Any]


def _settings(**given: Any) -> Settings:
    return resolve({"predictor_type": "regressor", **given}, DEFAULTS, width=3, memory=1 << 30)


def _scaler(features: Any, labels: Any, **given: Any) -> Scaler:
    halves = [slice(0, 70), slice(70, None)]
    head = [Examples(features[half], labels[half]) for half in halves]
    return scaler_of(_settings(**given), head, features.shape[1], lambda array: array)


@pytest.fixture(scope="module")
def table() -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 3)) * [1, 40, 0] + [1e4, -3, 7]
    return features.astype(np.float32), (random.normal(size=200) * 9 + 100).astype(np.float32)


def test_features_and_labels_are_standardised(table: tuple[Array, Array]) -> None:
    features, labels = table
    batch = _scaler(features, labels).batch(Examples(features, labels))
    np.testing.assert_allclose(batch.features[:, :2].mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(batch.features[:, :2].std(axis=0), 1, rtol=1e-3)
    np.testing.assert_array_equal(batch.features[:, 2], 0)  # a constant column
    np.testing.assert_array_equal(batch.features[:, 3], 1)  # the bias's
    assert batch.labels.mean() == pytest.approx(0, abs=1e-5)
    assert batch.labels.std() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "mean", "deviation"),
    [
        ({"normalize_data": "false"}, 0, 40),
        ({"unbias_data": "false"}, -3 / 40, 1),
        ({"normalize_data": "false", "unbias_data": "false"}, -3, 40),
        ({"use_bias": "false"}, -3 / 40, 1),
        ({"use_bias": "false", "unbias_data": "true"}, 0, 1),
    ],
)
def test_which_part_is_done(table: tuple[Array, Array], given: dict[str, str], mean: float, deviation: float) -> None:
    features, labels = table
    batch = _scaler(features, labels, **given).batch(Examples(features, labels))
    assert batch.features[:, 1].mean() == pytest.approx(mean, abs=5 * deviation / 200**0.5)
    assert batch.features[:, 1].std() == pytest.approx(deviation, rel=0.2)
    assert batch.features.shape[1] == 3 + (given.get("use_bias") != "false")


@pytest.mark.parametrize(
    ("given", "shift", "scale"),
    [({}, True, True), ({"normalize_label": "false"}, True, False), ({"unbias_label": "false"}, False, True),
     ({"use_bias": "false"}, False, True), ({"predictor_type": "binary_classifier"}, False, False)],
)  # fmt: skip
def test_labels(table: tuple[Array, Array], given: dict[str, str], shift: bool, scale: bool) -> None:
    features, labels = table
    found = _scaler(features, labels, **given)
    assert (found.label_shift != 0) is shift
    assert (found.label_scale != 1) is scale


@pytest.mark.parametrize("given", [{}, {"unbias_data": "false"}, {"use_bias": "false", "unbias_data": "true"}])
def test_unscaled_parameters_give_the_same_scores(table: tuple[Array, Array], given: dict[str, str]) -> None:
    features, labels = table
    scaler = _scaler(features, labels, **given)
    batch = scaler.batch(Examples(features, labels))
    parameters = np.random.default_rng(1).normal(size=(batch.features.shape[1], 2)).astype(np.float32)
    weights, bias = scaler.unscaled(parameters)
    expected = (batch.features @ parameters) * scaler.label_scale + scaler.label_shift
    np.testing.assert_allclose(features.astype(np.float64) @ weights + bias, expected, atol=0.02)


def test_sparse_moments_are_those_of_the_dense_rows(sparse_features: Any) -> None:
    labels = np.zeros(1200, np.float32)
    dense = _scaler(sparse_features.toarray(), labels, unbias_data="false")
    sparse = _scaler(sparse_features, labels)
    assert sparse.sparse
    assert sparse.shift is None  # not centred: it would no longer be sparse
    assert sparse.factor is not None
    assert dense.factor is not None
    np.testing.assert_allclose(sparse.factor, dense.factor, rtol=1e-5)
    batch = sparse.batch(Examples(sparse_features[:50], labels[:50]))
    assert scipy.sparse.issparse(batch.features)
    expected = dense.batch(Examples(sparse_features[:50].toarray(), labels[:50])).features[:, :40]
    np.testing.assert_allclose(batch.features.toarray(), expected, rtol=1e-5)


def test_two_instances_have_the_moments_of_all_rows(table: tuple[Array, Array], instances: Any) -> None:
    features, labels = table
    whole = _scaler(features, labels)
    parts = [slice(0, 150), slice(150, None)]

    def work(number: int, collective: Any) -> Scaler:
        head = [Examples(features[parts[number]], labels[parts[number]])]
        return scaler_of(_settings(), head, 3, collective.sum)

    for scaler in instances(2, work):
        np.testing.assert_allclose(scaler.shift, np.asarray(whole.shift), rtol=1e-5)
        np.testing.assert_allclose(scaler.factor, np.asarray(whole.factor), rtol=1e-5)
        assert scaler.label_scale == pytest.approx(whole.label_scale)
