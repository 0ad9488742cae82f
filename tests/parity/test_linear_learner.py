"""Linear learner jobs against the best of scikit-learn's linear models, both chosen on the same validation data.

``pytest -s`` prints the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from parity.tabular import BUNDLED, FOLDER, SHARED, Table
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.linear_learner import model
from sagewright_algorithms.linear_learner.artifacts import Artifact
from sagewright_algorithms.linear_learner.spec import SPEC

Array = np.ndarray[Any, Any]

HYPERPARAMETERS = {
    "mini_batch_size": "50",
    "epochs": "50",
    "binary_classifier_model_selection_criteria": "loss_function",
}
SLACK = 0.005


def job(base: Path, given: Mapping[str, str], **channels: tuple[Array, Array]) -> Artifact:
    """Trains as SageMaker would, and loads what it left."""
    config = base / "input" / "config"
    config.mkdir(parents=True)
    for name, (features, labels) in channels.items():
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        np.savetxt(folder / "data.csv", np.column_stack([labels, features]), delimiter=",", fmt="%.9g")
    (config / "hyperparameters.json").write_text(json.dumps(given))
    (config / "inputdataconfig.json").write_text(json.dumps({name: {"ContentType": "text/csv"} for name in channels}))
    assert run(SPEC, Environment(base)) == 0, (base / "output" / "failure").read_text()
    return model.load(base / "model")


def _models(table: Table) -> Iterator[Any]:
    if table.kind == "regressor":
        spread = float(table.train[1].std())
        yield LinearRegression()
        yield from (Ridge(alpha) for alpha in np.logspace(-3, 4, 15))
        yield from (Lasso(alpha * spread, max_iter=10_000) for alpha in np.logspace(-3, 0, 7))
    else:
        yield from (LogisticRegression(C=strength, max_iter=5000) for strength in np.logspace(-3, 2, 6))


def _best_of_scikit_learn(table: Table) -> Any:
    """A pipeline."""
    pipelines = [make_pipeline(StandardScaler(), one).fit(*table.train) for one in _models(table)]
    features, labels = table.validation
    if table.kind == "regressor":
        return min(pipelines, key=lambda one: root_mean_squared_error(labels, one.predict(features)))
    return min(pipelines, key=lambda one: log_loss(labels, one.predict_proba(features)))


def _figures(table: Table, found: Mapping[str, Array], other: Any) -> tuple[str, float, float]:
    """(metric, linear learner's, scikit-learn's) on the test rows."""
    features, labels = table.test
    if table.kind == "regressor":
        ours, theirs = (root_mean_squared_error(labels, one) for one in (found["score"], other.predict(features)))
        return "RMSE", ours, theirs
    theirs = other.predict_proba(features)
    if table.kind == "binary_classifier":
        theirs = theirs[:, 1]
    # With several classes the mean of each one's area against the rest.
    ours, theirs = (roc_auc_score(labels, one, multi_class="ovr") for one in (found["score"], theirs))
    return "AUC", ours, theirs


@pytest.mark.parametrize("name", [*SHARED, *BUNDLED])
def test_as_good_as_scikit_learn(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if name in SHARED and not FOLDER.exists():
        pytest.skip(f"{FOLDER} is not there")
    makers: Mapping[str, Callable[[], Table]] = {**SHARED, **BUNDLED}
    table = makers[name]()
    given = {**HYPERPARAMETERS, "predictor_type": table.kind}
    if table.kind == "multiclass_classifier":
        given["num_classes"] = str(table.classes)
    trained = job(tmp_path, given, train=table.train, validation=table.validation)
    metric, ours, theirs = _figures(table, model.predict(trained, table.test[0]), _best_of_scikit_learn(table))
    worse = ours / theirs - 1 if metric == "RMSE" else 1 - ours / theirs
    with capsys.disabled():
        print(f"\n{name:20s} {metric:8s} {ours:10.5g}, scikit-learn {theirs:10.5g}, {-worse:+.2%}", end="")
    assert worse < SLACK
