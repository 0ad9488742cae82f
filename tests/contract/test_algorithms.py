"""AlgorithmSuite over the built-in algorithms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.datasets import load_breast_cancer

from sagewright.testing.algorithms import AlgorithmSuite, Run, Server
from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class

Array = np.ndarray[Any, Any]


def _csv(table: Array) -> bytes:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table).encode()


def _libsvm(features: Array, labels: Array | None) -> bytes:
    heads = [""] * len(features) if labels is None else [f"{label:g} " for label in labels]
    rows = (" ".join(f"{index}:{value:.9g}" for index, value in enumerate(row)) for row in features)
    return "".join(f"{head}{row}\n" for head, row in zip(heads, rows, strict=True)).encode()


def _records(features: Array, labels: Array | None) -> bytes:
    found = []
    for index, row in enumerate(features):
        record = record_class()()
        record.features["values"].float32_tensor.values.extend(row.tolist())
        if labels is not None:
            record.label["values"].float32_tensor.values.append(float(labels[index]))
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


def _parquet(table: Array) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table([*table.T], names=[str(index) for index in range(table.shape[1])]), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _form(content_type: str) -> str:
    return next(form for form in ("csv", "libsvm", "parquet", "recordio") if form in content_type)


def _encoded(content_type: str, features: Array, labels: Array) -> bytes:
    form = _form(content_type)
    if form in ("libsvm", "recordio"):
        return _libsvm(features, labels) if form == "libsvm" else _records(features, labels)
    table = np.column_stack([labels, features])
    return _csv(table) if form == "csv" else _parquet(table)


_FEATURES, _LABELS = load_breast_cancer(return_X_y=True)
_FEATURES = _FEATURES.astype(np.float32)
_BODIES = {
    "csv": _csv(_FEATURES[:3]),
    "libsvm": _libsvm(_FEATURES[:3], None),
    "recordio": _records(_FEATURES[:3], None),
}
_REQUEST_TYPES = (
    "text/csv",
    "csv",
    "text/libsvm",
    "text/x-libsvm",
    "libsvm",
    "application/x-recordio-protobuf",
    "recordio-protobuf",
)


class TestXGBoost(AlgorithmSuite):
    package = "xgboost"
    hyperparameters = {  # noqa: RUF012 - the suite only reads it
        "num_round": "5",
        "objective": "binary:logistic",
        "eval_metric": "logloss,auc,f1",
        "subsample": "0.8",
        "seed": "3",
    }
    metrics = ("train:logloss", "train:auc", "validation:logloss", "validation:auc", "validation:f1")
    same_on_two = ("train:auc", "validation:auc")
    requests = {content_type: _BODIES[_form(content_type)] for content_type in _REQUEST_TYPES}  # noqa: RUF012
    rejected = (
        ({"num_round": "5", "eval_metric": "no_such_metric"}, "no_such_metric"),
        ({"num_round": "5", "updater": "no_such_updater"}, "updater"),
        ({"num_round": "5", "objective": "multi:softmax"}, "num_class"),
    )
    long = {"num_round": "1000000", "max_depth": "1"}  # noqa: RUF012

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, rows in (("train", slice(0, 400)), ("validation", slice(400, None))):
            (data / channel).mkdir()
            for part, (features, labels) in enumerate(
                zip(np.array_split(_FEATURES[rows], 2), np.array_split(_LABELS[rows], 2), strict=True)
            ):
                content = _encoded(content_type, features, labels)
                (data / channel / f"part-{part}.{_form(content_type)}").write_bytes(content)

    def test_the_answers_separate_the_classes(self, server: Server) -> None:
        status, _, body = server.invoke(_csv(_FEATURES), "text/csv", "application/json")
        scores = np.array([prediction["score"] for prediction in json.loads(body)["predictions"]])
        assert status == 200
        assert ((scores > 0.5) == _LABELS).mean() > 0.95

    def test_requests_of_every_type_get_the_same_answer(self, server: Server) -> None:
        assert len(set(self.answers(server).values())) == 1

    def test_the_model_file_is_awss(self, trained: Run) -> None:
        assert list(trained.model) == ["xgboost-model"]


@pytest.mark.parametrize("package", ["xgboost"])
def test_a_spec_loads_no_heavy_library(package: str) -> None:
    code = (
        f"import sys; from sagewright_algorithms.{package}.spec import SPEC; SPEC.describe(); "
        "print({'numpy', 'scipy', 'xgboost', 'pyarrow', 'sklearn', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
