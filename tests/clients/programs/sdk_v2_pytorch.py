"""The PyTorch estimator of the SageMaker Python SDK v2; argv: a folder with train.csv and test.csv of digits."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import time
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.pytorch import PyTorch
from sagemaker.serializers import CSVSerializer, JSONSerializer
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
SCRIPTS = Path(__file__).resolve().parent / "scripts"
session = sagemaker.Session()
bucket = session.default_bucket()
TEST = Path(sys.argv[1]) / "test.csv"
DATA = session.upload_data(sys.argv.pop(1), key_prefix=f"digits-{time.time_ns()}")


def pytorch(entry, **options):
    return PyTorch(
        entry,
        source_dir=str(SCRIPTS / "digits"),
        role=ROLE,
        framework_version="2.3",
        py_version="py311",
        instance_type="ml.c5.2xlarge",
        sagemaker_session=session,
        **{"instance_count": 1, **options},
    )


@contextlib.contextmanager
def deployed(made, **options):
    with contextlib.redirect_stdout(io.StringIO()):
        predictor = made.deploy(1, "ml.c5.2xlarge", **options)
    try:
        yield predictor
    finally:
        predictor.delete_endpoint()


def step_digits():
    made = pytorch(
        "digits.py",
        hyperparameters={"epochs": 4, "lr": 0.01, "width": 48},
        metric_definitions=[
            {"Name": "train:loss", "Regex": r"train_loss=([0-9.]+);"},
            {"Name": "test:accuracy", "Regex": r"test_accuracy=([0-9.]+);"},
        ],
    )
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        made.fit({"training": DATA}, logs=True)
    assert "PyTorch 2.3" in said.getvalue()
    found = session.describe_training_job(made.latest_training_job.name)["FinalMetricDataList"]
    metrics = {each["MetricName"]: each["Value"] for each in found}
    assert metrics["test:accuracy"] > 0.9, metrics
    assert metrics["train:loss"] < 1, metrics
    images, labels = np.loadtxt(TEST, delimiter=",")[:50, 1:], np.loadtxt(TEST, delimiter=",")[:50, 0]
    forms = {"serializer": JSONSerializer(), "deserializer": JSONDeserializer()}
    with deployed(made, **forms) as predictor:
        found = predictor.predict({"images": images.tolist()})
    assert (np.argmax(found, 1) == labels).mean() > 0.9


def step_the_containers_own_functions():
    made = pytorch("traced.py")
    with contextlib.redirect_stdout(io.StringIO()):
        made.fit()
    with deployed(made) as predictor:
        rows = np.array([[1, 2], [5, 3]], np.float32)
        assert predictor.predict(rows).tolist() == [[3, 2], [8, 5]]
        predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
        assert predictor.predict(rows) == [[3, 2], [8, 5]]


def step_a_model_that_is_no_torchscript():
    made = pytorch("digits.py", hyperparameters={"epochs": 1})
    with contextlib.redirect_stdout(io.StringIO()):
        made.fit({"training": DATA})
        said = error_of(lambda: made.deploy(1, "ml.c5.2xlarge", entry_point="traced.py"))
    assert "Please ensure model is saved using torchscript." in said, said


def together(entry, instances, inputs=None, **hyperparameters):
    """The SDK has torch_distributed on GPU instances only; what it would send says the same here. The job, its log."""
    made = pytorch(entry, instance_count=instances, hyperparameters=hyperparameters)
    made._prepare_for_training()
    client = boto3.client("sagemaker")
    name = f"together-{time.time_ns()}"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": DATA}}
    client.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": made.training_image_uri(), "TrainingInputMode": "File"},
        HyperParameters=made.hyperparameters() | {"sagemaker_torch_distributed_enabled": "true"},
        InputDataConfig=[{"ChannelName": "training", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(sagemaker.exceptions.UnexpectedStatusException):
        session.logs_for_job(name, wait=True)
    return client.describe_training_job(TrainingJobName=name), said.getvalue()


def step_torch_distributed_on_two_instances():
    _, said = together("together.py", 2)
    assert "rank 0 of 2 on algo-1: sum 3" in said, said
    assert "rank 1 of 2 on algo-2: sum 3" in said


def step_two_instances_learn_as_one_does():
    curves = []
    for instances in (1, 2):
        job, said = together("parallel.py", instances, epochs=5)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        curves.append([float(each) for each in re.findall(r"loss=([0-9.]+);", said)])
    one, two = curves
    assert len(one) == len(two) == 5
    assert one[-1] < one[0] / 2, "it learns"
    assert np.allclose(one, two, rtol=0.01), curves


def step_one_instances_failure_is_the_jobs():
    job, _ = together("parallel.py", 2, fail=1)
    assert job["TrainingJobStatus"] == "Failed"
    assert "ValueError: rank 1 has had enough" in job["FailureReason"], job["FailureReason"]


def step_mpi_on_one_instance():
    if shutil.which("mpirun") is None:
        return
    mpi = {"enabled": True, "processes_per_host": 2, "custom_mpi_options": "-x GREETING"}
    made = pytorch("ranks.py", distribution={"mpi": mpi}, environment={"GREETING": "hello"})
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        made.fit(logs=True)
    assert "rank 0 of 2 hello" in said.getvalue(), said.getvalue()
    assert "rank 1 of 2 hello" in said.getvalue()


def step_mpi_on_several_instances():
    if shutil.which("mpirun") is None:
        return
    mpi = {"enabled": True, "processes_per_host": 2, "custom_mpi_options": "-x GREETING"}
    made = pytorch("ranks.py", distribution={"mpi": mpi}, environment={"GREETING": "hello"}, instance_count=2)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        made.fit(logs=True)
    for rank in range(4):
        assert f"rank {rank} of 4 hello on algo-{1 + rank // 2}: sum 6" in said.getvalue(), said.getvalue()


def step_a_rank_that_fails_on_another_instance():
    if shutil.which("mpirun") is None:
        return
    mpi = {"enabled": True, "processes_per_host": 1, "custom_mpi_options": "-x FAILS"}
    made = pytorch("ranks.py", distribution={"mpi": mpi}, environment={"FAILS": "1"}, instance_count=2)
    said = error_of(lambda: made.fit(logs=False))
    assert "ValueError: rank 1 has had enough" in said, said


if __name__ == "__main__":
    main(globals())
