"""Algorithm resources: of the built-in XGBoost as it specifies itself, validated, trained by name, with boto3 and the
SDK's AlgorithmEstimator."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import ROLE, Journey

from clients.command import Sagewright
from clients.harness import python_of
from sagewright.testing.server import ServerHandle

ROWS = b"".join(b"%d,%d,%d\n" % (2 * x + y, x, y) for x in range(20) for y in range(10))


def specification(kind: str) -> dict[str, Any]:
    """What the command says of xgboost."""
    command = [sys.executable, "-m", "sagewright", "algorithms", "xgboost", f"--{kind}-specification", "--tag", "1.7-1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


@pytest.fixture(scope="module")
def trip(sagewright_server: ServerHandle) -> Iterator[Journey]:
    trip = Journey(sagewright_server)
    trip.s3.create_bucket(Bucket="algorithms")
    trip.s3.put_object(Bucket="algorithms", Key="train/rows.csv", Body=ROWS)
    yield trip
    for algorithm in trip.sagemaker.list_algorithms()["AlgorithmSummaryList"]:
        trip.sagemaker.delete_algorithm(AlgorithmName=algorithm["AlgorithmName"])


def definition(**changes: Any) -> dict[str, Any]:
    """Of a training job: what a validation profile has."""
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://algorithms/train"}
    return {
        "TrainingInputMode": "File",
        "HyperParameters": {"num_round": "3", "objective": "reg:squarederror"},
        "InputDataConfig": [
            {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}},
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://algorithms/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def create(trip: Journey, name: str, **changes: Any) -> dict[str, Any]:
    """The algorithm once it is at rest."""
    request = {"AlgorithmName": name, "TrainingSpecification": specification("training"), **changes}
    trip.sagemaker.create_algorithm(**request)
    described: dict[str, Any] = trip.until(
        lambda: trip.sagemaker.describe_algorithm(AlgorithmName=name),
        lambda algorithm: algorithm["AlgorithmStatus"] in ("Completed", "Failed"),
    )
    return described


def validation(**changes: Any) -> dict[str, Any]:
    profile = {"ProfileName": "small", "TrainingJobDefinition": definition(**changes)}
    return {"ValidationRole": ROLE, "ValidationProfiles": [profile]}


def train(trip: Journey, name: str, algorithm: str, **changes: Any) -> None:
    request = definition(**changes)
    mode = request.pop("TrainingInputMode")
    specification = {"AlgorithmName": algorithm, "TrainingInputMode": mode}
    trip.sagemaker.create_training_job(
        TrainingJobName=name, RoleArn=ROLE, AlgorithmSpecification=specification, **request
    )


@pytest.fixture(scope="module")
def xgboost(trip: Journey) -> str:
    """The ARN of an algorithm that a training job has validated."""
    described = create(
        trip,
        "my-xgboost",
        InferenceSpecification=specification("inference"),
        ValidationSpecification=validation(),
        Tags=[{"Key": "team", "Value": "red"}],
    )
    assert described["AlgorithmStatus"] == "Completed", described["AlgorithmStatusDetails"]
    assert described["AlgorithmStatusDetails"]["ValidationStatuses"] == [{"Name": "small", "Status": "Completed"}]
    return str(described["AlgorithmArn"])


def test_xgboost_trains_by_its_name(trip: Journey, xgboost: str) -> None:
    for number, name in enumerate(("my-xgboost", xgboost)):
        train(trip, f"by-name-{number}", name)
        job = trip.trained(f"by-name-{number}")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert job["AlgorithmSpecification"]["AlgorithmName"] == name
        assert {metric["MetricName"] for metric in job["FinalMetricDataList"]} == {"train:rmse"}
        data = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://algorithms/")
        assert trip.s3.head_object(Bucket="algorithms", Key=data)["ContentLength"] > 100
    assert trip.sagemaker.list_tags(ResourceArn=xgboost)["Tags"] == [{"Key": "team", "Value": "red"}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"HyperParameters": {"objective": "reg:squarederror"}}, "num_round is required"),
        ({"HyperParameters": {"num_round": "1", "eta": "2"}}, "eta must be between 0 and 1, and it is 2"),
        ({"HyperParameters": {"num_round": "1", "rounds": "2"}}, "rounds is not supported by the algorithm my-xgboost"),
        ({"TrainingInputMode": "FastFile"}, r"InputMode FastFile of the channel train .* one of \[File, Pipe\]"),
    ],
)
def test_jobs_it_does_not_support(trip: Journey, xgboost: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        train(trip, "refused", "my-xgboost", **changes)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_validation_that_fails(trip: Journey) -> None:
    trip.s3.put_object(Bucket="algorithms", Key="wrong/rows.csv", Body=b"label,a\n1,2\n")
    channel = definition()["InputDataConfig"][0]
    channel["DataSource"]["S3DataSource"]["S3Uri"] = "s3://algorithms/wrong"
    described = create(trip, "not-valid", ValidationSpecification=validation(InputDataConfig=[channel]))
    assert described["AlgorithmStatus"] == "Failed"
    (status,) = described["AlgorithmStatusDetails"]["ValidationStatuses"]
    assert status["FailureReason"].startswith("ClientError: ")
    with pytest.raises(ClientError, match="its status is Failed"):
        train(trip, "refused", "not-valid")


PROGRAM = """
import json, sys
import sagemaker
from sagemaker import AlgorithmEstimator
from sagemaker.inputs import TrainingInput

session = sagemaker.Session()
client = session.sagemaker_client
given = json.loads(sys.argv[1])
made = client.create_algorithm(AlgorithmName="sdk-xgboost", TrainingSpecification=given)
while client.describe_algorithm(AlgorithmName="sdk-xgboost")["AlgorithmStatus"] in ("Pending", "InProgress"):
    pass
role = "arn:aws:iam::111122223333:role/SageMakerRole"
estimator = AlgorithmEstimator(made["AlgorithmArn"], role, 1, "ml.m5.large", sagemaker_session=session)
estimator.set_hyperparameters(num_round=4, objective="reg:squarederror", eta=0.5)
rows = "".join(f"{x * 2 + y},{x},{y}\\n" for x in range(20) for y in range(30))
session.upload_string_as_file_body(rows, session.default_bucket(), "data/train.csv")
estimator.fit({"train": TrainingInput(f"s3://{session.default_bucket()}/data/", content_type="text/csv")})
name = estimator.latest_training_job.name
expression = {"Filters": [{"Name": "AlgorithmSpecification.AlgorithmName", "Value": made["AlgorithmArn"]}]}
searched = session.search("TrainingJob", expression)["Results"]
frame = sagemaker.analytics.TrainingJobAnalytics(name, sagemaker_session=session).dataframe()
print("RESULT", json.dumps({
    "job": session.describe_training_job(name)["TrainingJobStatus"],
    "searched": [each["TrainingJob"]["TrainingJobName"] == name for each in searched],
    "metrics": sorted(set(frame["metric_name"])),
}))
"""


@pytest.mark.slow
def test_the_sdk_trains_by_algorithm(tmp_path: Path) -> None:
    sagewright = Sagewright(tmp_path / "data", {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"})
    words = [str(python_of("sdk_v2")), "-c", PROGRAM, json.dumps(specification("training"))]
    done = sagewright("run", "--", *words, timeout=300)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    assert json.loads(found[1]) == {"job": "Completed", "searched": [True], "metrics": ["train:rmse"]}
