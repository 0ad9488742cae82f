"""AlgorithmSuite over IP Insights."""

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

from sagewright.testing.algorithms import AlgorithmSuite, Run, Server
from sagewright_algorithms.ip_insights import model

_USERS = 40
_GIVEN = {
    "num_entity_vectors": "20000",
    "vector_dim": "16",
    "mini_batch_size": "200",
    "learning_rate": "0.01",
    "epochs": "5",
}
_PAIRS = [("user_1", "10.1.7.9"), ("user_2", "10.2.3.4"), ("nobody, at all", "203.0.113.5")]


def _line(entity: str, address: str) -> str:
    return f'"{entity}", {address}\n'


def _records(count: int, seed: int) -> list[str]:
    """Each user has a network of his own."""
    random = np.random.default_rng(seed)
    users, hosts = random.integers(0, _USERS, count), random.integers(0, 256, (count, 2))
    return [_line(f"user_{user}", f"10.{user}.{a % 16}.{b}") for user, (a, b) in zip(users, hosts, strict=True)]


_DENSE = [{"features": list(pair)} for pair in _PAIRS]
_NESTED = [{"data": {"features": {"values": list(pair)}}} for pair in _PAIRS]
_BODIES = {
    "text/csv": "".join(_line(*pair) for pair in _PAIRS).encode(),
    "application/json": json.dumps({"instances": _DENSE}).encode(),
    "application/jsonlines": "".join(f"{json.dumps(instance)}\n" for instance in _DENSE).encode(),
}
_OTHERS = (
    ("text/csv", b'user_1,10.1.7.9\r\n\r\nuser_2,  "10.2.3.4"\n"nobody, at all",203.0.113.5'),
    ("application/json", json.dumps({"instances": _NESTED}).encode()),
    ("application/jsonlines", "\n".join(map(json.dumps, _NESTED)).encode()),
)


class TestIPInsights(AlgorithmSuite):
    package = "ip_insights"
    hyperparameters = _GIVEN
    metrics = (
        "train:binary_classification_accuracy",
        "train:binary_classification_accuracy:epoch",
        "train:binary_classification_cross_entropy",
        "train:binary_classification_cross_entropy:epoch",
        "train:progress",
        "train:throughput",
        "validation:discriminator_auc",
    )
    same_on_two = (
        "validation:discriminator_auc",
        "train:binary_classification_accuracy:epoch",
    )
    requests = _BODIES
    rejected = (
        ({**_GIVEN, "random_negative_sampling_rate": "0", "shuffled_negative_sampling_rate": "0"}, "shuffled"),
        (
            {**_GIVEN, "random_negative_sampling_rate": "300", "shuffled_negative_sampling_rate": "201"},
            "between 1 and 500",
        ),
        ({**_GIVEN, "num_entity_vectors": "250000000", "vector_dim": "128"}, "8 GB"),
        ({**_GIVEN, "feature_dim": "2"}, "feature_dim"),
    )
    long = {"epochs": "1000000"}  # noqa: RUF012

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        for channel, count, files in (("train", 4000, 2), ("validation", 1000, 1)):
            (data / channel).mkdir()
            lines = _records(count, files)
            for number in range(files):
                (data / channel / f"part-{number}.csv").write_text("".join(lines[number::files]))

    def test_the_records_are_told_from_others(self, server: Server, trained: Run) -> None:
        areas = [float(found) for found in re.findall(r"validation discriminator_auc <score>=(\S+)", trained.log)]
        assert len(areas) == 5
        assert areas[-1] > 0.97
        random = np.random.default_rng(3)
        users, others = random.integers(0, _USERS, (2, 500))
        own = self._scores(server, [_line(f"user_{user}", f"10.{user}.3.77") for user in users])
        wrong = self._scores(
            server, [_line(f"user_{user}", f"10.{other}.3.77") for user, other in zip(users, others, strict=True)]
        )
        different = users != others
        assert np.median(own) > 0
        assert (own > wrong)[different].mean() > 0.97

    def _scores(self, server: Server, lines: list[str]) -> Any:
        status, _, body = server.invoke("".join(lines).encode(), "text/csv", "application/json")
        assert status == 200
        return np.array([one["dot_product"] for one in json.loads(body)["predictions"]])

    def test_requests_of_every_form_get_the_same_answer(self, server: Server) -> None:
        bodies = [*_BODIES.items(), *_OTHERS]
        found = [json.loads(server.invoke(body, kind, "application/json")[2])["predictions"] for kind, body in bodies]
        assert found == [found[0]] * len(bodies)
        assert [list(one) for one in found[0]] == [["dot_product"]] * len(_PAIRS)

    @pytest.mark.parametrize("kind", ["json", "jsonlines"])
    def test_embeddings_on_request(self, server: Server, kind: str) -> None:
        status, content_type, body = server.invoke(_BODIES["text/csv"], "text/csv", f"application/{kind}; verbose=True")
        assert (status, content_type) == (200, f"application/{kind}")
        lines = body.splitlines()
        rows = json.loads(body)["predictions"] if kind == "json" else [json.loads(line) for line in lines]
        assert [list(row) for row in rows] == [["dot_product", "entity_embedding", "ip_embedding"]] * len(_PAIRS)
        for row in rows:
            entity, address = row["entity_embedding"], row["ip_embedding"]
            assert len(entity) == len(address) == 16
            assert row["dot_product"] == pytest.approx(np.dot(entity, address), abs=1e-5)
        # Never seen: neither likely nor unlikely.
        assert rows[2]["dot_product"] == 0

    @pytest.mark.parametrize(
        ("kind", "body", "status", "word"),
        [
            ("text/csv", b"user_1\n", 415, "row 1: expected 2 columns"),
            ("text/csv", b"user_1,10.0.0.1\na,b,10.0.0.1\n", 415, "row 2: expected 2 columns"),
            ("text/csv", b"user_1,10.0.0.1\nuser_1,10.0.0\n", 400, "row 2: '10.0.0' is not an IPv4 address"),
            ("text/csv", b"user_1,::1\n", 400, "IPv4"),
            ("application/json", b'{"instances": [{"features": ["a"]}]}', 415, "instance 1"),
            ("application/json", b'{"instances": [{"features": ["a", 1.5]}]}', 415, "instance 1"),
            ("application/json", b'{"instances": []}', 415, "at least one instance"),
            ("application/jsonlines", b'{"features": ["a", "1.2.3.256"]}', 400, "IPv4"),
        ],
    )
    def test_wrong_requests(self, server: Server, kind: str, body: bytes, status: int, word: str) -> None:
        found, _, answer = server.invoke(body, kind)
        assert found == status
        assert word in answer.decode()

    def test_the_model_file(self, trained: Run) -> None:
        assert list(trained.model) == ["model_algo-1"]

    def test_the_log_is_awss(self, trained: Run) -> None:
        at = 0
        for line in (
            r"Final configuration: \{.*'vector_dim': '16'",
            r"epoch=0, batch=0 train binary_classification_accuracy <score>=0\.666",
            r"epoch=0, batch=0 train binary_classification_cross_entropy <loss>=0\.693",
            r"epoch=0, train binary_classification_accuracy <score>=",
            r"#progress_metric: host=algo-1, completed 20\.0 % of epochs",
            r'#metrics \{.*"AWS/IPInsights".*"Meta": "training_data_iter"\}.*"Total Records Seen": \{"sum": 4000',
            r"#throughput_metric: host=algo-1, train throughput=\S+ records/second",
            r"epoch=0, validation discriminator_auc <score>=",
            r"epoch=4, validation discriminator_auc <score>=",
            r'#metrics \{.*"totaltime"',
        ):
            found = re.search(line, trained.log[at:])
            assert found, line
            at += found.end()

    @pytest.mark.parametrize(
        "more",
        [
            {
                "num_ip_encoder_layers": "0",
                "random_negative_sampling_rate": "0",
                "shuffled_negative_sampling_rate": "3",
            },
            {
                "num_ip_encoder_layers": "3",
                "random_negative_sampling_rate": "4",
                "shuffled_negative_sampling_rate": "0",
            },
            {"batch_metrics_publish_interval": "5", "_tuning_objective_metric": "validation:discriminator_auc"},
        ],
    )
    def test_other_hyperparameters(self, more: Mapping[str, str], tmp_path: Path) -> None:
        run = self.train(tmp_path / "job", "text/csv", {**_GIVEN, **more})
        assert (run.code, run.failure) == (0, "")
        found = model.load(run.base / "model").predict(model.decode(_BODIES["text/csv"], "csv"))
        assert np.isfinite(found["dot_product"]).all()
        published = "batch_metrics_publish_interval" in more
        assert (re.search(r"Epoch\[2\] Batch \[15\]#011Speed: \S+ samples/sec", run.log) is not None) is published


def test_neither_spec_nor_server_loads_what_it_does_not_need() -> None:
    for module, heavy in (("spec", "numpy"), ("model", "numba")):
        code = (
            f"import sys; import sagewright_algorithms.ip_insights.{module}; "
            f"print({{'{heavy}', 'scipy', 'pyarrow', 'sklearn', 'google.protobuf'}} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()", module
