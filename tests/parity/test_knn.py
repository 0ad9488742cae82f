"""k-NN jobs against scikit-learn's brute force (the same answers) and against faiss called directly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from contract.tables import records
from parity.tabular import FOLDER, SHARED
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.knn import model
from sagewright_algorithms.knn.index import library
from sagewright_algorithms.knn.spec import SPEC

Array = np.ndarray[Any, Any]

faiss = library()


def job(base: Path, given: Mapping[str, Any], rows: Array, labels: Array) -> model.Model:
    """Trains as SageMaker would, and loads what it left."""
    folder, config = base / "input" / "data" / "train", base / "input" / "config"
    folder.mkdir(parents=True)
    config.mkdir()
    (folder / "data.pbr").write_bytes(records(rows, labels))
    values = {"feature_dim": rows.shape[1], "sample_size": len(rows), **given}
    (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in values.items()}))
    (config / "inputdataconfig.json").write_text(
        json.dumps({"train": {"ContentType": "application/x-recordio-protobuf"}})
    )
    assert run(SPEC, Environment(base)) == 0, (base / "output" / "failure").read_text()
    return model.load(base / "model")


@pytest.mark.parametrize(("metric", "theirs"), [("L2", "euclidean"), ("COSINE", "cosine")])
@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes])
def test_the_answers_are_scikit_learns(load: Any, metric: str, theirs: str, tmp_path: Path) -> None:
    rows, labels = load(return_X_y=True)
    rows = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)
    labels = labels.astype(np.float32)
    kind, other = ("classifier", KNeighborsClassifier) if labels.max() == 1 else ("regressor", KNeighborsRegressor)
    given = {"k": 7, "predictor_type": kind, "index_metric": metric}
    found = model.predict(job(tmp_path, given, rows[:350], labels[:350]), rows[350:])
    fitted = other(7, metric=theirs, algorithm="brute").fit(rows[:350].astype(np.float64), labels[:350])
    distances, neighbours = fitted.kneighbors(rows[350:].astype(np.float64))
    np.testing.assert_array_equal(found["labels"], labels[neighbours])
    expected = fitted.predict(rows[350:].astype(np.float64))
    if kind == "classifier":
        np.testing.assert_array_equal(found["predicted_label"], expected)
    else:
        np.testing.assert_allclose(found["predicted_label"], expected, rtol=1e-6)
    in_faiss = distances**2 if metric == "L2" else 1 - distances
    np.testing.assert_allclose(found["distances"], in_faiss, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["faiss.Flat", "faiss.IVFFlat"])
def test_the_distances_are_faiss_own(kind: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows, labels = random.normal(size=(4000, 16)).astype(np.float32), np.arange(4000, dtype=np.float32)
    trained = job(tmp_path, {"k": 10, "predictor_type": "regressor", "index_type": kind}, rows, labels)
    flat = faiss.IndexFlatL2(16)
    own = flat
    if kind == "faiss.IVFFlat":
        own = faiss.IndexIVFFlat(flat, 16, 63, faiss.METRIC_L2)
        own.nprobe = 5
        own.train(rows)
    own.add(rows)
    queries = random.normal(size=(500, 16)).astype(np.float32)
    found = model.predict(trained, queries)
    distances, neighbours = own.search(queries, 10)
    np.testing.assert_allclose(found["distances"], distances, rtol=1e-4)
    np.testing.assert_array_equal(found["labels"], neighbours)


def test_recall_of_an_inverted_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """20,000 points of 32 dimensions in clusters, as real ones are; 141 lists, of which 16 are looked at."""
    random = np.random.default_rng(1)
    centres = random.normal(size=(300, 32)) * 2
    rows = (centres[random.integers(0, 300, 21_000)] + random.normal(size=(21_000, 32))).astype(np.float32)
    labels = np.arange(20_000, dtype=np.float32)
    given = {"k": 10, "predictor_type": "regressor", "index_type": "faiss.IVFFlat", "_faiss_index_nprobe": 16}
    found = model.predict(job(tmp_path, given, rows[:20_000], labels), rows[20_000:])["labels"]
    exact = faiss.IndexFlatL2(32)
    exact.add(rows[:20_000])
    _, expected = exact.search(rows[20_000:], 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), expected.tolist(), strict=True)])
    with capsys.disabled():
        print(f"\nrecall@10 {recall:.4f}", end="")
    assert recall >= 0.95


@pytest.mark.parametrize(
    ("more", "worse"),
    [
        ({}, 1e-9),
        ({"index_type": "faiss.IVFFlat"}, 0.03),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": 8}, 0.08),
        ({"sample_size": 3000}, 0.08),
    ],
)
def test_a_regression_on_real_rows(
    more: Mapping[str, Any], worse: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not FOLDER.exists():
        pytest.skip(f"{FOLDER} is not there")
    table = SHARED["california-housing"]()
    (rows, labels), (queries, truth) = table.train, table.test
    rows, labels = rows[:8000], labels[:8000]
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    rows, queries = (rows - mean) / spread, (queries - mean) / spread
    found = model.predict(job(tmp_path, {"k": 8, "predictor_type": "regressor", **more}, rows, labels), queries)
    theirs = KNeighborsRegressor(8, algorithm="brute").fit(rows, labels).predict(queries)
    ours, other = (float(np.sqrt(np.mean((some - truth) ** 2))) for some in (found["predicted_label"], theirs))
    with capsys.disabled():
        print(f"\n{more!s:60s} RMSE {ours:.0f}, scikit-learn {other:.0f}, {ours / other - 1:+.2%}", end="")
    assert ours < other * (1 + worse) + 1e-3 * other
