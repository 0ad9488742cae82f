"""A script-mode scikit-learn job with requirements, Create to Completed, above running the script by itself."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import client, csv_rows, median, server, training_request

_ROUNDS = 7
_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
_SCRIPT = """
import argparse, os
import joblib, numpy as np, small_helper
from sklearn.ensemble import RandomForestRegressor
parser = argparse.ArgumentParser()
parser.add_argument("--n-estimators", type=int)
args = parser.parse_args()
rows = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "data.csv"), delimiter=",")
forest = RandomForestRegressor(args.n_estimators, random_state=0).fit(rows[:, 1:], rows[:, 0])
print("train-r2:", forest.score(rows[:, 1:], rows[:, 0]), small_helper.NAME)
joblib.dump(forest, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
"""


def run() -> Iterator[str]:
    rows = csv_rows(2000, 10)
    alone, jobs = [], []
    with tempfile.TemporaryDirectory() as folder, server() as handle:
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.put_object(Bucket="bench", Key="train/data.csv", Body=rows)
        s3.put_object(Bucket="bench", Key="code/sourcedir.tar.gz", Body=_source())
        _by_itself(Path(folder), rows)
        for number in range(_ROUNDS):
            start = time.perf_counter()
            subprocess.run(_command(folder), env=_environment(folder), check=True, stdout=subprocess.DEVNULL)
            alone.append(time.perf_counter() - start)
            name = f"script-{number}"
            start = time.perf_counter()
            sagemaker.create_training_job(**_request(name))
            sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
            jobs.append(time.perf_counter() - start)
            job = sagemaker.describe_training_job(TrainingJobName=name)
            if job["TrainingJobStatus"] != "Completed":
                raise RuntimeError(f"{name} ended {job['TrainingJobStatus']}: {job.get('FailureReason')}")
    above = median([job - script for job, script in zip(jobs[1:], alone[1:], strict=True)])
    yield (
        f"Create to Completed {median(jobs[1:]):.2f} s, the script by itself {median(alone[1:]):.2f} s, "
        f"above it {above:.2f} s (reach < 1); first run, with pip install, {jobs[0]:.2f} s"
    )


def _request(name: str) -> dict[str, Any]:
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://bench/code/sourcedir.tar.gz"}
    return {
        **training_request(name, "bench"),
        "AlgorithmSpecification": {"TrainingImage": _IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {key: json.dumps(value) for key, value in {**given, "n-estimators": 20}.items()},
        "Environment": {"PIP_NO_INDEX": "1"},
    }


def _source() -> bytes:
    """A script, requirements.txt and the wheel it names."""
    raw = io.BytesIO()
    files = {"train.py": _SCRIPT.encode(), "requirements.txt": b"small-helper==1.0\n"}
    files["wheels/small_helper-1.0-py3-none-any.whl"] = _wheel()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def _wheel() -> bytes:
    raw, info = io.BytesIO(), "small_helper-1.0.dist-info"
    with zipfile.ZipFile(raw, "w") as file:
        file.writestr("small_helper.py", "NAME = 'helper'\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: small-helper\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return raw.getvalue()


def _by_itself(folder: Path, rows: bytes) -> None:
    """The same files on this disk."""
    (folder / "train.py").write_text(_SCRIPT)
    (folder / "small_helper.py").write_text("NAME = 'helper'\n")
    for name in ("data", "model"):
        (folder / name).mkdir()
    (folder / "data" / "data.csv").write_bytes(rows)


def _command(folder: str) -> list[str]:
    return [sys.executable, f"{folder}/train.py", "--n-estimators", "20"]


def _environment(folder: str) -> dict[str, str]:
    places = {"SM_CHANNEL_TRAIN": f"{folder}/data", "SM_MODEL_DIR": f"{folder}/model"}
    return {**os.environ, **places, "OMP_NUM_THREADS": "2"}
