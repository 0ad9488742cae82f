"""XGBoost on 600 rows, CreateTrainingJob to Completed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.common import client, csv_rows, median, server, training_request

_ROUNDS = 7


def run() -> Iterator[str]:
    seconds = []
    with server() as handle:
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.put_object(Bucket="bench", Key="train/data.csv", Body=csv_rows(600, 10))
        for number in range(_ROUNDS):
            name = f"small-{number}"
            start = time.perf_counter()
            sagemaker.create_training_job(**training_request(name, "bench"))
            sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
            seconds.append(time.perf_counter() - start)
            status = sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]
            if status != "Completed":
                raise RuntimeError(f"{name} ended {status}")
    yield f"Create to Completed {median(seconds):.2f} s, first {seconds[0]:.2f} s (reach < 4)"
