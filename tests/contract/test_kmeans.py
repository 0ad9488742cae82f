"""AlgorithmSuite over k-means."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sagewright.testing.algorithms import AlgorithmSuite, Run, Server
from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class

Array = np.ndarray[Any, Any]


def _csv(table: Array) -> bytes:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table).encode()


def _records(features: Array, *, sparse: bool = False) -> bytes:
    found = []
    for row in features:
        record = record_class()()
        tensor = record.features["values"].float32_tensor
        columns = np.flatnonzero(row) if sparse else np.arange(len(row))
        tensor.values.extend(row[columns].tolist())
        if sparse:
            tensor.keys.extend(columns.tolist())
            tensor.shape.append(len(row))
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


_FEATURES = load_digits().data.astype(np.float32)
_SOME = _FEATURES[:3]
_DENSE = [{"features": row} for row in _SOME.tolist()]
_SPARSE = [{"data": {"features": {"keys": list(range(64)), "shape": [64], "values": row}}} for row in _SOME.tolist()]
_NESTED = [{"data": {"features": {"values": row}}} for row in _SOME.tolist()]
_BODIES = {
    "text/csv": _csv(_SOME),
    "application/json": json.dumps({"instances": _DENSE}).encode(),
    "application/jsonlines": "".join(f"{json.dumps(instance)}\n" for instance in _DENSE).encode(),
    "application/x-recordio-protobuf": _records(_SOME),
}


class TestKMeans(AlgorithmSuite):
    package = "kmeans"
    hyperparameters = {"k": "10", "feature_dim": "64", "eval_metrics": '["msd", "ssd"]'}  # noqa: RUF012
    metrics = ("train:msd", "train:progress", "train:throughput", "test:msd", "test:ssd")
    same_on_two = ("train:msd", "test:msd", "test:ssd")
    requests = _BODIES
    rejected = (
        ({"feature_dim": "64", "k": "0"}, "'k'"),
        ({"feature_dim": "64", "k": "10", "eval_metrics": '["mse"]'}, "eval_metrics"),
        ({"feature_dim": "64", "k": "10", "eval_metrics": "[]"}, "eval_metrics"),
        ({"feature_dim": "64", "k": "10", "eval_metrics": "msd"}, "eval_metrics"),
        ({"feature_dim": "64", "k": "10", "extra_center_factor": "some"}, "extra_center_factor"),
        ({"feature_dim": "64", "k": "10", "_log_level": "loud"}, "_log_level"),
    )
    long = {"epochs": "1000000"}  # noqa: RUF012

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, rows in (("train", slice(0, 1500)), ("test", slice(1500, None))):
            (data / channel).mkdir()
            for number, part in enumerate(np.array_split(_FEATURES[rows], 2 if channel == "train" else 1)):
                # CSV's first column is a label, unless the content type says otherwise.
                labelled = np.column_stack([np.zeros(len(part)), part])
                content = _csv(labelled) if content_type == "text/csv" else _records(part)
                (data / channel / f"part-{number}").write_bytes(content)

    def test_the_answers_are_the_nearest_clusters(self, server: Server, trained: Run) -> None:
        status, _, body = server.invoke(_csv(_FEATURES), "text/csv", "application/json")
        predictions = json.loads(body)["predictions"]
        assert status == 200
        assert set(predictions[0]) == {"closest_cluster", "distance_to_cluster"}
        found = np.array([one["closest_cluster"] for one in predictions])
        assert set(found) == {float(number) for number in range(10)}
        distances = np.array([one["distance_to_cluster"] for one in predictions])
        # Euclidean: their squares are the test channel's msd.
        (msd,) = re.findall(r"test msd <loss>=(\S+)", trained.log)
        assert np.mean(distances[1500:] ** 2) == pytest.approx(float(msd), rel=1e-4)

    def test_requests_of_every_form_get_the_same_answer(self, server: Server) -> None:
        bodies = [*_BODIES.items(), ("application/x-recordio-protobuf", _records(_SOME, sparse=True))]
        bodies += [("application/json", json.dumps({"instances": some}).encode()) for some in (_SPARSE, _NESTED)]
        found = [json.loads(server.invoke(body, kind, "application/json")[2])["predictions"] for kind, body in bodies]
        for predictions in found[1:]:
            for one, other in zip(predictions, found[0], strict=True):
                assert one == {name: pytest.approx(value, rel=1e-5) for name, value in other.items()}

    def test_responses_of_every_form_say_the_same(self, server: Server) -> None:
        bodies = {
            accept: server.invoke(_BODIES["text/csv"], "text/csv", accept)[2].decode("latin-1")
            for accept in ("application/json", "application/jsonlines", "application/x-recordio-protobuf", "text/csv")
        }
        objects = json.loads(bodies["application/json"])["predictions"]
        assert [json.loads(line) for line in bodies["application/jsonlines"].splitlines()] == objects
        rows = [[one["closest_cluster"], one["distance_to_cluster"]] for one in objects]
        assert [[float(cell) for cell in line.split(",")] for line in bodies["text/csv"].splitlines()] == rows
        records = recordio.records(bodies["application/x-recordio-protobuf"].encode("latin-1"))
        labels = [record_class().FromString(payload).label for _, payload in records]
        names = ("closest_cluster", "distance_to_cluster")
        assert [[label[name].float32_tensor.values[0] for name in names] for label in labels] == rows

    def test_the_model_file_is_awss(self, trained: Run) -> None:
        assert list(trained.model) == ["model_algo-1"]

    def test_the_log_is_awss(self, trained: Run) -> None:
        lines = (
            r"Docker entrypoint called with argument\(s\): train",
            r"\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d INFO \d+\] Final configuration: \{.*'k': '10'",
            r"\[.*\] 'extra_center_factor' was set to 'auto', evaluated to 10\.",
            r"\[.* WARNING \d+\] Batch size 5000 is bigger than the first batch data\. Effective batch size used to "
            "initialize is 1500",
            r"\[.*\] processed a total of 1500 examples",
            r"\[.*\] #progress_metric: host=algo-1, completed 100\.0 % of epochs",
            r'#metrics \{.*"AWS/KMeansWebscale".*"Meta": "training_data_iter"\}.*"Total Records Seen"',
            r"\[.*\] shrinking 100 centers into 10",
            r"\[.*\] local kmeans attempt #9\. Current mean square distance \d+\.\d{6}",
            r"\[.*\] finished shrinking process\. Mean Square Distance = \d+",
            r"\[.*\] #test_score \(algo-1\) : \('msd', \d+\.\d+\)",
            r'#metrics \{.*"totaltime"',
        )
        at = 0
        for line in lines:
            match = re.compile(f"^{line}", re.MULTILINE).search(trained.log, at)
            assert match, line
            at = match.end()

    def test_what_sdks_and_tuning_jobs_send(self, tmp_path: Path) -> None:
        given = {
            **self.hyperparameters,
            "mini_batch_size": "500",
            "force_dense": "True",
            "_tuning_objective_metric": "test:msd",
            "_num_kv_servers": "auto",
            "_kvstore": "auto",
            "_log_level": "warning",
        }
        run = self.train(tmp_path / "job", "application/x-recordio-protobuf", given)
        assert (run.code, run.failure) == (0, "")
        assert "#quality_metric" not in run.log, "the log level has no effect"

    def test_the_words_of_a_refusal(self, tmp_path: Path) -> None:
        run = self.train(tmp_path / "job", "text/csv", {**self.hyperparameters, "k": "few"})
        assert run.failure.startswith(
            "ClientError: The value 'few' is not valid for the 'k' hyperparameter which expects one of the following: "
            "a string which matches the pattern '^([1-9][0-9]*)$'; or an integer"
        )
        assert run.failure.endswith("Caused by: 'few' is not valid under any of the given schemas")


def test_the_spec_loads_no_heavy_library() -> None:
    code = (
        "import sys; from sagewright_algorithms.kmeans.spec import SPEC; SPEC.describe(); "
        "print({'numpy', 'scipy', 'pyarrow', 'sklearn', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
