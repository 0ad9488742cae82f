"""XGBoost on 1 GB of CSV in Pipe and in FastFile mode against File mode: time to the first row, and the whole job."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.common import client, csv_rows, median, server, training_request

_ROUNDS = 3
_MODES = ("File", "FastFile", "Pipe")


def run(gigabytes: float = 1.0) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder:
        place = Path(folder)
        file = place / "train" / "data.csv"
        file.parent.mkdir()
        _write(file, gigabytes)
        first = {mode: median([_first_row(place, mode) for _ in range(5)]) for mode in _MODES}
        jobs, brought = _jobs(file)
    for mode in _MODES:
        yield (
            f"{mode}: first row {1000 * (brought[mode] + first[mode]):.0f} ms (reach < 300), of which "
            f"{1000 * first[mode]:.0f} ms by the algorithm; whole job {median(jobs[mode]):.1f} s"
        )
    for mode in _MODES[1:]:
        ratio = median([a / b for a, b in zip(jobs[mode], jobs["File"], strict=True)])
        yield f"{mode} against File mode, whole job: ratio {ratio:.2f} (reach <= 1.0)"


def _write(file: Path, gigabytes: float) -> None:
    """The same hundred megabytes over and over."""
    piece = csv_rows(400_000, 28)
    with file.open("wb") as out:
        for _ in range(max(1, round(gigabytes * 1e9 / len(piece)))):
            out.write(piece)


def _first_row(place: Path, mode: str) -> float:
    """Seconds from opening the channel to the first rows, in this process."""
    from sagewright_algorithms.contract.channels import Channel, ContentType
    from sagewright_algorithms.formats.examples import ReadOptions

    channel = Channel("train", place / "train", "csv", ContentType("text/csv", {}), pipe=mode == "Pipe")
    fifo, writer = place / "train_0", None
    if mode == "Pipe":
        os.mkfifo(fifo)
        writer = subprocess.Popen(["sh", "-c", f"cat '{place / 'train' / 'data.csv'}' > '{fifo}'"])
    start = time.perf_counter()
    blocks = channel.blocks(ReadOptions())
    assert next(blocks).rows
    seconds = time.perf_counter() - start
    blocks.close()  # type: ignore[attr-defined]
    if writer:
        writer.wait()
        fifo.unlink()
    return seconds


def _jobs(file: Path) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds of each job by mode, and of its secondary status Downloading."""
    seconds: dict[str, list[float]] = {mode: [] for mode in _MODES}
    brought: dict[str, list[float]] = {mode: [] for mode in _MODES}
    with server() as handle:
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.upload_file(str(file), "bench", "train/data.csv")
        for number in range(_ROUNDS):
            # None has the place after another always.
            for mode in _MODES[number % 3 :] + _MODES[: number % 3]:
                request = training_request(f"{mode.lower()}-{number}", "bench", tree_method="hist")
                request["AlgorithmSpecification"]["TrainingInputMode"] = mode
                start = time.perf_counter()
                sagemaker.create_training_job(**request)
                answer = _ended(sagemaker, request["TrainingJobName"])
                seconds[mode].append(time.perf_counter() - start)
                brought[mode].append(_downloading(answer))
    return seconds, {mode: median(found) for mode, found in brought.items()}


def _ended(sagemaker: Any, name: str) -> dict[str, Any]:
    from botocore.exceptions import WaiterError

    with suppress(WaiterError):  # which does not say why
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
    answer: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
    if answer["TrainingJobStatus"] != "Completed":
        raise RuntimeError(answer.get("FailureReason", answer["TrainingJobStatus"]))
    return answer


def _downloading(answer: dict[str, Any]) -> float:
    """Seconds until the algorithm's process was started."""
    for transition in answer["SecondaryStatusTransitions"]:
        if transition["Status"] == "Downloading":
            return float((transition["EndTime"] - transition["StartTime"]).total_seconds())
    return 0.0
