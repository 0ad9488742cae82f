"""K-means jobs against scikit-learn's KMeans and MiniBatchKMeans on the same rows.

``pytest -s`` prints the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from parity.tabular import FOLDER, SHARED
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.kmeans import model
from sagewright_algorithms.kmeans.spec import SPEC

Array = np.ndarray[Any, Any]

SLACK = 0.01
"""Above the mean of some runs of KMeans: k-means finds a different minimum from every start."""


def _scaled(name: str) -> Array:
    table = SHARED[name]()
    rows = np.concatenate([part[0] for part in (table.train, table.validation, table.test)])
    scaled: Array = StandardScaler().fit_transform(rows).astype(np.float32)
    return scaled


TABLES: Mapping[str, Callable[[], Array]] = {
    "digits": lambda: np.asarray(load_digits().data, np.float32),
    **{name: (lambda name=name: _scaled(name)) for name in ("abalone", "california-housing", "telco-churn")},
}


def job(base: Path, given: Mapping[str, Any], rows: Array) -> model.Model:
    """Trains as SageMaker would, and loads what it left."""
    data, config = base / "input" / "data" / "train", base / "input" / "config"
    data.mkdir(parents=True)
    config.mkdir()
    np.savetxt(data / "data.csv", rows, delimiter=",", fmt="%.9g")
    (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in given.items()}))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {"ContentType": "text/csv;label_size=0"}}))
    assert run(SPEC, Environment(base)) == 0, (base / "output" / "failure").read_text()
    return model.load(base / "model")


def _msd(rows: Array, centres: Array) -> float:
    """By scikit-learn's own reckoning, in double precision."""
    other = KMeans(len(centres), init=centres.astype(np.float64), n_init=1, max_iter=1).fit(rows.astype(np.float64))
    other.cluster_centers_ = centres.astype(np.float64)
    return -float(other.score(rows.astype(np.float64))) / len(rows)


@pytest.mark.parametrize("k", [5, 20])
@pytest.mark.parametrize("name", TABLES)
def test_as_good_as_scikit_learn(name: str, k: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if name in SHARED and not FOLDER.exists():
        pytest.skip(f"{FOLDER} is not there")
    rows = TABLES[name]()
    # In random order: a job reads its rows as they come, and its first mini-batch has to be like the others.
    rows = np.random.default_rng(0).permutation(rows)
    trained = job(tmp_path, {"k": k, "feature_dim": rows.shape[1], "mini_batch_size": 500}, rows)
    ours = _msd(rows, trained.centres)
    full, some = (
        float(np.mean([kind(k, n_init=1, random_state=seed).fit(rows).inertia_ for seed in range(5)]) / len(rows))
        for kind in (KMeans, MiniBatchKMeans)
    )
    with capsys.disabled():
        print(f"\n{name:20s} k={k:<3d} msd {ours:10.5g}, KMeans {full:10.5g}, MiniBatchKMeans {some:10.5g}", end="")
    assert ours < full * (1 + SLACK)


def test_a_prediction_is_scikit_learns(tmp_path: Path) -> None:
    rows = TABLES["digits"]()
    trained = job(tmp_path, {"k": 10, "feature_dim": 64}, rows)
    other = KMeans(10, init=trained.centres, n_init=1, max_iter=1).fit(rows)
    other.cluster_centers_ = trained.centres
    found = model.predict(trained, rows)
    assert (found["closest_cluster"] == other.predict(rows)).mean() > 0.999
    np.testing.assert_allclose(found["distance_to_cluster"], other.transform(rows).min(axis=1), rtol=1e-4)
