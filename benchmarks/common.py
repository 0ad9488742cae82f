"""What benchmarks share: peers in virtualenvs of their own, ready waits, medians, a boto3 client."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.harness import python_of

ROOT = Path(__file__).resolve().parent.parent
ROLE = "arn:aws:iam::000000000000:role/SageMakerExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def machine() -> str:
    """The machine in one line, for benchmarks/README.md."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{time.strftime('%Y-%m-%d')}, {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def peer(name: str) -> Path:
    """The bin folder of the virtualenv of ``peers/<name>.txt``, kept between runs."""
    return python_of(name, ROOT / "benchmarks" / "peers").parent


def wait_until(ready: Callable[[], bool], timeout: float = 60.0, pause: float = 0.002) -> float:
    """Seconds until ready() is true. Raises TimeoutError."""
    start = time.perf_counter()
    while time.perf_counter() - start < timeout:
        if ready():
            return time.perf_counter() - start
        time.sleep(pause)
    raise TimeoutError("not ready in time")


def answers(url: str) -> bool:
    """Whether a GET of url gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def rss_mb(pid: int) -> float:
    """Resident memory of a process and its children, MB."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (int(entry.name) == pid or _parent(entry) == pid):
            total += int((entry / "statm").read_text().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE") / 1e6


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return -1


def median(values: list[float]) -> float:
    return statistics.median(values)


@contextmanager
def server(**settings: str) -> Iterator[Any]:
    """A Sagewright server over a temporary data folder."""
    from sagewright.testing.server import running_server

    with (
        tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder,
        running_server(Path(folder), **settings) as handle,
    ):
        yield handle


@contextmanager
def moto_server(port: int = 21300) -> Iterator[str]:
    """The URL of a moto_server. port: below the ephemeral ones, a client that polls one of those may reach itself."""
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([str(peer("moto") / "moto_server"), "-p", str(port)], stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(f"{url}/moto-api/"))
            yield url
        finally:
            process.terminate()
            process.wait()


def client(service: str, url: str) -> Any:
    """A boto3 client that neither retries nor times out early."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, read_timeout=120),
    )


def training_request(name: str, bucket: str, **hyperparameters: str) -> dict[str, Any]:
    """CreateTrainingJob's members for XGBoost on ``s3://bucket/train/``."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"objective": "reg:squarederror", "num_round": "10", **hyperparameters},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def csv_rows(rows: int, columns: int, seed: int = 0) -> bytes:
    """A regression table as SageMaker's CSV: label first, no header."""
    import numpy as np

    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, columns)).astype(np.float32)
    label = features[:, : columns // 2].sum(axis=1) + random.normal(scale=0.1, size=rows)
    import pyarrow as pa
    from pyarrow import csv

    table = pa.table([label.astype(np.float32), *features.T], names=[f"c{i}" for i in range(columns + 1)])
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
    return bytes(sink.getvalue())
