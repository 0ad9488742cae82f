"""The SageMaker Python SDK v3's ModelTrainer on the three first algorithms, on one and on two instances."""

from __future__ import annotations

import contextlib
import io
import time

import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.s3 import S3Uploader
from sagemaker.core.shapes import OutputDataConfig, S3DataSource
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
NAME = f"v3-training-{time.time_ns() % 10**9}"
session = Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(400, 10))
LABELS = FEATURES @ _random.normal(size=10) + _random.normal(scale=0.3, size=400) > 0
PARTS = 4


def upload(name, table):
    for number, rows in enumerate(np.array_split(table, PARTS)):
        text = "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)
        S3Uploader.upload_string_as_file_body(
            text, f"s3://{bucket}/{NAME}/{name}/part-{number}", sagemaker_session=session
        )
    return f"s3://{bucket}/{NAME}/{name}/"


LABELLED = upload("labelled", np.column_stack([LABELS, FEATURES]))
UNLABELLED = upload("unlabelled", FEATURES)


def trained(algorithm, channels, instances=1, mode="File", **hyperparameters):
    version = {"version": "1.7-1"} if algorithm == "xgboost" else {}
    made = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        base_job_name=f"{NAME}-{algorithm}-{instances}-{mode}",  # the SDK adds no more than the second
        training_image=image_uris.retrieve(algorithm, session.boto_region_name, **version),
        training_input_mode=mode,
        compute=Compute(instance_type="ml.m5.large", instance_count=instances, volume_size_in_gb=10),
        hyperparameters=hyperparameters,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output"),
    )
    with contextlib.redirect_stdout(io.StringIO()):
        made.train(channels, wait=True, logs=True)
    job = made._latest_training_job
    job.refresh()
    assert job.training_job_status == "Completed"
    assert job.resource_config.instance_count == instances
    return {item.metric_name: item.value for item in job.final_metric_data_list}


def channel(name, uri, distribution="FullyReplicated", content_type="text/csv;label_size=1"):
    source = S3DataSource(s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type=distribution)
    return InputData(channel_name=name, data_source=source, content_type=content_type)


def sharded(name, uri, content_type="text/csv;label_size=1"):
    return channel(name, uri, "ShardedByS3Key", content_type)


def step_xgboost():
    settings = {"objective": "binary:logistic", "num_round": 10, "eval_metric": "auc"}
    validation = channel("validation", LABELLED, content_type="text/csv")
    for instances in (1, 2):
        train = sharded("train", LABELLED, "text/csv")
        assert trained("xgboost", [train, validation], instances, **settings)["validation:auc"] > 0.97


def step_linear_learner():
    settings = {"predictor_type": "binary_classifier", "mini_batch_size": 50, "epochs": 10, "num_models": 4}
    validation = channel("validation", LABELLED)
    for instances in (1, 2):
        found = trained("linear-learner", [sharded("train", LABELLED), validation], instances, **settings)
        assert found["validation:roc_auc_score"] > 0.97


def step_kmeans():
    settings = {"k": 4, "feature_dim": 10, "mini_batch_size": 50, "epochs": 4}
    plain = "text/csv;label_size=0"
    distances = []
    for instances in (1, 2):
        channels = [sharded("train", UNLABELLED, plain), channel("test", UNLABELLED, content_type=plain)]
        distances.append(trained("kmeans", channels, instances, **settings)["test:msd"])
    assert abs(distances[1] / distances[0] - 1) < 0.2


def step_modes():
    settings = {"objective": "binary:logistic", "num_round": 5, "eval_metric": "auc"}
    for mode in ("Pipe", "FastFile"):
        train = channel("train", LABELLED, content_type="text/csv")
        assert trained("xgboost", [train], mode=mode, **settings)["train:auc"] > 0.95, mode


def step_wrong_hyperparameters():
    text = error_of(lambda: trained("kmeans", [channel("train", UNLABELLED)], k=0, feature_dim=10))
    assert "ClientError" in text, text
    assert "hyperparameter" in text, text


if __name__ == "__main__":
    main(globals())
