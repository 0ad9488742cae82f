"""A PyTorch DDP job on two instances against one on one instance, both with all cores: loss curves and time."""

from __future__ import annotations

import io
import re
import sys
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.common import ROLE, ROOT, client, median, server

_SEEDS = 5
_EPOCHS = 20
_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3-cpu-py311"
_SCRIPT = ROOT / "tests" / "clients" / "programs" / "scripts" / "digits" / "parallel.py"
_GROUP = "/aws/sagemaker/TrainingJobs"


def run() -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "tests"))
    from clients.torch import torch_settings

    settings = torch_settings()
    if settings is None:
        yield "not run: PyTorch cannot be had"
        return
    curves, times = {1: [], 2: []}, {1: [], 2: []}  # type: ignore[var-annotated]
    with server(**settings) as handle:
        _store(client("s3", handle.url))
        for seed in range(_SEEDS):
            for instances in (1, 2):
                curve, seconds = _job(handle.url, instances, seed)
                curves[instances].append(curve)
                times[instances].append(seconds)
    one, two = np.array(curves[1]), np.array(curves[2])
    between = np.abs(two - one) / one
    noise = np.abs(one[1:] - one[:-1]) / one[:-1]
    yield (
        f"{_SEEDS} seeds of {_EPOCHS} epochs: the curves differ by {np.median(between):.1e}, at most "
        f"{between.max():.1e}; those of two seeds by {np.median(noise):.1e} (reach: within)"
    )
    yield f"Create to Completed: two instances {median(times[2]):.1f} s, one {median(times[1]):.1f} s"


def _store(s3: Any) -> None:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    rows, source = io.BytesIO(), io.BytesIO()
    np.savetxt(rows, np.column_stack([labels, images])[:1400], delimiter=",", fmt="%g")
    with tarfile.open(fileobj=source, mode="w:gz") as archive:
        archive.add(_SCRIPT, _SCRIPT.name)
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="digits/train.csv", Body=rows.getvalue())
    s3.put_object(Bucket="bench", Key="code/source.tar.gz", Body=source.getvalue())


def _job(url: str, instances: int, seed: int) -> tuple[list[float], float]:
    """Its loss an epoch, and how long it took."""
    sagemaker, name = client("sagemaker", url), f"ddp-{instances}-{seed}"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/digits/"}}
    start = time.perf_counter()
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": _IMAGE, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": '"parallel.py"',
            "sagemaker_submit_directory": '"s3://bench/code/source.tar.gz"',
            "sagemaker_torch_distributed_enabled": "true",
            "epochs": str(_EPOCHS),
            "seed": str(seed),
        },
        InputDataConfig=[{"ChannelName": "training", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": "s3://bench/output"},
        ResourceConfig={"InstanceType": "ml.c5.4xlarge", "InstanceCount": instances, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
    taken = time.perf_counter() - start
    logs = client("logs", url)
    (first, *_) = logs.describe_log_streams(logGroupName=_GROUP, logStreamNamePrefix=f"{name}/algo-1")["logStreams"]
    events = logs.get_log_events(logGroupName=_GROUP, logStreamName=first["logStreamName"], startFromHead=True)
    found = [re.search(r"loss=([0-9.]+);", event["message"]) for event in events["events"]]
    return [float(each[1]) for each in found if each], taken
