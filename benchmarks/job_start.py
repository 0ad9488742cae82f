"""CreateTrainingJob to the algorithm's process running, above a bare `python -c pass`; so in a warm pool."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.common import client, csv_rows, median, server, training_request

_ROUNDS = 9


def run() -> Iterator[str]:
    bare, ours, pooled = [], [], []
    with server() as handle:
        sagemaker = prepared(handle.url)
        for number in range(_ROUNDS):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            bare.append(time.perf_counter() - start)
            ours.append(started(sagemaker, f"start-{number}"))
        for number in range(_ROUNDS + 1):
            pooled.append(started(sagemaker, f"pooled-{number}", KeepAlivePeriodInSeconds=600))
            if number:
                before = sagemaker.describe_training_job(TrainingJobName=f"pooled-{number - 1}")
                assert before["WarmPoolStatus"]["ReusedByJob"] == f"pooled-{number}", before["WarmPoolStatus"]
    a, b, c = median(ours) * 1000, median(bare) * 1000, median(pooled[1:]) * 1000
    yield f"Create to running process {a:.0f} ms, python -c pass {b:.0f} ms, above it {a - b:.0f} ms (reach < 150)"
    yield f"in a warm pool {c:.0f} ms, above python -c pass {c - b:.0f} ms (reach < 100)"


def prepared(url: str) -> Any:
    """A client of SageMaker, and what the job reads."""
    s3 = client("s3", url)
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="train/data.csv", Body=csv_rows(600, 10))
    return client("sagemaker", url)


def started(sagemaker: Any, name: str, **resources: int) -> float:
    """Seconds from Create to the algorithm's process; the job is over when this returns.

    resources: more members of the ResourceConfig.
    """
    request = training_request(name, "bench")
    request["ResourceConfig"] |= resources
    since = set(os.listdir("/proc"))
    start = time.perf_counter()
    sagemaker.create_training_job(**request)
    _await_process(since, b"sagewright_algorithms")
    taken = time.perf_counter() - start
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
    return taken


def _await_process(since: set[str], needle: bytes) -> None:
    while True:
        for name in os.listdir("/proc"):
            if name.isdigit() and name not in since:
                try:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        arguments = file.read().split(b"\0")
                except OSError:
                    continue
                if needle in arguments and b"python" in os.path.basename(arguments[0]):
                    return
        time.sleep(0.001)
