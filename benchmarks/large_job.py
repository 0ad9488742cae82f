"""An XGBoost job on 1,000,000 x 28 CSV rows against a script that reads the same file and calls xgboost.train."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import client, csv_rows, median, server, training_request

_ROUNDS = 3
_PARAMETERS = {"objective": "reg:squarederror", "max_depth": "6", "eta": "0.3", "tree_method": "hist"}
_TREES = 100

_SCRIPT = f"""
import sys
import numpy as np
import xgboost
from pyarrow import csv
table = csv.read_csv(sys.argv[1], read_options=csv.ReadOptions(autogenerate_column_names=True))
data = np.column_stack([column.to_numpy().astype(np.float32) for column in table.columns])
matrix = xgboost.DMatrix(data[:, 1:], data[:, 0])
model = xgboost.train({_PARAMETERS!r}, matrix, {_TREES}, evals=[(matrix, "train")], verbose_eval=True)
model.save_model(sys.argv[2])
"""


def run() -> Iterator[str]:
    jobs, scripts = [], []
    with server() as handle, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.csv"
        file.write_bytes(csv_rows(1_000_000, 28))
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.upload_file(str(file), "bench", "train/train.csv")
        for number in range(_ROUNDS):
            start = time.perf_counter()
            arguments = [sys.executable, "-c", _SCRIPT, str(file), str(Path(folder) / "model.ubj")]
            subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
            scripts.append(time.perf_counter() - start)
            name = f"large-{number}"
            start = time.perf_counter()
            request = training_request(name, "bench", num_round=str(_TREES), **_PARAMETERS)
            sagemaker.create_training_job(**request)
            sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
            jobs.append(time.perf_counter() - start)
            answer = sagemaker.describe_training_job(TrainingJobName=name)
            if answer["TrainingJobStatus"] != "Completed":
                raise RuntimeError(answer.get("FailureReason", answer["TrainingJobStatus"]))
    ratio = median([a / b for a, b in zip(jobs, scripts, strict=True)])
    yield f"job {median(jobs):.1f} s, script {median(scripts):.1f} s, ratio {ratio:.2f} (reach < 1.10)"
