"""XGBoost through the API: what it answers, and what a user is told about wrong input."""

from __future__ import annotations

import io
import json
import os
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sagemaker_journey import ROLE, Journey
from sklearn.datasets import load_diabetes

from sagewright.testing.server import ServerHandle

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
BINARY = {"objective": "binary:logistic", "num_round": "2"}
MULTI = {"objective": "multi:softmax", "num_class": "3", "num_round": "2"}
SQUARED = {"objective": "reg:squarederror", "num_round": "2"}


@pytest.fixture(scope="module")
def trip(sagewright_server: ServerHandle) -> Iterator[Journey]:
    trip = Journey(sagewright_server)
    trip.s3.create_bucket(Bucket="xgb")
    yield trip
    for endpoint in trip.sagemaker.list_endpoints()["Endpoints"]:
        trip.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


def _job(trip: Journey, name: str, data: bytes, hyperparameters: dict[str, str], content_type: str) -> dict[str, Any]:
    trip.s3.put_object(Bucket="xgb", Key=f"{name}/data", Body=data)
    channel = {
        "ChannelName": "train",
        "ContentType": content_type,
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://xgb/{name}/"}},
    }
    trip.train(
        name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters=hyperparameters,
        InputDataConfig=[channel],
        OutputDataConfig={"S3OutputPath": "s3://xgb/output"},
    )
    return trip.trained(name)


ROWS = b"".join(b"%d,%d,%d\n" % (i % 2, i, i * i) for i in range(20))
WRONG = [
    ("header", b"label,a,b\n" + ROWS, BINARY, "text/csv", ["train", "data", "row 1"]),
    ("ragged", ROWS + b"1,2\n", BINARY, "text/csv", ["train", "data", "row 21"]),
    ("nan-label", ROWS + b"nan,2,3\n", BINARY, "text/csv", ["train", "data", "row 21"]),
    ("range", ROWS + b"3,2,3\n", MULTI, "text/csv", ["train", "3"]),
    ("unknown-hyperparameter", ROWS, {**SQUARED, "num_rounds": "3"}, "text/csv", ["num_rounds"]),
    ("hyperparameter-range", ROWS, {**SQUARED, "eta": "1.5"}, "text/csv", ["eta", "1.5"]),
    ("no-num-round", ROWS, {"objective": "reg:squarederror"}, "text/csv", ["num_round"]),
    ("content-type", ROWS, SQUARED, "image/png", ["image/png"]),
    ("recordio", b"\x0a\x23\xd7\xce\xff\x00\x00\x00abc", SQUARED, "application/x-recordio-protobuf", ["train", "data"]),
]


@pytest.mark.parametrize(("name", "data", "hyperparameters", "content_type", "words"), WRONG, ids=[w[0] for w in WRONG])
def test_wrong_input_is_a_client_error_that_says_where(
    trip: Journey, name: str, data: bytes, hyperparameters: dict[str, str], content_type: str, words: list[str]
) -> None:
    job = _job(trip, f"wrong-{name}", data, hyperparameters, content_type)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert [word for word in words if word not in job["FailureReason"]] == [], job["FailureReason"]


def test_a_key_that_climbs_is_refused_and_writes_nothing(trip: Journey) -> None:
    trip.s3.put_object(Bucket="xgb", Key="climb/../../escaped", Body=ROWS)
    job = _job(trip, "climb", ROWS, SQUARED, "text/csv")
    assert job["TrainingJobStatus"] == "Failed"
    assert "climb/../../escaped" in job["FailureReason"]
    # os.walk does not mind that the job's folder goes meanwhile
    assert not [folder for folder, _, names in os.walk(trip.server.data_dir) if "escaped" in names]


@pytest.fixture(scope="module")
def endpoint(trip: Journey) -> str:
    table = load_diabetes()
    data = io.BytesIO()
    np.savetxt(data, np.column_stack([table.target, table.data]), delimiter=",", fmt="%.9g")
    job = _job(trip, "diabetes", data.getvalue(), {**SQUARED, "num_round": "20"}, "text/csv")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    _deploy(trip, "diabetes", job["ModelArtifacts"]["S3ModelArtifacts"])
    trip.in_service("diabetes")
    return "diabetes"


def _deploy(trip: Journey, name: str, model_data: str) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": model_data}
    trip.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "All", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    trip.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    trip.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def test_answers_are_those_of_xgboost_itself(trip: Journey, endpoint: str) -> None:
    table = load_diabetes()
    features = np.array([[float(f"{value:.9g}") for value in row] for row in table.data], np.float32)
    matrix = xgboost.DMatrix(features, table.target.astype(np.float32))
    expected = xgboost.train({"objective": "reg:squarederror"}, matrix, 20).predict(matrix)[:50]
    body = "\n".join(",".join(f"{value:.9g}" for value in row) for row in table.data[:50])
    answer = trip.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=body)
    assert answer["ContentType"].startswith("text/csv")
    found = [float(line) for line in answer["Body"].read().split()]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_accept_decides_the_form_of_the_answer(trip: Journey, endpoint: str) -> None:
    row = ",".join(["0.01"] * 10)
    asked = {"EndpointName": endpoint, "ContentType": "text/csv", "Body": row}
    plain = float(trip.runtime.invoke_endpoint(**asked)["Body"].read())
    answer = trip.runtime.invoke_endpoint(**asked, Accept="application/json")
    assert json.loads(answer["Body"].read())["predictions"][0]["score"] == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [("text/csv", b"a,b,c", 415), ("image/png", b"1,2", 415), ("text/csv", b",".join([b"1"] * 12), 400)],
)
def test_a_bad_request_is_a_model_error(
    trip: Journey, endpoint: str, content_type: str, body: bytes, status: int
) -> None:
    with pytest.raises(trip.runtime.exceptions.ModelError) as caught:
        trip.runtime.invoke_endpoint(EndpointName=endpoint, ContentType=content_type, Body=body)
    assert caught.value.response["OriginalStatusCode"] == status


def test_a_body_above_six_megabytes_is_refused(trip: Journey, endpoint: str) -> None:
    with pytest.raises(trip.runtime.exceptions.ClientError, match="6291456") as caught:
        trip.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"1" * 6_291_457)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    trip.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=",".join(["1"] * 10))


def test_a_model_tar_that_climbs_is_refused(trip: Journey, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("../../escaped-model")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))
    trip.s3.put_object(Bucket="xgb", Key="evil/model.tar.gz", Body=packed.getvalue())
    _deploy(trip, "evil", "s3://xgb/evil/model.tar.gz")
    seen = trip.until(
        lambda: trip.sagemaker.describe_endpoint(EndpointName="evil"), lambda e: e["EndpointStatus"] == "Failed"
    )
    assert "escaped-model" in seen["FailureReason"]
    # Not rglob, which stumbles over folders that are just being removed.
    assert not any("escaped-model" in files for _, _, files in os.walk(trip.server.data_dir))


@pytest.mark.parametrize(
    ("head", "body", "code"),
    [
        (b"POST / HTTP/1.1\r\nX-Amz-Target: SageMaker.CreateTrainingJob\r\n", b"{nope", b"SerializationException"),
        (
            b"POST /xgb?delete HTTP/1.1\r\nContent-MD5: 2/tgmBdmQLO+511KLYgSag==\r\n",
            b"<Delete><Object>",
            b"MalformedXML",
        ),
    ],
)
def test_a_malformed_body_is_an_error_of_its_protocol(trip: Journey, head: bytes, body: bytes, code: bytes) -> None:
    with socket.create_connection(("127.0.0.1", trip.server.port), timeout=10) as connection:
        length = b"Host: 127.0.0.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + length + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert code in answer
