"""Factorization machines jobs: MovieLens ratings against alternating least squares, adult against logistic regression.

``pytest -s`` prints the figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from parity.tabular import FOLDER, SHARED
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.factorization_machines import model
from sagewright_algorithms.factorization_machines.spec import SPEC
from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class

Array = np.ndarray[Any, Any]

RATINGS = FOLDER.parent / "movielens-100k" / "ratings.tsv"
# Chosen on a tenth of the training rows.
TUNED = {
    "num_factors": 128,
    "predictor_type": "regressor",
    "epochs": 36,
    "mini_batch_size": 200,
    "bias_lr": 0.03,
    "linear_lr": 0.002,
    "linear_wd": 0.00036,
    "factors_lr": 0.0006,
    "factors_wd": 0.0005,
    "factors_init_sigma": 0.004,
}


def job(base: Path, given: Mapping[str, Any], rows: Any, labels: Array) -> model.Model:
    """Trains as SageMaker would, and loads what it left. rows: CSR."""
    folder, config = base / "input" / "data" / "train", base / "input" / "config"
    folder.mkdir(parents=True)
    config.mkdir()
    (folder / "data.pbr").write_bytes(_records(rows, labels))
    values = {"feature_dim": rows.shape[1], **given}
    (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in values.items()}))
    (config / "inputdataconfig.json").write_text(
        json.dumps({"train": {"ContentType": "application/x-recordio-protobuf"}})
    )
    assert run(SPEC, Environment(base)) == 0, (base / "output" / "failure").read_text()
    return model.load(base / "model")


def _records(rows: Any, labels: Array) -> bytes:
    new, found = record_class(), []
    bounds, keys, values = rows.indptr.tolist(), rows.indices.tolist(), rows.data.tolist()
    for index, label in enumerate(labels.tolist()):
        part, record = slice(*bounds[index : index + 2]), new()
        tensor = record.features["values"].float32_tensor
        tensor.values.extend(values[part])
        tensor.keys.extend(keys[part])
        tensor.shape.append(rows.shape[1])
        record.label["values"].float32_tensor.values.append(label)
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


def _one_hot(users: Array, items: Array, widths: Sequence[int]) -> Any:
    columns = np.stack([users, widths[0] + items], axis=1).reshape(-1)
    bounds = np.arange(0, 2 * len(users) + 1, 2)
    return scipy.sparse.csr_matrix((np.ones(len(columns), np.float32), columns, bounds), (len(users), sum(widths)))


def _least_squares(users: Array, items: Array, ratings: Array, widths: Sequence[int], count: int = 12) -> list[Array]:
    """Factors of users and of items, by turns those that fit the ratings best; each row's last two are biases."""
    random = np.random.default_rng(0)
    tables = [random.normal(scale=0.1, size=(width, count + 2)) for width in widths]
    # An item's bias stands where a user has a one, and the other way round.
    tables[0][:, -2] = tables[1][:, -1] = 1
    of = (users, items)
    groups = [[np.flatnonzero(column == one) for one in range(width)] for column, width in zip(of, widths, strict=True)]
    for _ in range(12):
        for side in (0, 1):
            own, other, one = tables[side], tables[1 - side], -2 if side == 0 else -1
            free = [column for column in range(count + 2) if column - count - 2 != one]
            for number, rows in enumerate(groups[side]):
                seen = other[of[1 - side][rows]]
                known, rest = seen[:, free], ratings[rows] - seen[:, one]
                left = known.T @ known + 0.1 * max(1, len(rows)) * np.eye(len(free))
                own[number, free] = np.linalg.solve(left, known.T @ rest)
    return tables


@pytest.fixture(scope="module")
def ratings() -> tuple[Array, Array, Array]:
    """(users, items, ratings), in random order."""
    if not RATINGS.is_file():
        pytest.skip("needs the ratings in shared/data/movielens-100k")
    table = np.loadtxt(RATINGS, skiprows=1)
    table = table[np.random.default_rng(0).permutation(len(table))]
    return table[:, 0].astype(int) - 1, table[:, 1].astype(int) - 1, table[:, 2].astype(np.float32)


def test_ratings_of_films(
    ratings: tuple[Array, Array, Array], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users, items, labels = ratings
    widths, cut = (int(users.max()) + 1, int(items.max()) + 1), len(labels) * 9 // 10
    rows = _one_hot(users, items, widths)
    found = job(tmp_path, TUNED, rows[:cut], labels[:cut]).predict(rows[cut:])["score"]
    mean = float(labels[:cut].mean())
    factors = _least_squares(users[:cut], items[:cut], labels[:cut] - mean, widths)
    theirs = mean + np.sum(factors[0][users[cut:]] * factors[1][items[cut:]], axis=1)
    errors = [float(np.sqrt(np.mean(np.square(one - labels[cut:])))) for one in (found, theirs)]
    with capsys.disabled():
        print(f"\nMovieLens RMSE {errors[0]:.4f}, alternating least squares {errors[1]:.4f}", end="")
    assert errors[0] <= 0.910
    assert errors[0] <= errors[1]


def test_adults_as_well_as_logistic_regression(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not FOLDER.exists():
        pytest.skip(f"{FOLDER} is not there")
    table = SHARED["adult"]()
    features, labels = table.train
    centre, spread = features.mean(axis=0), features.std(axis=0)
    # Columns of one value each stay sparse.
    many = np.array([len(np.unique(column)) > 2 for column in features.T])
    scaled = [
        scipy.sparse.csr_matrix(np.where(many, (rows - centre) / np.where(many, spread, 1), rows).astype(np.float32))
        for rows in (features, table.test[0])
    ]
    given = {
        "num_factors": 8,
        "predictor_type": "binary_classifier",
        "epochs": 20,
        "mini_batch_size": 200,
        "bias_lr": 0.01,
        "linear_lr": 0.003,
        "linear_wd": 1e-5,
        "factors_lr": 0.001,
        "factors_wd": 0.001,
        "factors_init_sigma": 0.02,
    }
    found = job(tmp_path, given, scaled[0], labels).predict(scaled[1])["score"]
    linear = LogisticRegression(max_iter=5000).fit(scaled[0], labels)
    ours, theirs = (roc_auc_score(table.test[1], one) for one in (found, linear.predict_proba(scaled[1])[:, 1]))
    with capsys.disabled():
        print(f"\nadult AUC {ours:.4f}, logistic regression {theirs:.4f}", end="")
    assert ours >= theirs - 0.002
