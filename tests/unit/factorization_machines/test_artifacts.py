"""The model file: our own, and those of AWS's container."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.factorization_machines import artifacts, model
from sagewright_algorithms.factorization_machines.artifacts import Artifact, UnreadableModel
from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.formats import ndarrays

Array = np.ndarray[Any, Any]

_RANDOM = np.random.default_rng(0)
_PARAMETERS = Parameters(*(_RANDOM.normal(size=shape).astype(np.float32) for shape in ((1, 1), (4, 1), (4, 2))))
_META = {"training_parameters": {"feature_dim": "4", "num_factors": "2", "predictor_type": "binary_classifier"}}
_ARRAYS = {
    "arg:v": _PARAMETERS.factors,
    "arg:w1_weight": _PARAMETERS.linear,
    "arg:w0_weight": _PARAMETERS.bias,
}
_OLD_ARRAYS = {
    "arg:v": _PARAMETERS.factors.T,
    "arg:Linear_Plus_Bias_weight": _PARAMETERS.linear.T,
    "arg:Linear_Plus_Bias_bias": _PARAMETERS.bias[0],
}


def _write(folder: Path, arrays: dict[str, Array], meta: Any = _META, **more: bytes) -> None:
    with zipfile.ZipFile(folder / "model_algo-1", "w") as archive:
        members = {"params": ndarrays.encode(arrays), "meta.json": json.dumps(meta).encode(), "symbol.json": b"{}"}
        for name, content in {**members, **more}.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("kind", ["regressor", "binary_classifier"])
def test_what_is_written_is_read(kind: str, tmp_path: Path) -> None:
    artifacts.write(tmp_path / "model", Artifact(kind, _PARAMETERS))
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model_algo-1"]
    found = artifacts.read(tmp_path / "model")
    assert found.kind == kind
    for array, expected in zip(found.parameters, _PARAMETERS, strict=True):
        np.testing.assert_array_equal(array, expected)
    first = (tmp_path / "model" / "model_algo-1").read_bytes()
    artifacts.write(tmp_path / "model", found)
    assert (tmp_path / "model" / "model_algo-1").read_bytes() == first


def test_the_files_are_those_of_awss_container(tmp_path: Path) -> None:
    artifacts.write(tmp_path, Artifact("regressor", _PARAMETERS))
    with zipfile.ZipFile(tmp_path / "model_algo-1") as archive:
        assert archive.namelist() == ["symbol.json", "params", "meta.json"]
        graph = json.loads(archive.read("symbol.json"))
        arrays = ndarrays.decode(archive.read("params"))
        meta = json.loads(archive.read("meta.json"))
    assert {name: array.shape for name, array in arrays.items()} == {
        "arg:w0_weight": (1, 1),
        "arg:w1_weight": (4, 1),
        "arg:v": (4, 2),
    }
    assert meta["training_parameters"] == {"predictor_type": "regressor", "feature_dim": 4, "num_factors": 2}
    inputs = [graph["nodes"][number]["name"] for number in graph["arg_nodes"]]
    assert sorted(inputs) == ["data", "out_label", "v", "w0_weight", "w1_weight"]
    (head,) = graph["heads"]
    assert graph["nodes"][head[0]]["op"] == "LinearRegressionOutput"
    # A node comes after its inputs.
    for number, node in enumerate(graph["nodes"]):
        assert all(one < number for one, _, _ in node["inputs"])


@pytest.mark.parametrize("arrays", [_ARRAYS, _OLD_ARRAYS], ids=["now", "first years"])
def test_a_model_of_awss_container(arrays: dict[str, Array], tmp_path: Path) -> None:
    _write(tmp_path, arrays)
    found = artifacts.read(tmp_path)
    assert found.kind == "binary_classifier"
    for array, expected in zip(found.parameters, _PARAMETERS, strict=True):
        np.testing.assert_array_equal(array, expected)
    scores = model.load(tmp_path).predict(np.ones((1, 4), np.float32))["score"]
    own = model.Model(Artifact("binary_classifier", _PARAMETERS)).predict(np.ones((1, 4), np.float32))["score"]
    np.testing.assert_array_equal(scores, own)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x12\x01" + bytes(200)])
def test_an_unreadable_model(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableModel, match="no model_algo-1"):
        artifacts.read(tmp_path)
    (tmp_path / "model_algo-1").write_bytes(content)
    with pytest.raises(UnreadableModel, match="cannot be loaded"):
        model.load(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "meta", "more"),
    [
        ({**_ARRAYS, "arg:v": np.ones((3, 2), np.float32)}, _META, {}),
        ({"arg:v": _PARAMETERS.factors}, _META, {}),
        (_ARRAYS, {"training_parameters": {"feature_dim": 4}}, {}),
        (_ARRAYS, {"training_parameters": {**_META["training_parameters"], "predictor_type": "other"}}, {}),
        (_ARRAYS, [], {}),
        (_ARRAYS, _META, {"params": b"nothing"}),
        (_ARRAYS, _META, {"meta.json": b"\xff"}),
    ],
)
def test_a_model_whose_parts_do_not_fit(
    tmp_path: Path, arrays: dict[str, Array], meta: Any, more: dict[str, bytes]
) -> None:
    _write(tmp_path, arrays, meta, **more)
    with pytest.raises(UnreadableModel, match="cannot be loaded"):
        artifacts.read(tmp_path)


def test_predictions_at_the_ends_are_finite() -> None:
    parameters = Parameters(
        np.zeros((1, 1), np.float32), np.full((1, 1), 1e4, np.float32), np.zeros((1, 1), np.float32)
    )
    found = model.Model(Artifact("binary_classifier", parameters)).predict(np.array([[-1], [0], [1]], np.float32))
    np.testing.assert_allclose(found["score"], [0, 0.5, 1], atol=1e-6)
    assert found["predicted_label"].tolist() == [0, 1, 1]


@pytest.mark.parametrize("rows", [np.ones((2, 5), np.float32), np.full((1, 4), np.nan, np.float32)])
def test_wrong_requests(rows: Array) -> None:
    with pytest.raises(RequestError) as refused:
        model.predict(model.Model(Artifact("regressor", _PARAMETERS)), rows)
    assert refused.value.status == 400
