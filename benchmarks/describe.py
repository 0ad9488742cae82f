"""DescribeTrainingJob of a completed job, 8 keep-alive clients, against moto_server."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.raw import json_call

from benchmarks.common import answers, client, csv_rows, median, peer, server, training_request, wait_until
from benchmarks.load import measure

_ROUNDS, _SECONDS, _CLIENTS = 5, 2, 8
_PORT = 21400
_JOB = "describe"


def _request(name: str) -> dict[str, Any]:
    """A job as users' SDKs make them: hyperparameters, tags, metrics, an environment, two channels."""
    request = training_request(name, "bench", max_depth="5", eta="0.2", gamma="4", subsample="0.8", eval_metric="rmse")
    channel = request["InputDataConfig"][0]
    request["InputDataConfig"].append({**channel, "ChannelName": "validation"})
    return {
        **request,
        "Environment": {"MODE": "benchmark"},
        "EnableNetworkIsolation": False,
        "CheckpointConfig": {"S3Uri": "s3://bench/checkpoints"},
        "Tags": [{"Key": "team", "Value": "benchmarks"}],
    }


def _create(url: str) -> None:
    s3, sagemaker = client("s3", url), client("sagemaker", url)
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="train/data.csv", Body=csv_rows(600, 10))
    sagemaker.create_training_job(**_request(_JOB))
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=_JOB)
    status = sagemaker.describe_training_job(TrainingJobName=_JOB)["TrainingJobStatus"]
    if status != "Completed":
        raise RuntimeError(f"the job ended {status}")


@contextmanager
def _moto() -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen([str(peer("moto") / "moto_server"), "-p", str(_PORT)], stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{_PORT}/moto-api/"))
            yield _PORT
        finally:
            process.terminate()
            process.wait()


def _rates(ports: list[int]) -> list[float]:
    """Requests per second of each server, in turns."""
    request = json_call("sagemaker", "SageMaker.DescribeTrainingJob", TrainingJobName=_JOB)
    seen: list[list[float]] = [[] for _ in ports]
    for round_ in range(_ROUNDS + 1):
        for port, rates in zip(ports, seen, strict=True):
            rate = measure(f"127.0.0.1:{port}", request, _CLIENTS, _SECONDS)["rps"]
            if round_:  # the first is to warm up
                rates.append(rate)
    return [median(rates) for rates in seen]


def run() -> Iterator[str]:
    with server() as handle, _moto() as moto_port:
        _create(handle.url)
        _create(f"http://127.0.0.1:{moto_port}")
        ours, theirs = _rates([handle.port, moto_port])
    yield f"sagewright {ours:.0f} requests/s, moto_server {theirs:.0f}/s, ratio {ours / theirs:.2f} (reach >= 4)"
