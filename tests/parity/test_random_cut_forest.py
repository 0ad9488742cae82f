"""Random Cut Forest jobs on the labelled series of the Numenta Anomaly Benchmark, against isolation forests.

``pytest -s`` prints the table. The rrcf package's scores of the same series are in benchmarks/random_cut_forest.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from parity.series import FOLDER, SERIES, Series, found_windows, row_auc, series
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.random_cut_forest import model
from sagewright_algorithms.random_cut_forest.spec import SPEC

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the series in shared/data/nab")

Array = np.ndarray[Any, Any]

TREES = 50
SEEDS = range(5)
SLACK = 0.02
"""Of the area under the curve."""


def _job(base: Path, rows: Array) -> Array:
    """The scores of a job's model for its own training data."""
    config, folder = base / "input" / "config", base / "input" / "data" / "train"
    config.mkdir(parents=True)
    folder.mkdir(parents=True)
    np.savetxt(folder / "rows.csv", rows, delimiter=",", fmt="%.9g")
    given = {"feature_dim": str(rows.shape[1]), "num_trees": str(TREES)}
    (config / "hyperparameters.json").write_text(json.dumps(given))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {"ContentType": "text/csv;label_size=0"}}))
    assert run(SPEC, Environment(base)) == 0, (base / "output" / "failure").read_text()
    return model.predict(model.load(base / "model"), rows)["score"]


def _isolation_forest(rows: Array, seed: int) -> Array:
    forest = IsolationForest(n_estimators=TREES, max_samples=256, random_state=seed).fit(rows)
    return -np.asarray(forest.score_samples(rows))


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Series, Array, list[Array]]]:
    """Series -> (itself, the job's scores, an isolation forest's of each seed)."""
    found = {}
    for name in SERIES:
        one = series(name)
        own = _job(tmp_path_factory.mktemp(name), one.rows)
        found[name] = (one, own, [_isolation_forest(one.rows, seed) for seed in SEEDS])
    return found


def test_as_many_windows_are_found(scores: dict[str, tuple[Series, Array, list[Array]]]) -> None:
    total, others = 0, np.zeros(len(SEEDS))
    print(f"\n{'series':45} windows found {'isolation forests':20} AUC   isolation forests")
    for name, (one, own, isolation) in scores.items():
        count, counts = found_windows(one, own), [found_windows(one, other) for other in isolation]
        area = np.mean([row_auc(one, other) for other in isolation])
        print(f"{name:45} {len(one.windows):7} {count:5} {counts!s:20} {row_auc(one, own):.3f} {area:.3f}")
        total += count
        others += counts
    assert total >= np.median(others)


def test_rows_inside_of_windows_score_higher(scores: dict[str, tuple[Series, Array, list[Array]]]) -> None:
    """On the mean of all series; on each of them about as much as a forest that is only drawn anew."""
    own, others = [], []
    for one, found, isolation in scores.values():
        areas = [row_auc(one, other) for other in isolation]
        own.append(row_auc(one, found))
        others.append(np.mean(areas))
        assert own[-1] >= min(areas) - SLACK
    assert np.mean(own) >= np.mean(others)


def test_the_taxi_series(scores: dict[str, tuple[Series, Array, list[Array]]]) -> None:
    """The marathon, Thanksgiving, Christmas, New Year, and the snow storm."""
    one, own, isolation = scores["nyc_taxi"]
    assert len(one.windows) == 5
    assert found_windows(one, own) >= 3
    assert row_auc(one, own) > np.mean([row_auc(one, other) for other in isolation])
