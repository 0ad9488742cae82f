"""Thresholds by brute force, criteria against scikit-learn's metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from sagewright_algorithms.linear_learner.hyperparameters import DEFAULTS
from sagewright_algorithms.linear_learner.selection import Criterion

Array = np.ndarray[Any, Any]

CRITERIA = (
    Criterion("accuracy"),
    Criterion("f_beta", 0.5),
    Criterion("f_beta", 2.0),
    Criterion("precision_at_target_recall", 0.7),
    Criterion("recall_at_target_precision", 0.8),
)


def _value(criterion: Criterion, called: Array, labels: Array) -> float:
    if criterion.name == "accuracy":
        return float(reference.accuracy_score(labels, called))
    if criterion.name == "f_beta":
        return float(reference.fbeta_score(labels, called, beta=criterion.target, zero_division=0))
    precision = float(reference.precision_score(labels, called, zero_division=0))
    recall = float(reference.recall_score(labels, called, zero_division=0))
    if criterion.name == "precision_at_target_recall":
        return precision if recall >= criterion.target - 1e-6 else 0.0
    return recall if precision >= criterion.target - 1e-6 else 0.0


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda one: f"{one.name}-{one.target}")
@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(st.integers(-8, 8), st.integers(-8, 8), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: any(row[2] for row in rows)
    )
)
def test_no_threshold_is_better(criterion: Criterion, rows: list[tuple[int, int, bool]]) -> None:
    """Two models, with many equal scores."""
    scores = np.array([row[:2] for row in rows], np.float32) / 4
    labels = np.array([row[2] for row in rows], np.float32)
    values, thresholds = criterion.best(scores, labels)
    for model in range(2):
        column = scores[:, model]
        cuts = [column.min() - 1, *(np.unique(column)[:-1] + np.unique(column)[1:]) / 2, column.max() + 1]
        best = max(_value(criterion, column > cut, labels) for cut in cuts)
        assert values[model] == pytest.approx(best, abs=1e-5)
        assert _value(criterion, column > thresholds[model], labels) == pytest.approx(best, abs=1e-5)


def test_an_unreachable_target_takes_the_nearest_threshold() -> None:
    scores = np.array([[4.0], [3.0], [2.0], [1.0]], np.float32)
    labels = np.array([0, 1, 1, 0], np.float32)
    values, thresholds = Criterion("recall_at_target_precision", 0.9).best(scores, labels)
    assert values[0] == 0
    assert 1 < thresholds[0] < 2  # precision 2/3, the highest there is


def test_a_model_that_diverged_is_the_worst() -> None:
    scores = np.array([[0.1, np.nan], [0.9, np.inf]], np.float32)
    values, _ = Criterion("accuracy").best(scores, np.array([1, 0], np.float32))
    assert values[1] < values[0]


def test_large_random_scores_match_one_model_at_a_time() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(5000) < 0.3).astype(np.float32)
    scores = (random.normal(size=(5000, 4)) + labels[:, None]).astype(np.float32)
    for criterion in CRITERIA:
        values, thresholds = criterion.best(scores, labels)
        for model in range(4):
            assert values[model] == pytest.approx(
                _value(criterion, scores[:, model] > thresholds[model], labels), abs=1e-5
            )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", Criterion("accuracy")),
        ("f_beta", Criterion("f_beta", 1.0)),
        ("f1", Criterion("f_beta", 1.0)),
        ("precision_at_target_recall", Criterion("precision_at_target_recall", 0.8)),
        ("loss_function", None),
        ("cross_entropy_loss", None),
    ],
)
def test_which_criterion(name: str, expected: Criterion | None) -> None:
    values = {**DEFAULTS, "predictor_type": "binary_classifier", "binary_classifier_model_selection_criteria": name}
    assert Criterion.of(values) == expected
    assert Criterion.of({**values, "predictor_type": "regressor"}) is None
