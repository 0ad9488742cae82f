"""AlgorithmSuite over k-NN."""

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
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from contract.tables import answered, csv, other_requests, records, requests
from sagewright.testing.algorithm_processes import started_group
from sagewright.testing.algorithms import AlgorithmSuite, Run, Server

Array = np.ndarray[Any, Any]

_ALL, _TARGETS = load_digits(return_X_y=True)
# No two rows are equally far: which of them would be among the nearest is nobody's to say.
_FEATURES = (_ALL + np.random.default_rng(0).normal(0, 0.01, _ALL.shape)).astype(np.float32)
_LABELS = _TARGETS.astype(np.float32)
_TRAIN, _TEST = slice(0, 1500), slice(1500, None)
_SOME = _FEATURES[:3]
_GIVEN = {"feature_dim": "64", "k": "5", "predictor_type": "classifier", "sample_size": "2000"}
_VERBOSE = ["predicted_label", "distances", "labels"]


def _logged(log: str, name: str) -> float:
    (found,) = re.findall(rf"#quality_metric: host=algo-1, test {name} <\w+>=(\S+)", log)
    return float(found)


class TestKNN(AlgorithmSuite):
    package = "knn"
    hyperparameters = _GIVEN
    metrics = ("train:progress", "train:throughput", "test:accuracy")
    same_on_two = ("test:accuracy",)
    requests = requests(_SOME)
    rejected = (
        ({**_GIVEN, "k": "2001"}, "sample_size"),
        ({**_GIVEN, "dimension_reduction_type": "sign"}, "dimension_reduction_target"),
        ({**_GIVEN, "dimension_reduction_target": "10"}, "dimension_reduction_type"),
        ({**_GIVEN, "dimension_reduction_type": "fjlt", "dimension_reduction_target": "64"}, "feature_dim"),
        ({**_GIVEN, "faiss_index_pq_m": "4"}, "faiss.IVFPQ"),
        ({**_GIVEN, "faiss_index_pq_m": "5", "index_type": "faiss.IVFPQ"}, "faiss_index_pq_m"),
        ({**_GIVEN, "index_metric": "COSINE", "index_type": "faiss.IVFPQ"}, "index_metric"),
        ({**_GIVEN, "faiss_index_ivf_nlists": "some"}, "faiss_index_ivf_nlists"),
        ({**_GIVEN, "faiss_index_ivf_nlists": "2001", "index_type": "faiss.IVFFlat"}, "faiss_index_ivf_nlists"),
    )
    long = {"epochs": "1000000"}  # noqa: RUF012

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, rows, files in (("train", _TRAIN, 2), ("test", _TEST, 1)):
            (data / channel).mkdir()
            features, labels = _FEATURES[rows], _LABELS[rows]
            for part in np.array_split(np.arange(len(labels)), files):
                table = np.column_stack([labels[part], features[part]])
                content = csv(table) if content_type == "text/csv" else records(features[part], labels[part])
                (data / channel / f"part-{part[0]}").write_bytes(content)

    def test_the_answers_are_scikit_learns(self, server: Server, trained: Run) -> None:
        status, _, body = server.invoke(csv(_FEATURES[_TEST]), "text/csv", "application/json")
        assert status == 200
        predictions = json.loads(body)["predictions"]
        assert list(predictions[0]) == ["predicted_label"]
        expected = KNeighborsClassifier(5).fit(_FEATURES[_TRAIN], _LABELS[_TRAIN]).predict(_FEATURES[_TEST])
        np.testing.assert_array_equal([one["predicted_label"] for one in predictions], expected)
        assert _logged(trained.log, "accuracy") == pytest.approx(np.mean(expected == _LABELS[_TEST]))
        macro = f1_score(_LABELS[_TEST], expected, average="macro")
        assert _logged(trained.log, "macro_f_1.000") == pytest.approx(macro)

    def test_verbose_answers(self, server: Server) -> None:
        """In every form; the distances are squares, as faiss has them."""
        distances, found = (
            KNeighborsClassifier(5).fit(_FEATURES[_TRAIN], _LABELS[_TRAIN]).kneighbors(_FEATURES[1500:1503])
        )
        sent = csv(_FEATURES[1500:1503])
        answers = {}
        for kind in ("json", "jsonlines", "x-recordio-protobuf"):
            status, content_type, body = server.invoke(sent, "text/csv", f"application/{kind}; verbose=true")
            assert (status, content_type) == (200, f"application/{kind}")
            answers[kind] = body
        rows = json.loads(answers["json"])["predictions"]
        assert [json.loads(line) for line in answers["jsonlines"].splitlines()] == rows
        assert list(rows[0]) == _VERBOSE
        np.testing.assert_allclose([row["distances"] for row in rows], distances**2, rtol=1e-5)
        np.testing.assert_array_equal([row["labels"] for row in rows], _LABELS[_TRAIN][found])
        for row, (label, gaps, labels) in zip(rows, answered(answers["x-recordio-protobuf"], _VERBOSE), strict=True):
            assert [row["predicted_label"]] == label
            np.testing.assert_allclose(row["distances"], gaps)
            assert row["labels"] == labels

    def test_requests_of_every_form_get_the_same_answer(self, server: Server) -> None:
        bodies = [*self.requests.items(), *other_requests(_SOME)]
        found = [server.invoke(body, kind, "application/json; verbose=True")[2] for kind, body in bodies]
        assert [json.loads(body) for body in found] == [json.loads(found[0])] * len(bodies)

    def test_the_model_files_are_awss(self, trained: Run) -> None:
        files = trained.model
        assert list(files) == ["model_algo-1", "model_algo-1.json", "model_algo-1.labels"]
        np.testing.assert_array_equal(np.frombuffer(files["model_algo-1.labels"], "<f4"), _LABELS[_TRAIN])
        assert json.loads(files["model_algo-1.json"]) == {
            "k": 5,
            "predictor_type": "classifier",
            "dimension_reduction": None,
            "normalize": False,
            "version": "1.0",
            "feature_dim": 64,
        }

    def test_the_metadata_may_be_edited(self, trained: Run, tmp_path: Path) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        for name, content in trained.model.items():
            (folder / name).write_bytes(content)
        path = folder / "model_algo-1.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "k": 3, "predictor_type": "regressor"}))
        with self.serving(tmp_path) as server:
            body = server.invoke(csv(_FEATURES[_TEST]), "text/csv")[2]
        expected = KNeighborsRegressor(3).fit(_FEATURES[_TRAIN], _LABELS[_TRAIN]).predict(_FEATURES[_TEST])
        found = [one["predicted_label"] for one in json.loads(body)["predictions"]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    @pytest.mark.parametrize(
        "more",
        [
            {"sample_size": "700"},
            {"index_type": "faiss.IVFFlat", "faiss_index_ivf_nlists": "20", "_faiss_index_nprobe": "10"},
            {"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "24"},
            {"dimension_reduction_type": "fjlt", "dimension_reduction_target": "40", "index_metric": "COSINE"},
        ],
    )
    def test_two_instances_and_other_indexes(self, more: Mapping[str, str], trained: Run, tmp_path: Path) -> None:
        bases = self.lay_out_two(tmp_path, "application/x-recordio-protobuf", {**_GIVEN, **more})
        with started_group(self.package, bases) as group:
            first, second = group.end().values()
        assert (first.code, first.failure, second.code, second.model) == (0, "", 0, {})
        assert _logged(first.log, "accuracy") > _logged(trained.log, "accuracy") - 0.06
        kept = np.frombuffer(first.model["model_algo-1.labels"], "<f4")
        assert len(kept) == min(int(more.get("sample_size", 2000)), 1500)

    def test_a_regressor(self, tmp_path: Path) -> None:
        run = self.train(tmp_path / "job", "application/x-recordio-protobuf", {**_GIVEN, "predictor_type": "regressor"})
        expected = KNeighborsRegressor(5).fit(_FEATURES[_TRAIN], _LABELS[_TRAIN]).predict(_FEATURES[_TEST])
        assert _logged(run.log, "mse") == pytest.approx(np.mean((expected - _LABELS[_TEST]) ** 2), rel=1e-6)


def test_the_spec_loads_no_heavy_library() -> None:
    code = (
        "import sys; from sagewright_algorithms.knn.spec import SPEC; SPEC.describe(); "
        "print({'numpy', 'scipy', 'pyarrow', 'sklearn', 'faiss', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
