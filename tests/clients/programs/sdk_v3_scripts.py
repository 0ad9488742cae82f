"""Script mode by the SageMaker Python SDK v3's ModelTrainer and SourceCode. No endpoint is named."""

from __future__ import annotations

import contextlib
import io
import shutil
import tarfile
import tempfile
import time
from pathlib import Path

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.s3 import S3Downloader, S3Uploader
from sagemaker.core.shapes import OutputDataConfig
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode
from steps import main
from wheels import wheel

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
SCRIPTS = Path(__file__).resolve().parent / "scripts"
session = Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(200, 4))
LABELS = FEATURES[:, 0] - FEATURES[:, 1] > 0
TRAIN = f"s3://{bucket}/v3-scripts/train"
S3Uploader.upload_string_as_file_body(
    "".join(",".join(map(str, row)) + "\n" for row in np.column_stack([FEATURES, LABELS])),
    f"{TRAIN}/rows.csv",
    sagemaker_session=session,
)


def trainer(folder, **options):
    code = options.pop("code", {"entry_script": "fit.py", "requirements": "requirements.txt"})
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        base_job_name=f"v3-{time.time_ns() % 10**9}",
        training_image=image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1"),
        source_code=SourceCode(source_dir=folder, **code),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
        hyperparameters={"C": 0.5, "solver": "lbfgs"},
        environment={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels"},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output"),
        **options,
    )


@contextlib.contextmanager
def source():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "v3"
        shutil.copytree(SCRIPTS / "v3", place)
        wheel(place / "wheels", "pandas_free", "1.0", "NAME = 'pandas-free 1.0'\n")
        yield str(place)


def log_of(job):
    logs = boto3.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job.training_job_name)["logStreams"]
    events = [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)[
            "events"
        ]
    ]
    return "\n".join(events)


def train(made):
    with contextlib.redirect_stdout(io.StringIO()):
        made.train([InputData(channel_name="train", data_source=TRAIN)], wait=False)
    job = made._latest_training_job
    while job.training_job_status == "InProgress":
        job.refresh()
    return job


def step_a_script_with_requirements():
    with source() as folder:
        job = train(trainer(folder))
    log = log_of(job)
    assert job.training_job_status == "Completed", log
    assert "pandas-free 1.0" in log, log
    assert "Running Basic Script driver" in log
    with tempfile.TemporaryDirectory() as folder:
        S3Downloader.download(job.model_artifacts.s3_model_artifacts, folder, sagemaker_session=session)
        with tarfile.open(Path(folder) / "model.tar.gz") as archive:
            assert archive.getnames() == ["coefficients.json"]


def step_a_command():
    with source() as folder:
        made = trainer(folder, code={"command": "echo one && ls && python --version && false"})
        job = train(made)
        assert "fit.py" in log_of(job)
    assert job.failure_reason.startswith("AlgorithmError: "), job.failure_reason
    assert job.failure_reason.endswith(", exit code: 1"), job.failure_reason


if __name__ == "__main__":
    main(globals())
