"""Linear learner in Pipe mode on 10 GB of RecordIO through a real server: peak memory of the algorithm's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import client, server, training_request
from benchmarks.linear_learner import records

_IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
_COLUMNS, _ROWS = 50, 1_000_000
_TYPE = "application/x-recordio-protobuf"


def run(gigabytes: float = 10.0) -> Iterator[str]:
    """The channel is one object of a million rows under many keys: every byte of it goes through the FIFO."""
    content = _content(_ROWS)
    copies = max(1, round(gigabytes * 1e9 / len(content)))
    with server() as handle:
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.put_object(Bucket="bench", Key="validation/part", Body=_content(10_000))
        s3.put_object(Bucket="bench", Key="train/part-0000", Body=content)
        for number in range(1, copies):
            source = {"Bucket": "bench", "Key": "train/part-0000"}
            s3.copy_object(Bucket="bench", Key=f"train/part-{number:04}", CopySource=source)
        with _Peak(handle.data_dir.name) as peak:
            start = time.perf_counter()
            sagemaker.create_training_job(**_request())
            sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="pipe")
            seconds = time.perf_counter() - start
        answer = sagemaker.describe_training_job(TrainingJobName="pipe")
    if answer["TrainingJobStatus"] != "Completed":
        raise RuntimeError(answer.get("FailureReason", answer["TrainingJobStatus"]))
    size = copies * len(content)
    yield f"{size / 1e9:.1f} GB, {copies} objects: peak memory {peak.bytes / 1e6:.0f} MB (reach < 1000)"
    yield f"whole job {seconds:.1f} s, {size / seconds / 1e6:.0f} MB/s"


def _content(rows: int) -> bytes:
    import numpy as np

    random = np.random.default_rng(0)
    features = random.normal(size=(rows, _COLUMNS)).astype(np.float32)
    labels = (features[:, :5].sum(axis=1) + random.logistic(size=rows) > 0).astype(np.float32)
    return records(features, labels)


def _request() -> dict[str, Any]:
    request = training_request("pipe", "bench")
    request["AlgorithmSpecification"] = {"TrainingImage": _IMAGE, "TrainingInputMode": "Pipe"}
    request["HyperParameters"] = {"predictor_type": "binary_classifier", "epochs": "1", "feature_dim": str(_COLUMNS)}
    request["InputDataConfig"] = [
        {
            "ChannelName": name,
            "ContentType": _TYPE,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://bench/{name}/"}},
        }
        for name in ("train", "validation")
    ]
    return request


class _Peak:
    """The most memory that a training process of one server has had. folder: a name in the paths of its jobs."""

    def __init__(self, folder: str) -> None:
        self.bytes = 0
        self._folder = folder.encode()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit() and self._is_algorithm(entry):
                    self.bytes = max(self.bytes, _high_water(entry))

    def _is_algorithm(self, entry: Path) -> bool:
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if b"sagewright_algorithms" not in command or b"train" not in command:
                return False
            # In a sandbox the job's folder is a mount, without one it is in the environment.
            return any(self._folder in (entry / name).read_bytes() for name in ("mountinfo", "environ"))
        except OSError:
            return False


def _high_water(entry: Path) -> int:
    """The kernel's own record of a process's peak, bytes."""
    try:
        status = (entry / "status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
