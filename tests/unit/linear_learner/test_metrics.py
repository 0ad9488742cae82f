"""The final metrics against scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from sagewright_algorithms.linear_learner.hyperparameters import DEFAULTS
from sagewright_algorithms.linear_learner.metrics import area, metrics_of

Array = np.ndarray[Any, Any]


def _results(values: dict[str, Any], scores: Array, labels: Array, threshold: float = 0.0) -> dict[str, float]:
    found = metrics_of({**DEFAULTS, **values}, threshold)
    for part, of_part in zip(np.array_split(scores, 3), np.array_split(labels, 3), strict=True):
        found.add(part, of_part)
    return dict(found.results())


def test_regression() -> None:
    random = np.random.default_rng(0)
    scores, labels = random.normal(size=100), random.normal(size=100)
    found = _results({"predictor_type": "regressor"}, scores, labels)
    assert found == pytest.approx(
        {
            "mse": reference.mean_squared_error(labels, scores),
            "absolute_loss": reference.mean_absolute_error(labels, scores),
            "rmse": reference.root_mean_squared_error(labels, scores),
        }
    )


def test_binary() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(500) < 0.3).astype(np.float32)
    scores = np.round(random.normal(size=500) + labels, 1).astype(np.float32)
    found = _results({"predictor_type": "binary_classifier", "f_beta": 2.0}, scores, labels, 0.25)
    called = scores > 0.25
    assert found == pytest.approx(
        {
            "binary_classification_accuracy": reference.accuracy_score(labels, called),
            "binary_f_2.000": reference.fbeta_score(labels, called, beta=2),
            "precision": reference.precision_score(labels, called),
            "recall": reference.recall_score(labels, called),
            "roc_auc_score": reference.roc_auc_score(labels, scores),
        }
    )


def test_one_class_has_no_area() -> None:
    found = _results({"predictor_type": "binary_classifier"}, np.arange(6.0), np.ones(6))
    assert "roc_auc_score" not in found


def test_area_with_equal_scores() -> None:
    assert area(np.zeros(4), np.array([True, False, True, False])) == 0.5


def test_multiclass() -> None:
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(5), 400)
    labels = np.where(random.random(400) < 0.5, scores.argmax(axis=1), random.integers(0, 5, 400))
    found = _results({"predictor_type": "multiclass_classifier", "num_classes": 5, "accuracy_top_k": 2}, scores, labels)
    called = scores.argmax(axis=1)
    gains = [reference.dcg_score([np.eye(5)[label]], [row]) for row, label in zip(scores, labels, strict=True)]
    assert found == pytest.approx(
        {
            "multiclass_accuracy": reference.accuracy_score(labels, called),
            "multiclass_top_k_accuracy_2": reference.top_k_accuracy_score(labels, scores, k=2),
            "dcg": np.mean(gains),
            "macro_recall": reference.recall_score(labels, called, average="macro"),
            "macro_precision": reference.precision_score(labels, called, average="macro"),
            "macro_f_1.000": reference.f1_score(labels, called, average="macro"),
            "multiclass_balanced_accuracy": reference.balanced_accuracy_score(labels, called),
            "multiclass_log_loss": reference.log_loss(labels, scores),
        }
    )
