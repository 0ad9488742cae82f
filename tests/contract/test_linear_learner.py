"""AlgorithmSuite over linear learner."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from sagewright.testing.algorithms import AlgorithmSuite, Run, Server
from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class

Array = np.ndarray[Any, Any]


def _csv(table: Array) -> bytes:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table).encode()


def _records(features: Array, labels: Array | None, *, sparse: bool = False) -> bytes:
    found = []
    for index, row in enumerate(features):
        record = record_class()()
        tensor = record.features["values"].float32_tensor
        columns = np.flatnonzero(row) if sparse else np.arange(len(row))
        tensor.values.extend(row[columns].tolist())
        if sparse:
            tensor.keys.extend(columns.tolist())
            tensor.shape.append(len(row))
        if labels is not None:
            record.label["values"].float32_tensor.values.append(float(labels[index]))
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


_ALL, _LABELS = load_breast_cancer(return_X_y=True)
_FEATURES = _ALL.astype(np.float32)
_SOME = _FEATURES[:3]
_DENSE = [{"features": row} for row in _SOME.tolist()]
_BODIES = {
    "text/csv": _csv(_SOME),
    "application/json": json.dumps({"instances": _DENSE}).encode(),
    "application/jsonlines": "".join(f"{json.dumps(instance)}\n" for instance in _DENSE).encode(),
    "application/x-recordio-protobuf": _records(_SOME, None),
}
_SPARSE = [{"data": {"features": {"keys": list(range(30)), "shape": [30], "values": row}}} for row in _SOME.tolist()]


class TestLinearLearner(AlgorithmSuite):
    package = "linear_learner"
    hyperparameters = {"predictor_type": "binary_classifier", "mini_batch_size": "50"}  # noqa: RUF012
    metrics = (
        "train:objective_loss",
        "train:progress",
        "train:throughput",
        "validation:objective_loss",
        "validation:objective_loss:final",
        "validation:binary_classification_accuracy",
        "validation:binary_f_beta",
        "validation:precision",
        "validation:recall",
        "validation:roc_auc_score",
        "test:objective_loss",
        "test:binary_classification_accuracy",
        "test:binary_f_beta",
        "test:precision",
        "test:recall",
        "test:roc_auc_score",
    )
    same_on_two = ("validation:objective_loss", "validation:roc_auc_score", "test:binary_f_beta", "test:roc_auc_score")
    requests = _BODIES
    rejected = (
        ({"predictor_type": "multiclass_classifier"}, "num_classes"),
        ({"predictor_type": "multiclass_classifier", "num_classes": "2"}, "num_classes"),
        ({"predictor_type": "regressor", "loss": "logistic"}, "loss"),
        ({"predictor_type": "binary_classifier", "loss": "softmax_loss"}, "loss"),
        ({"predictor_type": "binary_classifier", "learning_rate": "0"}, "learning_rate"),
        ({"predictor_type": "binary_classifier", "quantile": "1"}, "quantile"),
        ({"predictor_type": "binary_classifier", "learning_rate": "automatic"}, "learning_rate"),
    )
    long = {"epochs": "1000000", "early_stopping_patience": "1000000", "num_models": "2"}  # noqa: RUF012

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, rows in (("train", slice(0, 350)), ("validation", slice(350, 450)), ("test", slice(450, None))):
            (data / channel).mkdir()
            features, labels = _FEATURES[rows], _LABELS[rows]
            csv = content_type == "text/csv"
            for part in np.array_split(np.arange(len(labels)), 2 if channel == "train" else 1):
                table = np.column_stack([labels[part], features[part]])
                content = _csv(table) if csv else _records(features[part], labels[part])
                (data / channel / f"part-{part[0]}").write_bytes(content)

    def test_the_answers_separate_the_classes(self, server: Server) -> None:
        status, _, body = server.invoke(_csv(_FEATURES), "text/csv", "application/json")
        predictions = json.loads(body)["predictions"]
        assert status == 200
        assert list(predictions[0]) == ["score", "predicted_label"]
        assert (
            np.mean([one["predicted_label"] == label for one, label in zip(predictions, _LABELS, strict=True)]) > 0.95
        )

    def test_requests_of_every_form_get_the_same_answer(self, server: Server) -> None:
        bodies = [*_BODIES.items(), ("application/json", json.dumps({"instances": _SPARSE}).encode())]
        bodies.append(("application/x-recordio-protobuf", _records(_SOME, None, sparse=True)))
        found = [json.loads(server.invoke(body, kind, "application/json")[2])["predictions"] for kind, body in bodies]
        for predictions in found[1:]:
            for one, other in zip(predictions, found[0], strict=True):
                assert one == {name: pytest.approx(value, abs=1e-6) for name, value in other.items()}

    def test_a_protobuf_answer(self, server: Server) -> None:
        _, _, body = server.invoke(_BODIES["text/csv"], "text/csv", "application/x-recordio-protobuf")
        for _, payload in recordio.records(body):
            record = record_class().FromString(payload)
            (score,), (label,) = (record.label[name].float32_tensor.values for name in ("score", "predicted_label"))
            assert 0 <= score <= 1
            assert label in (0, 1)

    def test_the_model_file_is_awss(self, trained: Run) -> None:
        assert list(trained.model) == ["model_algo-1"]

    def test_all_models_are_in_the_log(self, trained: Run) -> None:
        numbers = {int(number) for number in re.findall(r'"model": (\d+)', trained.log)}
        assert numbers == set(range(32))
        assert 'Best model found for hyperparameters: {"optimizer": "adam"' in trained.log

    @pytest.mark.parametrize(
        ("given", "metrics"),
        [
            ({"predictor_type": "regressor"}, ("validation:rmse", "validation:mse", "test:absolute_loss")),
            (
                {"predictor_type": "multiclass_classifier", "num_classes": "3"},
                ("validation:dcg", "validation:multiclass_top_k_accuracy", "test:macro_f_beta", "test:macro_recall"),
            ),
        ],
    )
    def test_the_other_predictor_types(
        self, given: Mapping[str, str], metrics: tuple[str, ...], tmp_path: Path, description: Mapping[str, Any]
    ) -> None:
        run = self.train(tmp_path / "job", "text/csv", {"mini_batch_size": "50", **given})
        assert (run.code, run.failure) == (0, "")
        patterns = {metric["Name"]: metric["Regex"] for metric in description["metrics"]}
        for name in metrics:
            assert re.search(patterns[name], run.log), name


def test_the_spec_loads_no_heavy_library() -> None:
    code = (
        "import sys; from sagewright_algorithms.linear_learner.spec import SPEC; SPEC.describe(); "
        "print({'numpy', 'scipy', 'pyarrow', 'sklearn', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_python_sdks_booleans_are_understood(tmp_path: Path) -> None:
    run = TestLinearLearner.train(
        tmp_path / "job",
        "text/csv",
        {**TestLinearLearner.hyperparameters, "use_bias": "True", "normalize_data": "False", "epochs": "1"},
    )
    assert (run.code, run.failure) == (0, "")
