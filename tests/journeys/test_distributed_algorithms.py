"""The built-in algorithms on two instances, through the API: sharded data, one model, one failure, one stop."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
from pathlib import Path
from typing import Any

import pytest
from sagemaker_journey import GROUP, Journey
from sklearn.datasets import load_breast_cancer

from sagewright.testing.server import ServerHandle

_IMAGES = {
    "xgboost": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    "linear_learner": "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1",
}
_GIVEN = {
    "xgboost": {"objective": "binary:logistic", "num_round": "10", "eval_metric": "auc"},
    "linear_learner": {"predictor_type": "binary_classifier", "mini_batch_size": "50", "epochs": "5"},
}
_LONG = {
    "xgboost": {"num_round": "1000000"},
    "linear_learner": {"epochs": "1000000", "early_stopping_patience": "1000000"},
}
_FILES = {"xgboost": "xgboost-model", "linear_learner": "model_algo-1"}
_AUC = {"xgboost": "validation:auc", "linear_learner": "validation:roc_auc_score"}

both = pytest.mark.parametrize("algorithm", ["xgboost", "linear_learner"])


@pytest.fixture(scope="module")
def trip(sagewright_server: ServerHandle) -> Journey:
    trip = Journey(sagewright_server)
    trip.s3.create_bucket(Bucket="distributed")
    features, labels = load_breast_cancer(return_X_y=True)
    lines = [",".join(map(str, [label, *row])) + "\n" for label, row in zip(labels, features.tolist(), strict=True)]
    for name, part in {
        "train/0": lines[:150],
        "train/1": lines[150:400],
        "validation/0": lines[400:],
        "wrong/0": lines[:150],
        "wrong/1": [*lines[150:300], "7,8\n"],
        "single/0": lines[:400],
    }.items():
        trip.s3.put_object(Bucket="distributed", Key=name, Body="".join(part).encode())
    return trip


def _channel(name: str, folder: str, distribution: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://distributed/{folder}/",
        "S3DataDistributionType": distribution,
    }
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def _start(trip: Journey, algorithm: str, name: str, folder: str = "train", count: int = 2, **more: str) -> str:
    job = f"{algorithm.replace('_', '-')}-{name}"
    trip.train(
        job,
        AlgorithmSpecification={"TrainingImage": _IMAGES[algorithm], "TrainingInputMode": "File"},
        HyperParameters={**_GIVEN[algorithm], **more},
        InputDataConfig=[
            _channel("train", folder, "ShardedByS3Key"),
            _channel("validation", "validation", "FullyReplicated"),
        ],
        OutputDataConfig={"S3OutputPath": "s3://distributed/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1},
    )
    return job


def _model(trip: Journey, job: str) -> list[str]:
    body = trip.s3.get_object(Bucket="distributed", Key=f"output/{job}/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return [member.name for member in archive if member.isfile()]


def _metric(job: dict[str, Any], name: str) -> float:
    return float({metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}[name])


@both
def test_two_instances_reach_what_one_does(trip: Journey, algorithm: str) -> None:
    jobs = [_start(trip, algorithm, f"on-{count}", count=count) for count in (1, 2)]
    ended = [trip.trained(job) for job in jobs]
    for job in ended:
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    one, two = (_metric(job, _AUC[algorithm]) for job in ended)
    assert two == pytest.approx(one, abs=0.02)
    assert one > 0.9
    assert _model(trip, jobs[1]) == [_FILES[algorithm]]
    assert trip.log(GROUP, f"{jobs[1]}/algo-2-")


@both
def test_a_wrong_record_of_the_second_shard(trip: Journey, algorithm: str) -> None:
    job = trip.trained(_start(trip, algorithm, "wrong", "wrong"))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "ClientError: algo-2: Failed to load csv data of the train channel: file 1, "
    )


def test_fewer_objects_than_instances(trip: Journey) -> None:
    """XGBoost trains on the instances that have data, linear learner needs all."""
    jobs = {algorithm: trip.trained(_start(trip, algorithm, "single", "single")) for algorithm in _GIVEN}
    assert jobs["xgboost"]["TrainingJobStatus"] == "Completed", jobs["xgboost"].get("FailureReason")
    assert jobs["linear_learner"]["TrainingJobStatus"] == "Failed"
    assert "algo-2: No data in training channel path" in jobs["linear_learner"]["FailureReason"]


def _busy(trip: Journey, algorithm: str, name: str) -> str:
    """A job that trains for minutes, and has begun to."""
    job = _start(trip, algorithm, name, **_LONG[algorithm])
    word = {"xgboost": "[9]", "linear_learner": "#progress_metric"}[algorithm]
    trip.until(lambda: trip.log(GROUP, f"{job}/algo-1-"), lambda lines: any(word in line for line in lines))
    return job


@both
def test_a_stopped_job_keeps_the_model_so_far(trip: Journey, algorithm: str) -> None:
    job = _busy(trip, algorithm, "stopped")
    trip.sagemaker.stop_training_job(TrainingJobName=job)
    assert trip.trained(job)["TrainingJobStatus"] == "Stopped"
    assert _model(trip, job) == [_FILES[algorithm]]


@both
def test_an_instance_that_is_killed_fails_the_job(trip: Journey, algorithm: str) -> None:
    job = _busy(trip, algorithm, "killed")
    os.kill(_process(trip, job, algorithm), signal.SIGKILL)
    ended = trip.trained(job)
    assert ended["TrainingJobStatus"] == "Failed"
    lost = "AlgorithmError: Instance algo-2 was lost"
    assert any(lost in line for line in trip.log(GROUP, f"{job}/algo-1-"))


def _process(trip: Journey, job: str, algorithm: str) -> int:
    """The training command on the second instance: the process itself, not the sandbox around it."""
    command = ["-m", "sagewright_algorithms", algorithm, "train"]
    found = []
    for process in Path("/proc").iterdir():
        try:
            arguments = (process / "cmdline").read_bytes().decode().split("\0")
            lines = (process / "environ").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        environ = dict(line.partition("=")[::2] for line in lines)
        if arguments[1:5] == command and environ["TRAINING_JOB_NAME"] == job:
            base = environ.get("SAGEMAKER_BASE_DIR", "/opt/ml").lstrip("/")
            config = process / "root" / base / "input" / "config" / "resourceconfig.json"
            if json.loads(config.read_text())["current_host"] == "algo-2":
                found.append(int(process.name))
    (pid,) = found
    return pid
