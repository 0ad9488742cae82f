"""An image of one's own by the SageMaker Python SDK v3: training and processing. argv: its name."""

from __future__ import annotations

import sys

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.processing import Processor
from sagemaker.core.s3 import S3Downloader, S3Uploader
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, StoppingCondition
from steps import main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
IMAGE = sys.argv.pop(1)
session = Session()
bucket = session.default_bucket()
ROWS = S3Uploader.upload_string_as_file_body("1\n2\n3\n", f"s3://{bucket}/own3/rows.csv", sagemaker_session=session)


def step_train():
    trainer = ModelTrainer(
        training_image=IMAGE,
        role=ROLE,
        sagemaker_session=session,
        base_job_name="own3",
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    )
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=ROWS)], logs=False)
    client = boto3.client("sagemaker")
    name = client.list_training_jobs(NameContains="own3")["TrainingJobSummaries"][0]["TrainingJobName"]
    job = client.describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["AlgorithmSpecification"]["TrainingImage"] == IMAGE


def step_process():
    processor = Processor(ROLE, IMAGE, 1, "ml.m5.large", sagemaker_session=session)
    place = ProcessingS3Input(
        s3_uri=ROWS, local_path="/opt/ml/processing/input/rows", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    target = ProcessingS3Output(
        s3_uri=f"s3://{bucket}/own3/counted", local_path="/opt/ml/processing/output", s3_upload_mode="EndOfJob"
    )
    processor.run(
        inputs=[ProcessingInput(input_name="rows", s3_input=place)],
        outputs=[ProcessingOutput(output_name="counted", s3_output=target)],
        arguments=["--all"],
        logs=False,
    )
    counted = S3Downloader.read_file(f"s3://{bucket}/own3/counted/count.txt", sagemaker_session=session)
    assert counted == "3 ['--all']", counted


if __name__ == "__main__":
    main(globals())
