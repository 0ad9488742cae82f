"""The local-file conveniences of the SageMaker Python SDK v2, as a user writes them. No endpoint is named."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from sagemaker import LinearLearner, get_execution_role, image_uris
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.amazon.common import read_records, write_numpy_to_dense_tensor
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, StringDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import ShuffleConfig, TrainingInput
from sagemaker.s3 import S3Downloader, S3Uploader, s3_path_join
from sagemaker.serializers import CSVSerializer, LibSVMSerializer
from steps import main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
ROWS = [(x * 2 + y, x, y) for x in range(20) for y in range(30)]
CSV = "".join(",".join(map(str, row)) + "\n" for row in ROWS)
session = sagemaker.Session()
bucket = session.default_bucket()
image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")


def estimator(**options):
    made = Estimator(image, ROLE, 1, "ml.m5.large", sagemaker_session=session, **options)
    made.set_hyperparameters(objective="reg:squarederror", num_round=5)
    return made


def files(folder, **texts):
    for name, text in texts.items():
        (Path(folder) / name).write_text(text)


def step_default_bucket():
    account = boto3.client("sts").get_caller_identity()["Account"]
    assert bucket == f"sagemaker-{session.boto_region_name}-{account}"
    assert session.default_bucket() == bucket
    assert sagemaker.Session().default_bucket() == bucket, "a second session finds it"


def step_upload_data():
    with tempfile.TemporaryDirectory() as folder:
        files(folder, one="1", two="22")
        (Path(folder) / "deeper").mkdir()
        files(Path(folder) / "deeper", three="333")
        assert session.upload_data(folder, key_prefix="folder") == f"s3://{bucket}/folder"
        assert session.upload_data(f"{folder}/one", key_prefix="file") == f"s3://{bucket}/file/one"
    assert sorted(session.list_s3_files(bucket, "folder")) == ["folder/deeper/three", "folder/one", "folder/two"]
    assert session.read_s3_file(bucket, "folder/deeper/three") == "333"
    with tempfile.TemporaryDirectory() as folder:
        found = session.download_data(folder, bucket, "folder/")
        assert len(found) == 3, found
        assert (Path(folder) / "deeper" / "three").read_text() == "333"


def step_s3_uploader_and_downloader():
    base = f"s3://{bucket}/s3-tools"
    with tempfile.TemporaryDirectory() as folder:
        files(folder, a="alpha", b="beta")
        assert S3Uploader.upload(folder, f"{base}/folder", sagemaker_session=session) == f"{base}/folder"
    uri = S3Uploader.upload_string_as_file_body("text ümlaut", f"{base}/string.txt", sagemaker_session=session)
    assert S3Downloader.read_file(uri, sagemaker_session=session) == "text ümlaut"
    assert S3Downloader.read_bytes(uri, sagemaker_session=session) == "text ümlaut".encode()
    uploaded = S3Uploader.upload_bytes(b"\x00\xff" * 10, s3_path_join(base, "bytes"), sagemaker_session=session)
    assert S3Downloader.read_bytes(uploaded, sagemaker_session=session) == b"\x00\xff" * 10
    assert sorted(S3Downloader.list(f"{base}/folder", sagemaker_session=session)) == [
        f"{base}/folder/a",
        f"{base}/folder/b",
    ]
    with tempfile.TemporaryDirectory() as folder:
        S3Downloader.download(f"{base}/folder", folder, sagemaker_session=session)
        assert sorted(path.name for path in Path(folder).iterdir()) == ["a", "b"]


def step_kms_key():
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    uri = f"s3://{bucket}/kms/text"
    S3Uploader.upload_string_as_file_body("secret", uri, kms_key=key, sagemaker_session=session)
    head = boto3.client("s3").head_object(Bucket=bucket, Key="kms/text")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    assert S3Downloader.read_file(uri, sagemaker_session=session) == "secret"


def step_record_io():
    table = np.arange(12, dtype="float32").reshape(4, 3)
    buffer = io.BytesIO()
    write_numpy_to_dense_tensor(buffer, table, np.arange(4, dtype="float32"))
    buffer.seek(0)
    session.boto_session.client("s3").upload_fileobj(buffer, bucket, "pbr/data")
    back = io.BytesIO()
    session.boto_session.client("s3").download_fileobj(bucket, "pbr/data", back)
    back.seek(0)
    records = read_records(back)
    assert [list(record.features["values"].float32_tensor.values) for record in records] == table.tolist()


def step_record_set():
    learner = LinearLearner(
        ROLE,
        2,
        "ml.m5.large",
        predictor_type="regressor",
        sagemaker_session=session,
        data_location=f"s3://{bucket}/ll/",
    )
    table = np.random.default_rng(0).normal(size=(100, 3)).astype("float32")
    made = learner.record_set(table, labels=table[:, 0])
    assert isinstance(made, RecordSet)
    assert (made.num_records, made.feature_dim, made.s3_data_type) == (100, 3, "ManifestFile")
    manifest = json.loads(S3Downloader.read_file(made.s3_data, sagemaker_session=session))
    base = manifest[0]["prefix"]
    assert base.startswith(f"s3://{bucket}/ll/"), manifest
    assert len(manifest) == 3, "a shard for each instance"
    records = []
    for name in manifest[1:]:
        shard = S3Downloader.read_bytes(base + name, sagemaker_session=session)
        records += read_records(io.BytesIO(shard))
    found = np.array([record.features["values"].float32_tensor.values for record in records])
    assert np.array_equal(found, table)
    channel = made.data_channel()["train"].config["DataSource"]["S3DataSource"]
    assert channel["S3DataType"] == "ManifestFile"


def step_training_inputs():
    """Content types, a manifest, shuffling, ShardedByS3Key and FastFile; the job sees what each names."""
    session.upload_string_as_file_body(CSV, bucket, "inputs/a.csv")
    session.upload_string_as_file_body(CSV, bucket, "inputs/b.csv")
    session.upload_string_as_file_body(CSV, bucket, "inputs/not-this.txt")
    manifest = json.dumps([{"prefix": f"s3://{bucket}/inputs/"}, "a.csv", "b.csv"])
    session.upload_string_as_file_body(manifest, bucket, "manifests/train.manifest")
    train = TrainingInput(
        f"s3://{bucket}/manifests/train.manifest",
        s3_data_type="ManifestFile",
        content_type="text/csv",
        shuffle_config=ShuffleConfig(7),
    )
    validation = TrainingInput(
        f"s3://{bucket}/inputs/a", distribution="ShardedByS3Key", content_type="text/csv", input_mode="FastFile"
    )
    job = estimator()
    job.fit({"train": train, "validation": validation})
    found = session.describe_training_job(job.latest_training_job.name)
    assert found["TrainingJobStatus"] == "Completed"
    first, second = found["InputDataConfig"]
    assert first["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile"
    assert first["ShuffleConfig"] == {"Seed": 7}
    assert second["DataSource"]["S3DataSource"]["S3DataDistributionType"] == "ShardedByS3Key"
    assert second["InputMode"] == "FastFile"


def trained():
    session.upload_string_as_file_body(CSV, bucket, "train/train.csv")
    job = estimator(output_path=f"s3://{bucket}/output", base_job_name="conveniences")
    job.fit({"train": TrainingInput(f"s3://{bucket}/train/", content_type="csv")}, wait=False, logs=False)
    return job


def step_wait_and_logs():
    job = trained()
    name = job.latest_training_job.name
    assert name.startswith("conveniences-")
    assert session.wait_for_job(name)["TrainingJobStatus"] == "Completed"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        session.logs_for_job(name, wait=True)
    assert "[4]#011train-rmse:" in printed.getvalue()
    assert "Billable seconds:" in printed.getvalue()
    assert S3Downloader.list(f"s3://{bucket}/output/{name}/output", sagemaker_session=session) == [job.model_data]


def step_attach_and_analytics():
    name = trained().latest_training_job.name
    session.wait_for_job(name)
    again = Estimator.attach(name, sagemaker_session=session)
    assert again.hyperparameters()["num_round"] in (5, "5")
    assert again.model_data == f"s3://{bucket}/output/{name}/output/model.tar.gz"
    frame = again.training_job_analytics.dataframe()
    assert "train:rmse" in set(frame["metric_name"])


def step_deploy_and_predict():
    job = trained()
    job.latest_training_job.wait(logs="None")
    predictor = job.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer())
    try:
        assert len(predictor.predict(np.array([[1.0, 2.0], [3.0, 4.0]]))) >= 1
        predictor.deserializer = JSONDeserializer()
        answer = predictor.predict([[1.0, 2.0], [3.0, 4.0]], initial_args={"Accept": "application/json"})
        assert len(answer["predictions"]) == 2
        predictor.serializer, predictor.deserializer = LibSVMSerializer(), StringDeserializer()
        assert float(predictor.predict("1:1.0 2:2.0\n", initial_args={"Accept": "text/csv"}).strip("[]\n")) < 100
        described = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
        assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1
        assert session.sagemaker_client.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()
    gone = time.monotonic() + 20
    while session.sagemaker_client.list_endpoints(NameContains=predictor.endpoint_name)["Endpoints"]:
        assert time.monotonic() < gone


def step_execution_role():
    """Of an assumed role that bears the name of an IAM role; a user's own identity is no role."""
    iam, trust = boto3.client("iam"), {"Version": "2012-10-17", "Statement": []}
    trust["Statement"].append({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    made = iam.create_role(RoleName="SageMakerRole", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    assert session.expand_role("SageMakerRole") == made
    keys = boto3.client("sts").assume_role(RoleArn=made, RoleSessionName="work")["Credentials"]
    inside = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert get_execution_role(sagemaker.Session(inside)) == made


if __name__ == "__main__":
    main(globals())
