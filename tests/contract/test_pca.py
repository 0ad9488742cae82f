"""AlgorithmSuite over PCA."""

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

from contract.tables import answered, csv, other_requests, records, requests
from sagewright.testing.algorithm_processes import started_group
from sagewright.testing.algorithms import AlgorithmSuite, Run, Server
from sagewright_algorithms.formats import ndarrays

Array = np.ndarray[Any, Any]

_FEATURES = load_digits().data.astype(np.float32)
_TRAIN, _TEST = _FEATURES[:1500], _FEATURES[1500:]
_SOME = _FEATURES[:3]
_GIVEN = {"feature_dim": "64", "num_components": "5", "mini_batch_size": "200"}


def _model(run: Run) -> dict[str, Array]:
    return ndarrays.decode(run.model["model_algo-1"])


class TestPCA(AlgorithmSuite):
    package = "pca"
    hyperparameters = _GIVEN
    metrics = ("train:progress", "train:throughput")
    same_on_two = ("train:progress",)
    requests = requests(_SOME)
    rejected = (
        ({**_GIVEN, "num_components": "65"}, "num_components"),
        ({**_GIVEN, "extra_components": "-2"}, "extra_components"),
        ({**_GIVEN, "subtract_mean": "perhaps"}, "subtract_mean"),
    )
    long = {"epochs": "1000000"}  # noqa: RUF012

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, rows, files in (("train", _TRAIN, 2), ("test", _TEST, 1)):
            (data / channel).mkdir()
            for number, part in enumerate(np.array_split(rows, files)):
                # CSV's first column is a label, unless the content type says otherwise.
                labelled = np.column_stack([np.zeros(len(part)), part])
                content = csv(labelled) if content_type == "text/csv" else records(part, part[:, 0])
                (data / channel / f"part-{number}").write_bytes(content)

    def test_the_model_is_the_singular_value_decomposition(self, trained: Run) -> None:
        model = _model(trained)
        mean = _TRAIN.mean(axis=0)
        _, singular, right = np.linalg.svd(_TRAIN - mean, full_matrices=False)
        assert {name: array.shape for name, array in model.items()} == {"s": (5,), "v": (64, 5), "mean": (1, 64)}
        # The top component is the last.
        np.testing.assert_allclose(model["s"][::-1], singular[:5], rtol=1e-5)
        np.testing.assert_allclose(np.abs(np.sum(model["v"][:, ::-1] * right[:5].T, axis=0)), 1, rtol=1e-5)
        np.testing.assert_allclose(model["mean"][0], mean, atol=1e-5)

    def test_the_test_channel_is_scored(self, trained: Run) -> None:
        (found,) = re.findall(r"test explained_variance_ratio <score>=(\S+)", trained.log)
        model = _model(trained)
        rows = _TEST - model["mean"]
        assert float(found) == pytest.approx(np.square(rows @ model["v"]).sum() / np.square(rows).sum(), rel=1e-5)

    @classmethod
    def train_on_two(cls, base: Path, hyperparameters: Mapping[str, str]) -> dict[str, Array]:
        bases = cls.lay_out_two(base, "application/x-recordio-protobuf", hyperparameters)
        with started_group(cls.package, bases) as group:
            first, second = group.end().values()
        assert (first.code, second.code, second.model) == (0, 0, {})
        return _model(first)

    def test_two_instances_have_the_model_of_one(self, trained: Run, tmp_path: Path) -> None:
        found, expected = self.train_on_two(tmp_path, _GIVEN), _model(trained)
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-5 * np.abs(array).max())

    def test_two_instances_in_randomized_mode(self, trained: Run, tmp_path: Path) -> None:
        """With so few extra components that it is not exact."""
        found = self.train_on_two(tmp_path, {**_GIVEN, "algorithm_mode": "randomized", "extra_components": "2"})
        rows = _TRAIN - _TRAIN.mean(axis=0)
        explained, most = (np.square(rows @ model["v"]).sum() for model in (found, _model(trained)))
        assert most * 0.97 < explained < most * 0.999999
        np.testing.assert_allclose(found["v"].T @ found["v"], np.eye(5), atol=1e-5)
        np.testing.assert_allclose(found["mean"][0], _TRAIN.mean(axis=0), atol=1e-5)

    def test_the_log_is_awss(self, trained: Run) -> None:
        lines = (
            r"Docker entrypoint called with argument\(s\): train",
            r"\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d INFO \d+\] Final configuration: \{.*'num_components': '5'",
            r"\[.*\] The default executor is <PCAExecutor on cpu\(0\)>\.",
            r"\[.*\] 64 feature\(s\) found in 'data'\.",
            r"\[.*\] <PCAExecutor on cpu\(0\)> is assigned to batch slice from 0 to 199\.",
            r'#metrics \{.*"PCA".*"update\.time"',
            r"\[.*\] #progress_metric: host=algo-1, completed 100\.0 % of epochs",
            r'#metrics \{.*"Meta": "training_data_iter"\}.*"Total Records Seen": \{"sum": 1500.*"Total Batches Seen": '
            r'\{"sum": 8',
            r"\[.*\] #throughput_metric: host=algo-1, train throughput=",
            r'#metrics \{.*"finalize\.time"',
            r'#metrics \{.*"setuptime".*"totaltime"',
        )
        at = 0
        for line in lines:
            match = re.compile(f"^{line}", re.MULTILINE).search(trained.log, at)
            assert match, line
            at = match.end()

    def test_projections(self, server: Server, trained: Run) -> None:
        status, _, body = server.invoke(csv(_FEATURES), "text/csv", "application/json")
        assert (status, list(json.loads(body))) == (200, ["projections"])
        found = [one["projection"] for one in json.loads(body)["projections"]]
        model = _model(trained)
        np.testing.assert_allclose(found, (_FEATURES - model["mean"]) @ model["v"], rtol=1e-4, atol=1e-3)

    def test_requests_and_responses_of_every_form_say_the_same(self, server: Server) -> None:
        bodies = [*self.requests.items(), *other_requests(_SOME)]
        found = [json.loads(server.invoke(body, kind, "application/json")[2])["projections"] for kind, body in bodies]
        rows = np.array([one["projection"] for one in found[0]])
        for projections in found[1:]:
            np.testing.assert_allclose([one["projection"] for one in projections], rows, rtol=1e-4, atol=1e-4)
        lines = server.invoke(self.requests["text/csv"], "text/csv", "application/jsonlines")[2].splitlines()
        assert [json.loads(line) for line in lines] == found[0]
        _, _, body = server.invoke(self.requests["text/csv"], "text/csv", "application/x-recordio-protobuf")
        np.testing.assert_allclose([row[0] for row in answered(body, ["projection"])], rows, rtol=1e-6)

    def test_a_model_without_a_mean(self, tmp_path: Path) -> None:
        run = self.train(tmp_path / "job", "text/csv", {**_GIVEN, "subtract_mean": "False", "force_dense": "True"})
        model = _model(run)
        singular = np.linalg.svd(_TRAIN, compute_uv=False)
        assert list(model) == ["s", "v"]
        np.testing.assert_allclose(model["s"][::-1], singular[:5], rtol=1e-5)
        with self.serving(run.base) as server:
            body = server.invoke(csv(_SOME), "text/csv")[2]
        found = [one["projection"] for one in json.loads(body)["projections"]]
        np.testing.assert_allclose(found, _SOME @ model["v"], rtol=1e-4, atol=1e-4)


def test_the_spec_loads_no_heavy_library() -> None:
    code = (
        "import sys; from sagewright_algorithms.pca.spec import SPEC; SPEC.describe(); "
        "print({'numpy', 'scipy', 'pyarrow', 'sklearn', 'google.protobuf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
