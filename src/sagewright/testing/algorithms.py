"""AlgorithmSuite: what every built-in algorithm must do, checked through its command line and its description alone.

Subclass it, and say what only the algorithm's author can know::

    class TestKMeans(AlgorithmSuite):
        package = "kmeans"
        hyperparameters = {"k": "3", "feature_dim": "4"}
        metrics = ("test:msd",)
        requests = {"text/csv": b"1,2,3,4"}

        @classmethod
    def write_training_data(cls, content_type, data):
            (data / "train").mkdir()
            (data / "train" / "a.csv").write_text(...)

The contract: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms.html
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sagewright.testing.algorithm_processes import (
    DEADLINE,
    Run,
    Server,
    command,
    free_port,
    is_up,
    started,
    started_group,
    wait_until,
)

_TWO = ("algo-1", "algo-2")


class AlgorithmSuite:
    """What the author supplies.

    package: the algorithm's folder. hyperparameters: the fewest that train on the data. metrics: those that such a run
    logs. requests: a sample body for every request content type declared. rejected: further documents that must fail,
    with a word of the reason. long: hyperparameters that keep a training busy for minutes. saves_when_stopped: whether
    a stopped training leaves a model. same_on_two: metrics that two instances reach as one does, within tolerance, a
    part of the value; for algorithms that are distributed.
    """

    package: str
    hyperparameters: Mapping[str, str]
    metrics: Sequence[str] = ()
    requests: Mapping[str, bytes]
    rejected: Sequence[tuple[Mapping[str, str], str]] = ()
    long: Mapping[str, str]
    saves_when_stopped = True
    same_on_two: Sequence[str] = ()
    tolerance = 0.05

    @classmethod
    def write_training_data(cls, content_type: str, data: Path) -> None:
        """Writes the channels' folders (``train``, ...) below data, in this content type: small, for a fast test.

        Two instances share the files of a channel with several, and both have the one of a channel with one.
        """
        raise NotImplementedError

    # What a test works with.

    @pytest.fixture(scope="class")
    @classmethod
    def description(cls) -> dict[str, Any]:
        done = command(cls.package, "describe")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    @pytest.fixture(scope="class")
    @classmethod
    def content_types(cls, description: Mapping[str, Any]) -> list[str]:
        """Those of the train channel."""
        channels = {channel["Name"]: channel for channel in description["channels"]}
        return list(channels["train"]["SupportedContentTypes"])

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, tmp_path_factory: pytest.TempPathFactory, content_types: Sequence[str]) -> Run:
        """A training with the defaults, on the first content type."""
        return cls.train(tmp_path_factory.mktemp("trained"), content_types[0])

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, trained: Run) -> Iterator[Server]:
        with cls.serving(trained.base) as server:
            yield server

    @classmethod
    def train(cls, base: Path, content_type: str, hyperparameters: Mapping[str, str] | None = None) -> Run:
        cls.lay_out(base, content_type, cls.hyperparameters if hyperparameters is None else hyperparameters)
        done = command(cls.package, "train", base)
        return Run(base, done.returncode, done.stdout.replace("\t", "#011"))

    @classmethod
    def lay_out(
        cls,
        base: Path,
        content_type: str,
        hyperparameters: Mapping[str, str],
        host: str = "algo-1",
        hosts: Sequence[str] = ("algo-1",),
    ) -> None:
        """Makes base the /opt/ml of one of a job's hosts."""
        data, config = base / "input" / "data", base / "input" / "config"
        data.mkdir(parents=True)
        config.mkdir()
        cls.write_training_data(content_type, data)
        channel = {"ContentType": content_type, "TrainingInputMode": "File"}
        documents = {
            "hyperparameters": dict(hyperparameters),
            "inputdataconfig": {
                folder.name: {**channel, "S3DistributionType": _distribute(folder, hosts.index(host), len(hosts))}
                for folder in data.iterdir()
            },
            "resourceconfig": {"current_host": host, "hosts": list(hosts), "network_interface_name": "lo"},
        }
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document))

    @classmethod
    def lay_out_two(cls, base: Path, content_type: str, hyperparameters: Mapping[str, str]) -> dict[str, Path]:
        """The /opt/ml of two hosts, by host name."""
        bases = {host: base / host for host in _TWO}
        for host, folder in bases.items():
            cls.lay_out(folder, content_type, hyperparameters, host, _TWO)
        return bases

    @classmethod
    @contextmanager
    def serving(cls, base: Path, *, workers: int = 1) -> Iterator[Server]:
        """A server of base/model, answering pings."""
        settings = {
            "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(free_port()),
            "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
        }
        with started(cls.package, "serve", base, settings) as process:
            server = Server(int(settings["SAGEMAKER_BIND_TO_PORT"]), process)
            wait_until(lambda: is_up(server), process)
            yield server

    # Training.

    def test_defaults_train(self, trained: Run) -> None:
        assert trained.code == 0, trained.failure or trained.log
        assert trained.model
        assert not trained.failure

    def test_every_content_type_trains(self, tmp_path: Path, content_types: Sequence[str]) -> None:
        for number, content_type in enumerate(content_types[1:]):
            run = self.train(tmp_path / str(number), content_type)
            assert (run.code, run.failure) == (0, ""), f"{content_type}\n{run.log[-2000:]}"
            assert run.model, content_type

    def test_the_log_has_the_metrics(self, trained: Run, description: Mapping[str, Any]) -> None:
        patterns = {metric["Name"]: re.compile(metric["Regex"]) for metric in description["metrics"]}
        assert self.metrics
        for name in self.metrics:
            matches = [match for line in trained.log.splitlines() if (match := patterns[name].search(line))]
            assert matches, f"no line of the log matches {patterns[name].pattern}"
            # A group may run on into the metrics after it: AWS reads the number that it begins with.
            assert all(math.isfinite(float(match[1].split("#011")[0])) for match in matches)

    def test_the_same_seed_gives_the_same_model(self, trained: Run, tmp_path: Path, server: Server) -> None:
        again = self.train(tmp_path / "again", _content_type(trained))
        if again.model != trained.model:
            with self.serving(again.base) as other:
                assert self.answers(other) == self.answers(server)

    def test_sigterm_stops_a_training(
        self, tmp_path: Path, content_types: Sequence[str], description: Mapping[str, Any]
    ) -> None:
        self.lay_out(tmp_path / "job", content_types[0], {**self.hyperparameters, **self.long})
        with started(self.package, "train", tmp_path / "job", {}) as process:
            assert process.stdout is not None
            metrics = self._any_metric(description)
            for line in process.stdout:
                if metrics.search(line.replace("\t", "#011")):
                    break
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
            assert process.wait(DEADLINE) == 0
        run = Run(tmp_path / "job", 0, "")
        assert not run.failure
        assert bool(run.model) is self.saves_when_stopped

    @classmethod
    def _any_metric(cls, description: Mapping[str, Any]) -> re.Pattern[str]:
        patterns = {metric["Name"]: metric["Regex"] for metric in description["metrics"]}
        return re.compile("|".join(f"(?:{patterns[name]})" for name in cls.metrics))

    # Training on two instances.

    @pytest.fixture
    @classmethod
    def bases(cls, tmp_path: Path, content_types: Sequence[str], description: Mapping[str, Any]) -> dict[str, Path]:
        """/opt/ml of two hosts, whose training lasts until it is ended."""
        if not description["distributed"]:
            pytest.skip("the algorithm trains on one instance")
        return cls.lay_out_two(tmp_path, content_types[0], {**cls.hyperparameters, **cls.long})

    def test_two_instances_train_as_one(
        self, tmp_path: Path, trained: Run, content_types: Sequence[str], description: Mapping[str, Any]
    ) -> None:
        bases = self.lay_out_two(tmp_path, content_types[0], self.hyperparameters)
        with started_group(self.package, bases) as group:
            first, second = group.end().values()
        if not description["distributed"]:
            assert (first.code, second.code) == (1, 1)
            assert first.failure.startswith("ClientError: ")
            return
        assert (first.code, first.failure) == (second.code, second.failure) == (0, "")
        assert list(first.model) == list(trained.model)
        assert not second.model
        assert self.same_on_two
        patterns = {metric["Name"]: metric["Regex"] for metric in description["metrics"]}
        for name in self.same_on_two:
            found, expected = (_last(patterns[name], run.log) for run in (first, trained))
            assert found == pytest.approx(expected, rel=self.tolerance), name

    def test_sigterm_stops_two_instances(self, bases: Mapping[str, Path], description: Mapping[str, Any]) -> None:
        with started_group(self.package, bases) as group:
            group.wait_for("algo-1", self._any_metric(description))
            for process in group.processes.values():
                process.send_signal(signal.SIGTERM)
            first, second = group.end().values()
        assert (first.code, first.failure) == (second.code, second.failure) == (0, "")
        assert bool(first.model) is self.saves_when_stopped
        assert not second.model

    @pytest.mark.parametrize("lost", _TWO)
    def test_a_lost_instance_ends_the_other(
        self, lost: str, bases: Mapping[str, Path], description: Mapping[str, Any]
    ) -> None:
        with started_group(self.package, bases) as group:
            group.wait_for("algo-1", self._any_metric(description))
            group.processes[lost].kill()
            runs = group.end()
        assert runs.pop(lost).code == -signal.SIGKILL
        (other,) = runs.values()
        assert other.code == 1
        assert other.failure.startswith(f"AlgorithmError: Instance {lost} was lost")

    # The user's faults.

    def test_bad_hyperparameters_are_refused(self, description: Mapping[str, Any]) -> None:
        cases = [*_bad_documents(description["hyperparameters"], self.hyperparameters), *self.rejected]
        documents = [dict(self.hyperparameters), *(dict(document) for document, _ in cases)]
        text = "".join(json.dumps(document) + "\n" for document in documents)
        done = command(self.package, "validate", stdin=text)
        errors = [json.loads(line)["error"] for line in done.stdout.splitlines()]
        assert len(errors) == len(documents), done.stderr
        assert errors[0] is None, "the suite's own hyperparameters are refused"
        for (document, word), error in zip(cases, errors[1:], strict=True):
            assert error is not None, f"accepted: {document}"
            assert error.startswith("ClientError: "), error
            assert word in error, f"{error!r} does not name {word}"

    def test_a_bad_hyperparameter_fails_the_job(self, tmp_path: Path, content_types: Sequence[str]) -> None:
        run = self.train(tmp_path / "job", content_types[0], {**self.hyperparameters, "no_such_name": "1"})
        assert run.code == 1
        assert run.failure.startswith("ClientError: ")
        assert "no_such_name" in run.failure
        assert not run.model

    def test_an_empty_channel_fails_the_job(self, tmp_path: Path, content_types: Sequence[str]) -> None:
        self.lay_out(tmp_path / "job", content_types[0], self.hyperparameters)
        shutil.rmtree(tmp_path / "job" / "input" / "data" / "train")
        done = command(self.package, "train", tmp_path / "job")
        run = Run(tmp_path / "job", done.returncode, done.stdout)
        assert run.code == 1
        assert run.failure.startswith("ClientError: ")
        assert "train" in run.failure

    def test_an_unknown_content_type_fails_the_job(self, tmp_path: Path, content_types: Sequence[str]) -> None:
        self.lay_out(tmp_path / "job", content_types[0], self.hyperparameters)
        path = tmp_path / "job" / "input" / "config" / "inputdataconfig.json"
        path.write_text(path.read_text().replace(content_types[0], "application/x-nothing"))
        done = command(self.package, "train", tmp_path / "job")
        run = Run(tmp_path / "job", done.returncode, done.stdout)
        assert run.code == 1
        assert run.failure.startswith("ClientError: ")
        assert "application/x-nothing" in run.failure

    # Serving.

    def test_every_request_and_response_type_answers(self, server: Server, description: Mapping[str, Any]) -> None:
        inference = description["inference"]
        for content_type in inference["SupportedContentTypes"]:
            for accept in inference["SupportedResponseMIMETypes"]:
                status, kind, body = server.invoke(self.requests[content_type], content_type, accept)
                assert (status, kind.split(";")[0]) == (200, accept), (content_type, body)
                assert body

    def test_the_default_response_type(self, server: Server, description: Mapping[str, Any]) -> None:
        content_type, body = next(iter(self.requests.items()))
        for accept in ("", "*/*"):
            status, kind, _ = server.invoke(body, content_type, accept)
            assert (status, kind.split(";")[0]) == (200, description["inference"]["DefaultAccept"])

    def test_requests_that_cannot_be_answered(self, server: Server) -> None:
        content_type, body = next(iter(self.requests.items()))
        assert server.invoke(body, "application/x-nothing")[0] == 415
        assert server.invoke(body, content_type, "application/x-nothing")[0] == 406
        assert server.invoke(b"", content_type)[0] == 204
        assert 400 <= server.invoke(b"\xff\xfe no data", content_type)[0] < 500
        assert server.get("/nowhere")[0] == 404
        assert server.get("/ping")[0] == 200

    def test_execution_parameters(self, server: Server) -> None:
        status, body = server.get("/execution-parameters")
        advice = json.loads(body)
        assert status == 200
        assert advice["MaxConcurrentTransforms"] >= 1
        assert advice["MaxPayloadInMB"] >= 1
        assert advice["BatchStrategy"] in ("MULTI_RECORD", "SINGLE_RECORD")

    def test_a_lost_worker_is_replaced(self, trained: Run) -> None:
        with self.serving(trained.base, workers=2) as server:
            first = server.workers()
            assert len(first) == 2
            time.sleep(1.1)  # a worker that dies within a second is taken for one that cannot live
            os.kill(min(first), signal.SIGKILL)
            wait_until(lambda: len(server.workers() - {min(first)}) == 2, server.process)
            content_type, body = next(iter(self.requests.items()))
            assert [server.invoke(body, content_type)[0] for _ in range(20)] == [200] * 20
            server.process.terminate()
            assert server.process.wait(DEADLINE) == 0

    def test_sigterm_ends_a_server(self, trained: Run) -> None:
        with self.serving(trained.base) as server:
            server.process.terminate()
            assert server.process.wait(DEADLINE) == 0

    def test_a_model_answers_the_same_elsewhere(self, trained: Run, server: Server, tmp_path: Path) -> None:
        """As after model.tar.gz was unpacked: the model folder and nothing else."""
        shutil.copytree(trained.base / "model", tmp_path / "other" / "model")
        with self.serving(tmp_path / "other") as other:
            assert self.answers(other) == self.answers(server)

    def answers(self, server: Server) -> dict[str, bytes]:
        """What it answers to the sample requests."""
        return {content_type: server.invoke(body, content_type)[2] for content_type, body in self.requests.items()}


def _bad_documents(
    rows: Sequence[Mapping[str, Any]], minimal: Mapping[str, str]
) -> Iterator[tuple[Mapping[str, str], str]]:
    """Documents that must be refused, and the name that the reason must have; from the hyperparameters' description."""
    yield {**minimal, "no_such_name": "1"}, "no_such_name"
    for row in rows:
        name = row["Name"]
        if row["IsRequired"]:
            yield {key: value for key, value in minimal.items() if key != name}, name
        for value in _bad_values(row):
            yield {**minimal, name: value}, name


def _bad_values(row: Mapping[str, Any]) -> Iterator[str]:
    kind = row["Type"]
    if kind in ("Integer", "Continuous"):
        yield "many"
        span = row["Range"][f"{kind}ParameterRangeSpecification"]
        low, high = float(span["MinValue"]), float(span["MaxValue"])
        # The API shows an absent bound as the type's own.
        unbounded = 2**31 - 1 if kind == "Integer" else sys.float_info.max / 2
        if low > -unbounded:
            yield str(int(low) - 1 if kind == "Integer" else low - 1)
        if high < unbounded:
            yield str(int(high) + 1 if kind == "Integer" else high + 1)
        if kind == "Integer":
            yield "1.5"
    elif kind == "Categorical":
        yield "no_such_value"


def _distribute(folder: Path, number: int, count: int) -> str:
    """Leaves a host its share of a channel's files; its S3DistributionType."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if count == 1 or len(files) == 1:
        return "FullyReplicated"
    for index, path in enumerate(files):
        if index % count != number:
            path.unlink()
    return "ShardedByS3Key"


def _last(pattern: str, log: str) -> float:
    """The last value that a log has of a metric; its group may run on into the metrics after it."""
    return float(re.findall(pattern, log, re.MULTILINE)[-1].split("#011")[0])


def _content_type(run: Run) -> str:
    config = json.loads((run.base / "input" / "config" / "inputdataconfig.json").read_text())
    return str(config["train"]["ContentType"])
