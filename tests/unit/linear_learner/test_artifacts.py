"""``model_algo-1`` and MXNet's array files, byte by byte, and what is predicted from them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.formats.examples import FormatError
from sagewright_algorithms.linear_learner import artifacts, model
from sagewright_algorithms.linear_learner.artifacts import Artifact

Array = np.ndarray[Any, Any]

MEMBERS = ["additional-params.json", "manifest.json", "mx-mod-symbol.json", "mx-mod-0000.params"]


def _artifact(kind: str = "binary_classifier", loss: str = "logistic", classes: int = 1) -> Artifact:
    random = np.random.default_rng(0)
    weights, bias = random.normal(size=(4, classes)), random.normal(size=classes)
    return Artifact(kind, loss, 0.25, weights.astype(np.float32), bias.astype(np.float32))


def test_an_array_file_has_mxnets_bytes() -> None:
    """What mx.nd.save of MXNet 1.9.1 wrote for {"arg:a": [[1, 2]]}."""
    written = bytes.fromhex(
        "120100000000000000000000000000000100000000000000c9fa93f9000000000200000001000000000000000200000000000000"
        "0100000000000000000000000000803f00000040010000000000000005000000000000006172673a61"
    )
    assert ndarrays.encode({"arg:a": np.array([[1.0, 2.0]], np.float32)}) == written


@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "u1", "i4", "i1", "i8"])
def test_arrays_come_back(kind: str) -> None:
    arrays = {"a": np.arange(6).reshape(2, 3).astype(kind), "b": np.zeros((1, 1, 1), kind)}
    found = ndarrays.decode(ndarrays.encode(arrays))
    assert list(found) == ["a", "b"]
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("data", [b"", b"\x12\x01", bytes(40), ndarrays.encode({"a": np.ones(9)})[:60]])
def test_what_is_no_array_file(data: bytes) -> None:
    with pytest.raises(FormatError):
        ndarrays.decode(data)


def test_the_files_are_awss(tmp_path: Path) -> None:
    artifacts.write(tmp_path, _artifact())
    assert [path.name for path in tmp_path.iterdir()] == ["model_algo-1"]
    with zipfile.ZipFile(tmp_path / "model_algo-1") as archive:
        assert archive.namelist() == MEMBERS
        symbol = json.loads(archive.read("mx-mod-symbol.json"))
        arrays = ndarrays.decode(archive.read("mx-mod-0000.params"))
    assert {name: array.shape for name, array in arrays.items()} == {"arg:fc0_weight": (1, 4), "arg:fc0_bias": (1,)}
    assert [symbol["nodes"][number]["name"] for number in symbol["arg_nodes"]] == [
        "data",
        "fc0_weight",
        "fc0_bias",
        "out_label",
    ]


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        artifacts.write(tmp_path / name, _artifact())
    assert (tmp_path / "a" / "model_algo-1").read_bytes() == (tmp_path / "b" / "model_algo-1").read_bytes()


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(artifacts.UnreadableModel, match="no model_algo-1"):
        model.load(tmp_path)
    (tmp_path / "model_algo-1").write_bytes(b"no zip")
    with pytest.raises(artifacts.UnreadableModel, match="cannot be loaded"):
        model.load(tmp_path)


def _loaded(tmp_path: Path, *arguments: Any) -> tuple[Artifact, Artifact]:
    written = _artifact(*arguments)
    artifacts.write(tmp_path, written)
    return written, model.load(tmp_path)


BATCH = np.array([[1, 0, -2, 3], [0, 0, 0, 0], [5, 1, 1, -4]], np.float32)


def test_binary_predictions(tmp_path: Path) -> None:
    written, loaded = _loaded(tmp_path)
    raw = BATCH @ written.weights[:, 0] + written.bias
    found = model.predict(loaded, BATCH)
    np.testing.assert_allclose(found["score"], 1 / (1 + np.exp(-raw)), rtol=1e-5)
    np.testing.assert_array_equal(found["predicted_label"], raw > 0.25)


def test_hinge_scores_are_raw(tmp_path: Path) -> None:
    written, loaded = _loaded(tmp_path, "binary_classifier", "hinge_loss")
    np.testing.assert_allclose(
        model.predict(loaded, BATCH)["score"], BATCH @ written.weights[:, 0] + written.bias, rtol=1e-5
    )


def test_multiclass_predictions(tmp_path: Path) -> None:
    written, loaded = _loaded(tmp_path, "multiclass_classifier", "softmax_loss", 3)
    found = model.predict(loaded, BATCH)
    np.testing.assert_allclose(found["score"].sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(found["predicted_label"], (BATCH @ written.weights + written.bias).argmax(axis=1))


def test_regression_has_a_score_only(tmp_path: Path) -> None:
    written, loaded = _loaded(tmp_path, "regressor", "squared_loss")
    found = model.predict(loaded, BATCH)
    assert list(found) == ["score"]
    assert json.loads(model.encode(loaded, found, "application/json"))["predictions"][1] == {
        "score": pytest.approx(float(written.bias[0]))
    }


def test_sparse_requests_are_widened(tmp_path: Path) -> None:
    _, loaded = _loaded(tmp_path)
    dense = np.array([[1.5, 0, 2, 0]], np.float32)
    narrow = scipy.sparse.csr_matrix(dense[:, :3])
    np.testing.assert_allclose(model.predict(loaded, narrow)["score"], model.predict(loaded, dense)["score"], rtol=1e-6)


@pytest.mark.parametrize(
    ("batch", "word"),
    [
        (np.ones((1, 3), np.float32), "size 3"),
        (np.ones((1, 5), np.float32), "size 5"),
        (scipy.sparse.csr_matrix(np.ones((1, 5), np.float32)), "size 5"),
        (np.array([[1, np.nan, 1, 1]], np.float32), "missing"),
        (np.array([[1, np.inf, 1, 1]], np.float32), "infinite"),
    ],
)
def test_requests_that_do_not_fit(tmp_path: Path, batch: Any, word: str) -> None:
    _, loaded = _loaded(tmp_path)
    with pytest.raises(RequestError, match=word) as caught:
        model.predict(loaded, batch)
    assert caught.value.status == 400
