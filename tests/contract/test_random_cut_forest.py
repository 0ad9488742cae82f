"""AlgorithmSuite over Random Cut Forest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import tables
from sagewright.testing.algorithm_processes import started_group
from sagewright.testing.algorithms import AlgorithmSuite, Run, Server

Array = np.ndarray[Any, Any]


def _points(rows: int, anomalies: int, seed: int) -> tuple[Array, Array]:
    """Two clusters, and points far from both; which ones are is the label."""
    random = np.random.default_rng(seed)
    centres = np.where(np.arange(rows)[:, None] % 2, 3.0, -3.0)
    points = random.normal(size=(rows, 4)) + centres
    labels = np.zeros(rows)
    chosen = random.choice(rows, anomalies, replace=False)
    points[chosen] += random.choice([-1.0, 1.0], size=(anomalies, 4)) * 25
    labels[chosen] = 1
    return points.astype(np.float32), labels


_TRAIN, _ = _points(2000, 8, 1)
_TEST, _LABELS = _points(1000, 6, 2)
_SOME = np.array([[3, 3, 3, 3], [-3, -3, 0, -2], [40, -40, 0, 40]], np.float32)


class TestRandomCutForest(AlgorithmSuite):
    package = "random_cut_forest"
    hyperparameters = {"feature_dim": "4", "num_trees": "60"}  # noqa: RUF012
    metrics = ("test:f1", "test:accuracy", "test:precision", "test:recall", "train:progress", "train:throughput")
    same_on_two = ("test:f1", "test:accuracy", "test:precision", "test:recall")
    requests = tables.requests(_SOME)
    rejected = (
        ({"feature_dim": "4", "eval_metrics": '["f1"]'}, "eval_metrics"),
        ({"feature_dim": "4", "eval_metrics": "accuracy"}, "eval_metrics"),
        ({"feature_dim": "auto"}, "feature_dim"),
        ({"feature_dim": "4", "num_trees": "49"}, "num_trees"),
        ({"feature_dim": "4", "num_samples_per_tree": "2049"}, "num_samples_per_tree"),
    )
    long = {"epochs": "1000000"}  # noqa: RUF012

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, features, labels in (("train", _TRAIN, np.zeros(len(_TRAIN))), ("test", _TEST, _LABELS)):
            (data / channel).mkdir()
            csv = content_type == "text/csv"
            for part in np.array_split(np.arange(len(labels)), 2 if channel == "train" else 1):
                table = np.column_stack([labels[part], features[part]])
                content = tables.csv(table) if csv else tables.records(features[part], labels[part])
                (data / channel / f"part-{part[0]}").write_bytes(content)

    def test_anomalies_score_higher(self, server: Server) -> None:
        status, _, body = server.invoke(tables.csv(_TEST), "text/csv", "application/json")
        scores = np.array([one["score"] for one in json.loads(body)["scores"]])
        assert status == 200
        assert scores[_LABELS == 1].min() > scores[_LABELS == 0].max()

    def test_requests_of_every_form_get_the_same_answer(self, server: Server) -> None:
        expected = json.loads(server.invoke(self.requests["text/csv"], "text/csv", "application/json")[2])
        assert list(expected) == ["scores"]
        for kind, body in [*self.requests.items(), *tables.other_requests(_SOME)]:
            assert json.loads(server.invoke(body, kind, "application/json")[2]) == expected, kind

    def test_the_answers_of_every_form(self, server: Server) -> None:
        body = self.requests["text/csv"]
        scores = [one["score"] for one in json.loads(server.invoke(body, "text/csv", "application/json")[2])["scores"]]
        lines = server.invoke(body, "text/csv", "application/jsonlines")[2].splitlines()
        assert [json.loads(line) for line in lines] == [{"score": score} for score in scores]
        records = tables.answered(server.invoke(body, "text/csv", "application/x-recordio-protobuf")[2], ["score"])
        assert [score for (label,) in records for score in label] == pytest.approx(scores, rel=1e-6)

    def test_each_instance_must_have_its_own_training_data(self, tmp_path: Path) -> None:
        """Where all have all of it, a record would be in the sample several times."""
        bases = self.lay_out_two(tmp_path, "text/csv", self.hyperparameters)
        for base in bases.values():
            path = base / "input" / "config" / "inputdataconfig.json"
            path.write_text(path.read_text().replace("ShardedByS3Key", "FullyReplicated"))
        with started_group(self.package, bases) as group:
            runs = group.end()
        for run in runs.values():
            assert run.code == 1
            assert run.failure.startswith("ClientError: ")
            assert "'FullyReplicated' is not one of ['ShardedByS3Key']" in run.failure
            assert "train channel" in run.failure

    @pytest.mark.parametrize(
        ("body", "word"),
        [(b"1,2,3", "dimension 4"), (b"1,2,3,4,5", "dimension 4"), (b"1,2,,4", "missing"), (b"1,2,inf,4", "infinite")],
    )
    def test_wrong_requests(self, server: Server, body: bytes, word: str) -> None:
        status, _, answer = server.invoke(body, "text/csv")
        assert status == 400
        assert word in answer.decode()

    def test_the_model_file_is_awss(self, trained: Run) -> None:
        assert list(trained.model) == ["model_algo-1"]

    def test_the_log_is_awss(self, trained: Run) -> None:
        at = 0
        for line in (
            r"Verifying hyperparamemters\.\.\.",
            r"feature_dim is correct\.",
            r"#progress_metric: host=algo-1, completed 100 % epochs",
            r"Sampling training data completed\.",
            r"Early stop condition met\. Stopping training\.",
            r"Master node: building Random Cut Forest\.\.\.",
            r"2000 samples gathered",
            r"ForestInfo\{num_trees: 60, num_samples_in_forest: 1980, num_samples_per_tree: 33, sample_dim: 4, ",
            r"Anomaly scores of 2000 train records: mean: ",
            r"Master node: Serializing the RandomCutForest model",
            r"Anomaly scores of 1000 test records: mean: ",
            r"#test_score \(algo-1\) : \('negative_f1', ",
        ):
            found = re.search(line, trained.log[at:])
            assert found, line
            at += found.end()


def test_the_spec_loads_no_heavy_library() -> None:
    code = (
        "import sys; from sagewright_algorithms.random_cut_forest.spec import SPEC; SPEC.describe(); "
        "print({'numpy', 'scipy', 'pyarrow', 'numba', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
