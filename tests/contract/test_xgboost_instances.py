"""XGBoost over several instances, as processes, against libxgboost on all the rows."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import f1_score, log_loss

from sagewright.testing.algorithm_processes import Group, Run, started_group

Array = np.ndarray[Any, Any]

_ALL, _TARGETS = load_breast_cancer(return_X_y=True)
_ORDER = np.random.default_rng(5).permutation(len(_ALL))
_FEATURES, _LABELS = _ALL[_ORDER].astype(np.float32), _TARGETS[_ORDER].astype(np.float32)
_TRAIN, _VALIDATION = np.arange(400), np.arange(400, 569)
_GIVEN = {"num_round": "8", "objective": "binary:logistic", "max_depth": "3", "eta": "0.3"}
_TABLE = np.column_stack([_LABELS, _FEATURES])


def _csv(table: Array) -> str:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table)


def _libsvm(table: Array) -> str:
    rows = (" ".join(f"{index}:{value:.9g}" for index, value in enumerate(row[1:]) if value) for row in table)
    return "".join(f"{label:.9g} {row}\n" for label, row in zip(table[:, 0], rows, strict=True))


_FORMS: Mapping[str, Callable[[Array], str]] = {"text/csv": _csv, "text/libsvm": _libsvm}


class Job:
    """channels: channel -> the table of each host; None for an empty one."""

    def __init__(self, folder: Path, channels: Mapping[str, Sequence[Array | None]], content_type: str) -> None:
        self.hosts = [f"algo-{number}" for number in range(1, len(channels["train"]) + 1)]
        self.bases = {host: folder / host for host in self.hosts}
        for index, base in enumerate(self.bases.values()):
            for channel, tables in channels.items():
                path = base / "input" / "data" / channel / "data"
                path.parent.mkdir(parents=True)
                if (table := tables[index]) is not None:
                    path.write_text(_FORMS[content_type](table))
        self._channel = {"ContentType": content_type, "TrainingInputMode": "File"}
        self._channels = list(channels)

    def configure(self, hyperparameters: Mapping[str, str], *, distribution: str = "ShardedByS3Key") -> None:
        channel = {**self._channel, "S3DistributionType": distribution}
        for host, base in self.bases.items():
            config = base / "input" / "config"
            config.mkdir(exist_ok=True)
            documents = {
                "hyperparameters": dict(hyperparameters),
                "inputdataconfig": dict.fromkeys(self._channels, channel),
                "resourceconfig": {"current_host": host, "hosts": self.hosts},
            }
            for name, document in documents.items():
                (config / f"{name}.json").write_text(json.dumps(document))

    def run(self, hyperparameters: Mapping[str, str], **more: str) -> list[Run]:
        self.configure(hyperparameters, **more)
        with started_group("xgboost", self.bases) as group:
            return list(group.end().values())


Make = Callable[..., Job]


@pytest.fixture
def job(tmp_path: Path) -> Make:
    def make(content_type: str = "text/csv", **channels: Sequence[Array | None]) -> Job:
        return Job(tmp_path, channels, content_type)

    return make


@pytest.fixture
def halves(job: Make) -> Job:
    """Two instances with half of the rows each."""
    return job(train=[_TABLE[:150], _TABLE[150:400]], validation=[_TABLE[400:500], _TABLE[500:]])


def _succeeded(runs: Sequence[Run]) -> None:
    for run in runs:
        assert (run.code, run.failure) == (0, ""), run.log


def _booster(run: Run) -> xgboost.Booster:
    return xgboost.Booster(model_file=bytearray(run.model["xgboost-model"]))


def _scores(run: Run) -> dict[str, list[float]]:
    """Metric -> its value after each round."""
    found: dict[str, list[float]] = {}
    for line in re.findall(r"^\[\d+\]#011(.*)$", run.log, re.MULTILINE):
        for part in line.split("#011"):
            name, _, value = part.rpartition(":")
            found.setdefault(name, []).append(float(value))
    return found


@pytest.mark.parametrize(
    ("content_type", "tree"),
    [
        ("text/csv", {}),
        ("text/libsvm", {"tree_method": "hist", "grow_policy": "lossguide"}),
        ("text/csv", {"tree_method": "approx"}),
        ("text/libsvm", {"tree_method": "auto", "booster": "dart"}),
    ],
)
def test_shards_train_the_model_of_all_rows(content_type: str, tree: dict[str, str], job: Make) -> None:
    tables = {"train": [_TABLE[:150], _TABLE[150:400]], "validation": [_TABLE[400:500], _TABLE[500:]]}
    first, second = job(content_type, **tables).run({**_GIVEN, "eval_metric": "logloss,f1", **tree})
    _succeeded([first, second])
    assert not second.model
    whole = xgboost.DMatrix(_FEATURES[_TRAIN], label=_LABELS[_TRAIN])
    held = xgboost.DMatrix(_FEATURES[_VALIDATION])
    parameters = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, **tree}
    expected = xgboost.train(parameters, whole, 8).predict(held)
    found = _booster(first).predict(held)
    truth = _LABELS[_VALIDATION]
    assert log_loss(truth, found) == pytest.approx(log_loss(truth, expected), abs=0.03)
    scores = _scores(first)
    assert [len(values) for values in scores.values()] == [8] * 4
    # What is logged is the score on the rows of both, f1 as well, which is no mean over instances.
    assert scores["validation-logloss"][-1] == pytest.approx(log_loss(truth, found), abs=1e-4)
    assert scores["validation-f1"][-1] == pytest.approx(f1_score(truth, found > 0.5, average="macro"), abs=1e-5)
    assert not _scores(second)


def test_replicated_rows_train_the_model_of_one_instance(job: Make) -> None:
    tables = {"train": [_TABLE[:400]] * 2, "validation": [_TABLE[400:]] * 2}
    runs = job(**tables).run({**_GIVEN, "eval_metric": "auc", "min_child_weight": "0"}, distribution="FullyReplicated")
    _succeeded(runs)
    whole = xgboost.DMatrix(_FEATURES[_TRAIN], label=_LABELS[_TRAIN])
    held = xgboost.DMatrix(_FEATURES[_VALIDATION])
    # Every row counts twice: lambda weighs half.
    parameters = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, "min_child_weight": 0, "lambda": 0.5}
    expected = xgboost.train(parameters, whole, 8).predict(held)
    np.testing.assert_allclose(_booster(runs[0]).predict(held), expected, atol=0.05)


def test_early_stopping(halves: Job) -> None:
    """On a metric that libxgboost does not know: all instances must stop after the same round."""
    given = {**_GIVEN, "num_round": "300", "eval_metric": "f1", "early_stopping_rounds": "4"}
    first, second = halves.run(given)
    _succeeded([first, second])
    rounds = len(_scores(first)["validation-f1"])
    best = int(np.argmax(_scores(first)["validation-f1"]))
    assert rounds == best + 5 < 300
    assert _booster(first).num_boosted_rounds() == best + 1


def test_a_job_goes_on_from_the_masters_checkpoint(halves: Job) -> None:
    for base in halves.bases.values():
        (base / "checkpoints").mkdir(parents=True)
    _succeeded(halves.run({**_GIVEN, "num_round": "3"}))
    kept = [sorted(path.name for path in (base / "checkpoints").iterdir()) for base in halves.bases.values()]
    assert kept == [[f"xgboost-checkpoint.{number}" for number in range(3)], []]
    first, second = halves.run(_GIVEN)
    _succeeded([first, second])
    assert "Resuming from iteration 3" in first.log
    assert [line.split("]")[0] for line in re.findall(r"^\[(\d+\]#011)", first.log, re.MULTILINE)] == list("34567")
    assert _booster(first).num_boosted_rounds() == 8


def test_instances_without_data_take_no_part(job: Make) -> None:
    """The first one has no training data, the third no validation data: the second one is the master of two."""
    tables = {
        "train": [None, _TABLE[:150], _TABLE[:100], _TABLE[150:400]],
        "validation": [_TABLE[400:410], _TABLE[400:500], None, _TABLE[500:]],
    }
    runs = job(**tables).run(_GIVEN)
    _succeeded(runs)
    assert [list(run.model) for run in runs] == [[], ["xgboost-model"], [], []]
    assert "Host algo-1 does not have training data" in runs[0].log
    assert "Host algo-3 does not have validation data" in runs[2].log
    assert "Host algo-3 not being used for distributed training." in runs[2].log
    for run in (runs[1], runs[3]):
        assert "Distributed node training with 2 hosts: ['algo-2', 'algo-4']" in run.log
    held = xgboost.DMatrix(_FEATURES[_VALIDATION])
    logged = _scores(runs[1])["validation-logloss"][-1]
    assert logged == pytest.approx(log_loss(_LABELS[_VALIDATION], _booster(runs[1]).predict(held)), abs=1e-4)


def test_one_instance_with_data_trains_alone(job: Make) -> None:
    runs = job(train=[None, _TABLE[:400]]).run(_GIVEN)
    _succeeded(runs)
    whole = xgboost.DMatrix(_FEATURES[_TRAIN], label=_LABELS[_TRAIN])
    expected = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "eta": 0.3}, whole, 8)
    np.testing.assert_array_equal(_booster(runs[1]).predict(whole), expected.predict(whole))


def test_sparse_shards_of_unlike_width(job: Make) -> None:
    narrow = _TABLE[:150, :20]
    runs = job("text/libsvm", train=[narrow, _TABLE[150:400]]).run(_GIVEN)
    _succeeded(runs)
    assert _booster(runs[0]).num_features() == 30


def test_replicated_rows_are_shared_out_where_dask_would(job: Make) -> None:
    given = {**_GIVEN, "use_dask_gpu_training": "true", "tree_method": "hist"}
    runs = job(train=[_TABLE[:400]] * 2).run(given, distribution="FullyReplicated")
    _succeeded(runs)
    assert all("Train matrix has 200 rows and 30 columns" in run.log for run in runs)


# The user's faults.


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tree_method": "exact"}, "distributed training"),
        ({"_kfold": "3"}, "cross validation needs a job with one instance"),
        ({"use_dask_gpu_training": "true", "tree_method": "hist"}, "the channels must be FullyReplicated"),
    ],
)
def test_what_one_instance_alone_can_do(given: dict[str, str], words: str, halves: Job) -> None:
    for run in halves.run({**_GIVEN, **given}):
        assert run.code == 1
        assert run.failure.startswith("ClientError: ")
        assert words in run.failure


def test_no_instance_has_data(job: Make) -> None:
    for run in job(train=[None, None]).run(_GIVEN):
        assert run.failure.startswith("ClientError: ")
        assert "No hosts received training data." in run.failure


def test_dense_shards_of_unlike_width(job: Make) -> None:
    for run in job(train=[_TABLE[:150, :20], _TABLE[150:400]]).run(_GIVEN):
        assert run.failure.startswith("ClientError: algo-1: ")
        assert "train channel: 19 features a row, but another instance has 30" in run.failure


def test_a_wrong_record_of_one_shard_is_named_by_all(job: Make) -> None:
    wrong = _TABLE[150:400].copy()
    wrong[7, 0] = 3
    for run in job(train=[_TABLE[:150], wrong]).run(_GIVEN):
        assert run.failure.startswith(
            "ClientError: algo-2: Failed to load csv data of the train channel: file data, row 8"
        )


def test_an_infinite_feature_of_one_shard_is_named_by_all(job: Make) -> None:
    """Found by libxgboost, while the other instances wait for its part."""
    wrong = _TABLE[150:400].copy()
    wrong[7, 3] = np.inf
    for run in job(train=[_TABLE[:150], wrong]).run(_GIVEN):
        assert run.failure.startswith("ClientError: algo-2: ")
        assert "file data, row 8: a feature is infinite" in run.failure


# The end of an instance.


def _busy(job: Job, **given: str) -> dict[str, str]:
    return {**_GIVEN, "num_round": "1000000", **given}


def _trains(group: Group, master: str) -> None:
    group.wait_for(master, re.compile(r"\[9\]#011train-"))


def test_a_signal_to_one_instance_stops_all(halves: Job) -> None:
    halves.configure(_busy(halves))
    with started_group("xgboost", halves.bases) as group:
        _trains(group, "algo-1")
        group.processes["algo-2"].send_signal(signal.SIGTERM)
        first, second = group.end().values()
    _succeeded([first, second])
    assert _booster(first).num_boosted_rounds() >= 10


def test_a_lost_instance_that_did_not_train(job: Make) -> None:
    spare = job(train=[None, _TABLE[:150], _TABLE[150:400]])
    spare.configure(_busy(spare))
    with started_group("xgboost", spare.bases) as group:
        _trains(group, "algo-2")
        group.processes["algo-3"].kill()
        runs = group.end()
    for host in ("algo-1", "algo-2"):
        assert runs[host].failure.startswith("AlgorithmError: Instance algo-3 was lost"), runs[host].log
