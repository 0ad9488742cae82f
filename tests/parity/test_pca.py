"""PCA jobs against scikit-learn's full decomposition: explained variance and singular vectors.

``pytest -s`` prints the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from contract.tables import records
from parity.tabular import BUNDLED, FOLDER, SHARED
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.pca import artifacts, model
from sagewright_algorithms.pca.components import Components
from sagewright_algorithms.pca.spec import SPEC

Array = np.ndarray[Any, Any]


def job(base: Path, given: Mapping[str, Any], rows: Array) -> Components:
    """Trains as SageMaker would, and loads what it left."""
    folder, config = base / "input" / "data" / "train", base / "input" / "config"
    folder.mkdir(parents=True)
    config.mkdir()
    (folder / "data.pbr").write_bytes(records(rows))
    values = {"feature_dim": rows.shape[1], "mini_batch_size": 100, **given}
    (config / "hyperparameters.json").write_text(json.dumps({name: str(value) for name, value in values.items()}))
    (config / "inputdataconfig.json").write_text(
        json.dumps({"train": {"ContentType": "application/x-recordio-protobuf"}})
    )
    assert run(SPEC, Environment(base)) == 0, (base / "output" / "failure").read_text()
    return artifacts.read(base / "model")


def _rows(name: str) -> Array:
    if name == "digits, crossed":
        # More features than a sketch takes whole.
        pixels = load_digits().data[:900]
        pairs = (pixels[:, :, None] * pixels[:, None, :20]).reshape(len(pixels), -1)
        return np.asarray(pairs / pairs.std(), np.float32)
    if name in SHARED and not FOLDER.exists():
        pytest.skip(f"{FOLDER} is not there")
    rows = {**SHARED, **BUNDLED}[name]().train[0][:4000]
    spread = rows.std(axis=0)
    # As people give them to PCA: of one scale.
    return np.asarray((rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1) + 3, np.float32)


def _shares(found: Components, rows: Array) -> Array:
    """What each component explains of the variance, the top one first."""
    around = (rows - rows.mean(axis=0, dtype=np.float64)).astype(np.float64)
    return np.asarray((np.square(around @ found.vectors).sum(axis=0) / np.square(around).sum())[::-1])


@pytest.mark.parametrize("mode", ["regular", "randomized"])
@pytest.mark.parametrize("name", ["adult", "california-housing", "breast_cancer", "digits", "digits, crossed"])
def test_as_much_variance_as_scikit_learn(
    name: str, mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = _rows(name)
    count = min(6, rows.shape[1])
    found = job(tmp_path, {"num_components": count, "algorithm_mode": mode}, rows)
    expected = PCA(count, svd_solver="full").fit(rows.astype(np.float64))
    shares, theirs = _shares(found, rows), expected.explained_variance_ratio_
    with capsys.disabled():
        print(f"\n{name:20s} {mode:10s} {shares.sum():.7f}, scikit-learn {theirs.sum():.7f}", end="")
    bound = 1e-4 if mode == "regular" else 1e-3
    assert shares.sum() == pytest.approx(theirs.sum(), abs=bound)
    whole = np.square(rows - expected.mean_).sum()
    np.testing.assert_allclose(np.square(found.singular[::-1]) / whole, theirs, atol=bound)
    if mode == "regular":
        # Vectors of singular values that are not nearly none are the same up to sign.
        real = theirs > 1e-6
        cosines = np.abs(np.sum(found.vectors[:, ::-1].T * expected.components_, axis=1))
        np.testing.assert_allclose(cosines[real], 1, atol=1e-3)
        projections = model.project(found, rows[:50])[:, ::-1]
        theirs_too = np.abs(expected.transform(rows[:50]))
        np.testing.assert_allclose(np.abs(projections)[:, 0], theirs_too[:, 0], rtol=1e-3, atol=1e-3 * theirs_too.max())
