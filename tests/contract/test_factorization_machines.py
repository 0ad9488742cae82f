"""AlgorithmSuite over factorization machines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from contract.tables import answered, other_requests, records, requests
from sagewright.testing.algorithm_processes import started_group
from sagewright.testing.algorithms import AlgorithmSuite, Run, Server
from sagewright_algorithms.factorization_machines import artifacts

Array = np.ndarray[Any, Any]

_DIGITS = load_digits()
_FEATURES = (_DIGITS.data / 16).astype(np.float32)
_ODD = (_DIGITS.target % 2).astype(np.float32)
_ROWS = 1500
_SOME = _FEATURES[:3]
_RATES = {"bias_lr": "0.01", "linear_lr": "0.02", "factors_lr": "0.01", "factors_init_sigma": "0.05"}
_GIVEN = {
    "feature_dim": "64",
    "num_factors": "8",
    "predictor_type": "binary_classifier",
    "epochs": "40",
    "mini_batch_size": "100",
    **_RATES,
}
_RECORDS = "application/x-recordio-protobuf"
_NAMES = ("accuracy", "cross_entropy")


def _scores(model: artifacts.Artifact, rows: Array) -> Array:
    """By the definition, a pair at a time."""
    bias, linear, factors = (array.astype(np.float64) for array in model.parameters)
    found = bias[0, 0] + rows @ linear[:, 0]
    for one in range(rows.shape[1]):
        for other in range(one):
            found += rows[:, one] * rows[:, other] * (factors[one] @ factors[other])
    return np.asarray(found)


def _keys(keys: list[int], width: int) -> dict[str, Any]:
    features = {"keys": keys, "shape": [width], "values": [1.0] * len(keys)}
    return {"instances": [{"data": {"features": features}}]}


class TestFactorizationMachines(AlgorithmSuite):
    package = "factorization_machines"
    hyperparameters = _GIVEN
    metrics = (
        *(f"train:binary_classification_{name}{suffix}" for name in _NAMES for suffix in ("", ":epoch", ":batch")),
        *(f"test:binary_classification_{name}" for name in _NAMES),
        "test:binary_f_beta",
        "train:binary_f_beta",
        "train:progress",
        "train:throughput",
    )
    same_on_two = ("test:binary_classification_accuracy", "test:binary_f_beta")
    requests = {kind: body for kind, body in requests(_SOME).items() if kind != "text/csv"}  # noqa: RUF012
    rejected = (
        ({**_GIVEN, "bias_init_method": "uniform"}, "bias_init_scale is required"),
        ({**_GIVEN, "factors_init_method": "constant"}, "factors_init_value is required"),
        ({**_GIVEN, "use_linear": "perhaps"}, "use_linear"),
        ({**_GIVEN, "predictor_type": "multiclass_classifier"}, "predictor_type"),
        ({**_GIVEN, "_optimizer": "sgd"}, "_optimizer"),
    )
    long = {"epochs": "1000000"}  # noqa: RUF012
    sparse = True
    labels = _ODD

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, part, files in (("train", slice(0, _ROWS), 2), ("test", slice(_ROWS, None), 1)):
            (data / channel).mkdir()
            rows, labels = _FEATURES[part], cls.labels[part]
            for number in range(files):
                content = records(rows[number::files], labels[number::files], sparse=cls.sparse)
                (data / channel / f"part-{number}").write_bytes(content)

    def test_pairs_tell_more_than_features_alone(self, trained: Run) -> None:
        """Whether a digit is odd is no sum over pixels."""
        linear = LogisticRegression(max_iter=1000).fit(_FEATURES[:_ROWS], _ODD[:_ROWS])
        (found,) = re.findall(r"test binary_classification_accuracy <score>=(\S+)", trained.log)
        assert float(found) > linear.score(_FEATURES[_ROWS:], _ODD[_ROWS:]) + 0.03

    def test_the_test_channel_is_scored(self, trained: Run) -> None:
        scores, labels = _scores(artifacts.read(trained.base / "model"), _FEATURES[_ROWS:]), _ODD[_ROWS:] == 1
        positive = scores >= 0
        expected = {
            "binary_classification_accuracy": np.mean(positive == labels),
            "binary_classification_cross_entropy": np.mean(np.logaddexp(0, np.where(labels, -scores, scores))),
            "binary_f_1.000": 2 * np.sum(positive & labels) / (np.sum(positive) + np.sum(labels)),
        }
        found = dict(re.findall(r"#test_score \(algo-1\) : \('(\S+)', (\S+)\)", trained.log))
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert float(found[name]) == pytest.approx(value, rel=1e-4), name

    def test_the_log_is_awss(self, trained: Run) -> None:
        lines = (
            r"Docker entrypoint called with argument\(s\): train",
            r"\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d INFO \d+\] Reading default configuration from .*'bias_lr': '0\.1'",
            r"\[.*\] Final configuration: \{.*'num_factors': '8'",
            r"\[.*\] Checkpoint loading and saving are disabled\.",
            r"\[.*\] Number of GPUs being used: 0",
            r"\[.*\] \[Sparse network\] Building a sparse network\.",
            r'#metrics \{.*"factorization-machines".*"initialize\.time"',
            r"\[.*\] #quality_metric: host=algo-1, epoch=0, batch=0 train binary_classification_accuracy <score>=",
            r"\[.*\] #quality_metric: host=algo-1, epoch=0, train binary_classification_accuracy <score>=",
            r"\[.*\] #quality_metric: host=algo-1, epoch=0, train binary_classification_cross_entropy <loss>=",
            r"\[.*\] #quality_metric: host=algo-1, epoch=0, train binary_f_1\.000 <score>=",
            r'#metrics \{.*"epoch": 0.*"update\.time"',
            r"\[.*\] #progress_metric: host=algo-1, completed 2\.5 % of epochs",
            r'#metrics \{.*"Meta": "training_data_iter"\}.*"Total Records Seen": \{"sum": 1500.*"Total Batches Seen": '
            r'\{"sum": 15',
            r"\[.*\] #throughput_metric: host=algo-1, train throughput=",
            r"\[.*\] #progress_metric: host=algo-1, completed 100\.0 % of epochs",
            r"\[.*\] #quality_metric: host=algo-1, train binary_classification_accuracy <score>=",
            r"\[.*\] #test_score \(algo-1\) : \('binary_classification_accuracy', ",
            r"\[.*\] #quality_metric: host=algo-1, test binary_f_1\.000 <score>=",
            r'#metrics \{.*"totaltime"',
        )
        at = 0
        for line in lines:
            match = re.compile(f"^{line}", re.MULTILINE).search(trained.log, at)
            assert match, line
            at = match.end()

    def test_the_model_file(self, trained: Run) -> None:
        assert list(trained.model) == ["model_algo-1"]
        with zipfile.ZipFile(BytesIO(trained.model["model_algo-1"])) as archive:
            assert sorted(archive.namelist()) == ["meta.json", "params", "symbol.json"]
        model = artifacts.read(trained.base / "model")
        assert (model.kind, [array.shape for array in model.parameters]) == (
            "binary_classifier",
            [(1, 1), (64, 1), (64, 8)],
        )

    def test_predictions_of_a_classifier(self, server: Server, trained: Run) -> None:
        body = requests(_FEATURES)["application/json"]
        status, _, answer = server.invoke(body, "application/json", "application/json")
        assert (status, list(json.loads(answer))) == (200, ["predictions"])
        found = json.loads(answer)["predictions"]
        assert [list(one) for one in found] == [["score", "predicted_label"]] * len(_FEATURES)
        chances = 1 / (1 + np.exp(-_scores(artifacts.read(trained.base / "model"), _FEATURES)))
        np.testing.assert_allclose([one["score"] for one in found], chances, atol=1e-4)
        sure = np.abs(chances - 0.5) > 1e-4
        labels = np.array([one["predicted_label"] for one in found])
        np.testing.assert_array_equal(labels[sure], (chances >= 0.5)[sure])

    def test_requests_and_responses_of_every_form_say_the_same(self, server: Server) -> None:
        bodies = [*self.requests.items(), *other_requests(_SOME)]
        found = [json.loads(server.invoke(body, kind, "application/json")[2])["predictions"] for kind, body in bodies]
        for predictions in found[1:]:
            for one, other in zip(predictions, found[0], strict=True):
                assert one["score"] == pytest.approx(other["score"], rel=1e-5)
                assert one["predicted_label"] == other["predicted_label"]
        body = self.requests["application/jsonlines"]
        lines = server.invoke(body, "application/jsonlines", "application/jsonlines")[2].splitlines()
        assert [json.loads(line) for line in lines] == found[0]
        _, _, answer = server.invoke(self.requests[_RECORDS], _RECORDS, _RECORDS)
        rows = answered(answer, ["score", "predicted_label"])
        for (score, label), expected in zip(rows, found[0], strict=True):
            assert score == pytest.approx([expected["score"]], rel=1e-6)
            assert label == [expected["predicted_label"]]

    @pytest.mark.parametrize("sparse", [True, False])
    def test_a_regressor(self, tmp_path: Path, sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "sparse", sparse)
        run = self.train(tmp_path, _RECORDS, {**_GIVEN, "predictor_type": "regressor"})
        assert (run.code, run.failure) == (0, "")
        found = dict(re.findall(r"#quality_metric: host=algo-1, test (\S+) <loss>=(\S+)", run.log))
        expected = _scores(artifacts.read(tmp_path / "model"), _FEATURES[_ROWS:])
        error = np.sqrt(np.mean(np.square(expected - _ODD[_ROWS:])))
        assert list(found) == ["rmse", "mse", "absolute_loss"]
        assert float(found["rmse"]) == pytest.approx(error, rel=1e-4)
        assert error < 0.3
        with self.serving(tmp_path) as server:
            for kind, body in (*requests(_FEATURES[_ROWS:]).items(), *other_requests(_FEATURES[_ROWS:])):
                if kind != "text/csv":
                    predictions = json.loads(server.invoke(body, kind, "application/json")[2])["predictions"]
                    assert [list(one) for one in predictions] == [["score"]] * len(expected)
                    np.testing.assert_allclose([one["score"] for one in predictions], expected, atol=1e-3)

    def test_two_instances_have_the_model_of_one_with_twice_the_mini_batch(self, tmp_path: Path) -> None:
        """Every mini-batch of both is one step."""
        one = self.train(tmp_path / "one", _RECORDS, {**_GIVEN, "mini_batch_size": "1500", "epochs": "3"})
        bases = self.lay_out_two(tmp_path / "two", _RECORDS, {**_GIVEN, "mini_batch_size": "750", "epochs": "3"})
        with started_group(self.package, bases) as group:
            first, second = group.end().values()
        assert (one.code, first.code, second.code, second.model) == (0, 0, 0, {})
        expected, found = (artifacts.read(run.base / "model").parameters for run in (one, first))
        for array, same in zip(found, expected, strict=True):
            np.testing.assert_allclose(array, same, atol=1e-5)

    def test_a_sparse_request_may_be_narrower(self, server: Server, trained: Run) -> None:
        """A feature that comes twice counts with the sum."""
        body = json.dumps(_keys([3, 1, 3], 10)).encode()
        (found,) = json.loads(server.invoke(body, "application/json", "application/json")[2])["predictions"]
        row = np.zeros((1, 64))
        row[0, [1, 3]] = 1, 2
        (expected,) = 1 / (1 + np.exp(-_scores(artifacts.read(trained.base / "model"), row)))
        assert found["score"] == pytest.approx(expected, abs=1e-5)

    def test_there_is_no_csv(self, server: Server, tmp_path: Path) -> None:
        body = self.requests["application/json"]
        assert server.invoke(body, "application/json", "text/csv")[0] == 406
        run = self.train(tmp_path, "text/csv")
        assert run.failure.startswith("ClientError: ")
        assert "text/csv" in run.failure

    @pytest.mark.parametrize(
        ("kind", "body", "status", "word"),
        [
            ("application/json", {"instances": [{"features": [1, 2]}]}, 400, "size 2 to array axis with dimension 64"),
            ("application/json", _keys([64], 65), 400, "size 65 to array axis with dimension 64"),
            ("application/json", _keys([64], 64), 415, "instance 1"),
            ("application/json", _keys([-1], 64), 415, "instance 1"),
            ("application/json", {"instances": [{"features": [float("nan")] * 64}]}, 400, "not a number"),
            ("application/json", {"instances": []}, 415, "at least one instance"),
            ("text/csv", {}, 415, "text/csv"),
        ],
    )
    def test_wrong_requests(self, server: Server, kind: str, body: Any, status: int, word: str) -> None:
        found, _, answer = server.invoke(json.dumps(body).encode(), kind)
        assert (found, word in answer.decode()) == (status, True), answer


def test_the_spec_loads_no_heavy_library() -> None:
    code = (
        "import sys; from sagewright_algorithms.factorization_machines.spec import SPEC; SPEC.describe(); "
        "print({'numpy', 'scipy', 'numba', 'pyarrow', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
