"""Model files of other versions of XGBoost. data/ has models that XGBoost 1.7.6 wrote, and what it predicted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xgboost

from sagewright_algorithms.xgboost import artifacts

_DATA = Path(__file__).parent / "data"
_TOLD = json.loads((_DATA / "xgboost-1.7.6.json").read_text())


@pytest.mark.parametrize("name", _TOLD["predictions"])
def test_binary_models_of_1_7_predict_what_they_did(name: str) -> None:
    booster = artifacts.read(_DATA / f"{name}.binary")
    predictions = booster.predict(xgboost.DMatrix(np.array(_TOLD["features"], np.float32)))
    np.testing.assert_array_equal(predictions, np.array(_TOLD["predictions"][name], np.float32))


def test_a_cut_off_binary_model_is_refused(tmp_path: Path) -> None:
    whole = (_DATA / "logistic.binary").read_bytes()
    for size in (100, 400, len(whole) - 10):
        (tmp_path / "m").write_bytes(whole[:size])
        with pytest.raises(artifacts.UnreadableModel, match="the binary model ends at byte"):
            artifacts.read(tmp_path / "m")


def test_writing_leaves_nothing_beside_the_model(tmp_path: Path) -> None:
    booster = artifacts.read(_DATA / "logistic.binary")
    artifacts.write(booster, tmp_path / "model" / "xgboost-model")
    artifacts.write(booster, tmp_path / "model" / "xgboost-model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["xgboost-model"]
    assert artifacts.files(tmp_path / "model") == [tmp_path / "model" / "xgboost-model"]
