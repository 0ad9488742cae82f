"""The SageMaker Python SDK v3, as a user writes it. No endpoint is named."""

from __future__ import annotations

import contextlib
import importlib
import io
import tempfile
import time
from pathlib import Path

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.s3 import S3Downloader, S3Uploader
from sagemaker.core.shapes import ContainerDefinition, OutputDataConfig, ProductionVariant
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
CSV = "".join(f"{x * 2 + y},{x},{y}\n" for x in range(20) for y in range(30))
session = Session()
bucket = session.default_bucket()
image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
NAME = f"v3-{time.time_ns() % 10**9}"


def trainer(**changes):
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        base_job_name=NAME,
        training_image=image,
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
        hyperparameters={"objective": "reg:squarederror", "num_round": 5, **changes},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output"),
    )


def channel():
    uri = S3Uploader.upload_string_as_file_body(CSV, f"s3://{bucket}/train/train.csv", sagemaker_session=session)
    return [InputData(channel_name="train", data_source=uri.rsplit("/", 1)[0], content_type="text/csv")]


def step_pauses_are_short():
    """`sagewright run` cuts the SDK's sleeps between polls, wherever this version of it has them."""
    for name in (
        "sagemaker.core.helper.session_helper",
        "sagemaker.core.processing",
        "sagemaker.core.remote_function.job",
        "sagemaker.core.resources",
        "sagemaker.core.transformer",
        "sagemaker.train.common_utils.job_wait",
        "sagemaker.train.common_utils.log_streamer",
        "sagemaker.train.common_utils.trainer_wait",
    ):
        module = importlib.import_module(name)
        assert module.time is not time, name
        begin = time.perf_counter()
        module.time.sleep(60)
        assert time.perf_counter() - begin < 30, name


def step_s3():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a").write_text("alpha")
        assert session.upload_data(folder, key_prefix=NAME) == f"s3://{bucket}/{NAME}"
    assert S3Downloader.read_file(f"s3://{bucket}/{NAME}/a", sagemaker_session=session) == "alpha"
    assert S3Downloader.list(f"s3://{bucket}/{NAME}", sagemaker_session=session) == [f"s3://{bucket}/{NAME}/a"]


def step_train_and_wait_with_logs():
    made = trainer()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        made.train(channel(), wait=True, logs=True)
    job = made._latest_training_job
    job.refresh()
    assert job.training_job_status == "Completed"
    assert job.model_artifacts.s3_model_artifacts.startswith(f"s3://{bucket}/output/{NAME}")


def step_train_from_a_local_folder():
    """The SDK uploads the folder to the default bucket."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train.csv").write_text(CSV)
        made = trainer()
        made.train([InputData(channel_name="train", data_source=folder, content_type="text/csv")], logs=False)
    assert made._latest_training_job.refresh().training_job_status == "Completed"


def step_a_failed_job_says_why():
    assert "eta" in error_of(lambda: trainer(eta=7).train(channel(), logs=False))


def step_resources():
    first, *rest = TrainingJob.get_all(name_contains=NAME, sort_by="CreationTime", sort_order="Ascending")
    assert len(rest) >= 1
    found = TrainingJob.get(first.training_job_name)
    assert found.algorithm_specification.training_image == image
    assert found.hyper_parameters["num_round"] == "5"
    found.wait()
    assert "ValidationException" in error_of(lambda: TrainingJob.get("none-such"))


def step_deploy_and_invoke():
    job = next(iter(TrainingJob.get_all(name_contains=NAME, status_equals="Completed")))
    data = TrainingJob.get(job.training_job_name).model_artifacts.s3_model_artifacts
    container = ContainerDefinition(image=image, model_data_url=data)
    model = Model.create(model_name=NAME, primary_container=container, execution_role_arn=ROLE)
    variant = ProductionVariant(
        variant_name="AllTraffic", model_name=NAME, initial_instance_count=1, instance_type="ml.m5.large"
    )
    config = EndpointConfig.create(endpoint_config_name=NAME, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=NAME, endpoint_config_name=NAME)
    begin = time.time()
    endpoint.wait_for_status("InService")
    assert time.time() - begin < 20, "the SDK's own pauses are 5 s"
    answer = endpoint.invoke(body="1,2\n", content_type="text/csv", accept="text/csv")
    assert abs(float(answer.body.read())) < 100
    endpoint.delete()
    config.delete()
    model.delete()
    endpoint.wait_for_delete()
    assert boto3.client("sagemaker").list_endpoints(NameContains=NAME)["Endpoints"] == []


if __name__ == "__main__":
    main(globals())
