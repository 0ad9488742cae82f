"""FrameworkSuite's inference half over the frameworks that the default install has, and their default functions."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from contract.tables import csv, records
from sagewright.testing.algorithm_processes import Server
from sagewright.testing.framework_serving import CSV, JSON, NPY, FrameworkServingSuite
from sagewright_frameworks.catalog import ALL

FEATURES, LABELS = load_iris(return_X_y=True)
ROWS = FEATURES[::30].astype(np.float32)
_LOADS = "import pickle\ndef model_fn(model_dir):\n    return pickle.load(open(model_dir + '/model.pkl', 'rb'))\n"
_EXAMPLE = (
    _LOADS
    + """
import json
import numpy as np
from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker

def input_fn(input_data, content_type):
    if content_type == "text/csv":
        return encoders.decode(input_data, content_type)
    raise ValueError(f"{content_type} not supported by script!")

def output_fn(prediction, accept):
    if accept == content_types.JSON:
        instances = [{"features": [row]} for row in prediction.tolist()]
        return worker.Response(json.dumps({"instances": instances}), accept, mimetype=accept)
    return worker.Response(encoders.encode(prediction, accept), accept, mimetype=accept)
"""
)
"""As AWS's example of an inference pipeline has it."""
LIBSVM, RECORDIO = "text/libsvm", "application/x-recordio-protobuf"


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def libsvm(array: Any) -> bytes:
    lines = [" ".join(["0", *(f"{at}:{value:g}" for at, value in enumerate(row))]) for row in array]
    return "\n".join(lines).encode()


class TestScikitLearn(FrameworkServingSuite):
    name = "scikit-learn"

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> LogisticRegression:
        return LogisticRegression(max_iter=500).fit(FEATURES, LABELS)

    @pytest.fixture(scope="class")
    @classmethod
    def predictor(cls, tmp_path_factory: pytest.TempPathFactory, model: LogisticRegression) -> Iterator[Server]:
        """Of a script with model_fn alone."""
        base = cls.instance(tmp_path_factory.mktemp("iris"), {"iris.py": _LOADS})
        (base / "model/model.pkl").write_bytes(pickle.dumps(model))
        with cls.serving(base, SAGEMAKER_PROGRAM="iris.py") as server:
            yield server

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            (JSON, json.dumps(ROWS.tolist()).encode()),
            (CSV, csv(ROWS)),
            (f"{CSV}; charset=utf-8", csv(ROWS)),
            (NPY, npy(ROWS)),
        ],
    )
    def test_content_types(self, predictor: Server, model: Any, content_type: str, body: bytes) -> None:
        expected = model.predict(ROWS)
        status, kind, found = predictor.invoke(body, content_type)
        assert (status, kind) == (200, JSON)
        assert json.loads(found) == expected.tolist()
        status, kind, found = predictor.invoke(body, content_type, NPY)
        assert (status, kind) == (200, NPY)
        assert np.load(io.BytesIO(found)).tolist() == expected.tolist()
        status, kind, found = predictor.invoke(body, content_type, CSV)
        assert (status, kind, found.decode().split()) == (200, CSV, [str(each) for each in expected])

    def test_names_of_aws(self, tmp_path: Path, model: Any) -> None:
        base = self.instance(tmp_path, {"inference.py": _EXAMPLE})
        (base / "model/model.pkl").write_bytes(pickle.dumps(model))
        expected = model.predict(ROWS).tolist()
        with self.serving(base) as server:
            status, kind, found = server.invoke(csv(ROWS), CSV)
            assert (status, kind) == (200, JSON)
            assert json.loads(found) == {"instances": [{"features": [each]} for each in expected]}
            status, kind, found = server.invoke(csv(ROWS), CSV, CSV)
            assert (status, kind) == (200, "text/csv; charset=utf-8")
            assert found.decode().split() == [str(each) for each in expected]
            assert server.invoke(csv(ROWS), CSV, "image/png")[0] == 406

    def test_types_that_are_not_known(self, predictor: Server) -> None:
        status, kind, body = predictor.invoke(b"x", "image/png")
        told = json.loads(body)
        assert (status, kind, told["error"]) == (415, JSON, "UnsupportedFormatError")
        assert told["error-message"].startswith("Content type image/png is not supported by this framework.")
        status, _, body = predictor.invoke(csv(ROWS), CSV, "image/png")
        assert (status, json.loads(body)["error"]) == (406, "UnsupportedFormatError")

    def test_bodies_that_are_wrong(self, predictor: Server) -> None:
        for body, kind, words in [
            (b"{", JSON, "JSONDecodeError"),
            (b"1,2\n3\n", CSV, "Row 2 of the CSV has 1 values"),
            (b"1,2,3\n4,5,6\n", CSV, "X has 3 features, but LogisticRegression is expecting 4"),
            (b"5.1,3.5,1.4,0.2\n", CSV, "Expected 2D array, got 1D array instead"),  # as in AWS's container
            (b"x", NPY, "Error"),
        ]:
            status, _, found = predictor.invoke(body, kind)
            assert (status, words in found.decode()) == (500, True), found

    def test_no_model_fn(self, tmp_path: Path) -> None:
        done = self.refused(self.instance(tmp_path, {"iris.py": ""}), SAGEMAKER_PROGRAM="iris.py")
        assert "NotImplementedError: Please provide a model_fn implementation." in done.failure

    def test_a_model_file_that_is_missing(self, tmp_path: Path) -> None:
        done = self.refused(self.instance(tmp_path, {"iris.py": _LOADS}), SAGEMAKER_PROGRAM="iris.py")
        assert "FileNotFoundError: [Errno 2] No such file or directory: " in done.failure
        assert "model.pkl" in done.failure


class TestXGBoost(FrameworkServingSuite):
    name = "xgboost"

    @pytest.fixture(scope="class")
    @classmethod
    def booster(cls) -> xgboost.Booster:
        data = xgboost.DMatrix(FEATURES, label=LABELS == 1)
        return xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, data, 5)

    @pytest.mark.parametrize(
        ("name", "form"), [("xgboost-model", "pickle"), ("xgboost-model", "ubj"), ("own.json", "json")]
    )
    def test_boosters_without_a_script(self, tmp_path: Path, booster: Any, name: str, form: str) -> None:
        base = self.instance(tmp_path, {})
        (base / "model/weights.txt").unlink()
        raw = pickle.dumps(booster) if form == "pickle" else booster.save_raw(form)
        (base / "model" / name).write_bytes(raw)
        expected = booster.predict(xgboost.DMatrix(ROWS))
        bodies = {CSV: csv(ROWS), LIBSVM: libsvm(ROWS), RECORDIO: records(ROWS)}
        with self.serving(base) as server:
            for content_type, body in bodies.items():
                status, kind, found = server.invoke(body, content_type)
                assert (status, kind) == (200, JSON), found
                assert json.loads(found) == pytest.approx(expected.tolist(), abs=1e-6)
            found = server.invoke(csv(ROWS[:1]), CSV, CSV)[2]
            assert float(found) == pytest.approx(expected[0], abs=1e-6)
            assert server.invoke(b"[]", JSON)[0] == 415
        assert "The script has no model_fn" in (base / "serve.log").read_text()

    def test_own_model_fn_and_the_default_predict_fn(self, tmp_path: Path, booster: Any) -> None:
        script = (
            "import xgboost\n"
            "def model_fn(model_dir):\n    found = xgboost.Booster()\n"
            "    found.load_model(model_dir + '/weights.ubj')\n    return found\n"
        )
        base = self.instance(tmp_path, {"boost.py": script})
        (base / "model/weights.ubj").write_bytes(booster.save_raw("ubj"))
        with self.serving(base, SAGEMAKER_PROGRAM="boost.py") as server:
            status, _, found = server.invoke(csv(ROWS), CSV)
        assert status == 200
        assert json.loads(found) == pytest.approx(booster.predict(xgboost.DMatrix(ROWS)).tolist(), abs=1e-6)

    def test_no_booster(self, tmp_path: Path) -> None:
        base = self.instance(tmp_path, {})
        (base / "model/weights.txt").rename(base / "model/xgboost-model")
        assert "XGBoostError" in self.refused(base).failure
        (base / "model/xgboost-model").unlink()
        (base / "output/failure").unlink()
        assert "ValueError: Exactly one model file is required where there is no xgboost-model: []" in (
            self.refused(base).failure
        )


@pytest.mark.parametrize("name", ["pytorch", "tensorflow", "huggingface", "mxnet"])
def test_what_is_not_installed(tmp_path: Path, name: str) -> None:
    spec = ALL[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FrameworkServingSuite, "name", name, raising=False)
        suite = FrameworkServingSuite
        try:
            __import__(spec.module)
        except ImportError:
            done = suite.refused(suite.instance(tmp_path))
            assert done.failure.startswith(f"ClientError: {spec.title} is not installed in the Python that runs")
            assert f"-m pip install {spec.distribution}" in done.failure
        else:
            pytest.skip(f"{spec.title} is installed")
