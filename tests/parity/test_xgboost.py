"""XGBoost jobs against libxgboost called directly (the same predictions) and against scikit-learn's own boosting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.xgboost import model
from sagewright_algorithms.xgboost.spec import SPEC

Array = np.ndarray[Any, Any]

ROUNDS = 60
CASES: Mapping[str, tuple[Any, dict[str, Any]]] = {
    "breast_cancer": (load_breast_cancer, {"objective": "binary:logistic", "max_depth": 4, "eta": 0.2}),
    "diabetes": (load_diabetes, {"objective": "reg:squarederror", "max_depth": 2, "eta": 0.1, "subsample": 0.8}),
    "digits": (load_digits, {"objective": "multi:softprob", "num_class": 10, "max_depth": 4, "colsample_bytree": 0.5}),
}


def job(base: Path, hyperparameters: Mapping[str, Any], features: Array, labels: Array) -> model.Model:
    """Trains as SageMaker would, and loads what it left."""
    folder, config = base / "input" / "data" / "train", base / "input" / "config"
    folder.mkdir(parents=True)
    config.mkdir()
    np.savetxt(folder / "data.csv", np.column_stack([labels, features]), delimiter=",", fmt="%.9g")
    given = {name: str(value) for name, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(given))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {"ContentType": "text/csv"}}))
    assert run(SPEC, Environment(base)) == 0
    return model.load(base / "model", {})


@pytest.mark.parametrize("name", CASES)
def test_a_job_predicts_what_libxgboost_predicts(name: str, tmp_path: Path) -> None:
    load, parameters = CASES[name]
    features, labels = load(return_X_y=True)
    features, labels = features.astype(np.float32), labels.astype(np.float32)
    train, test, train_labels, test_labels = train_test_split(features, labels, random_state=0)
    trained = job(tmp_path, {"num_round": ROUNDS, **parameters}, train, train_labels)
    scores = model.predict(trained, test)["score"]

    booster = xgboost.train(parameters, xgboost.DMatrix(train, label=train_labels), ROUNDS)
    np.testing.assert_array_equal(scores, booster.predict(xgboost.DMatrix(test)))

    if name == "diabetes":
        other = HistGradientBoostingRegressor(max_iter=ROUNDS, random_state=0).fit(train, train_labels)
        assert r2_score(test_labels, scores) > r2_score(test_labels, other.predict(test)) - 0.03
    else:
        other = HistGradientBoostingClassifier(max_iter=ROUNDS, random_state=0).fit(train, train_labels)
        classes = scores.argmax(axis=1) if scores.ndim > 1 else scores > 0.5
        assert accuracy_score(test_labels, classes) > accuracy_score(test_labels, other.predict(test)) - 0.02


def test_a_quantised_matrix_gives_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job does where memory is short."""
    features, labels = load_breast_cancer(return_X_y=True)
    hyperparameters = {"num_round": 20, "objective": "binary:logistic", "max_bin": 64}
    job(tmp_path / "raw", hyperparameters, features, labels)
    monkeypatch.setattr("sagewright_algorithms.xgboost.matrices._free_memory", lambda: 0)
    job(tmp_path / "quantised", hyperparameters, features, labels)
    first, second = ((tmp_path / name / "model" / "xgboost-model").read_bytes() for name in ("raw", "quantised"))
    assert first == second
