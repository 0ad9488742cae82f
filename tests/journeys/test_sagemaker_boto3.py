"""Train, deploy, predict, update and delete with boto3 against a real server and real processes."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from sagemaker_journey import GROUP, IMAGE, Journey, journey


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.data()
        yield made


@pytest.fixture(scope="module")
def artifacts(trip: Journey) -> dict[str, str]:
    """Model data of two trained models."""
    for name in ("first", "second"):
        trip.train(f"artifact-{name}", model=name)
    return {
        name: trip.trained(f"artifact-{name}")["ModelArtifacts"]["S3ModelArtifacts"] for name in ("first", "second")
    }


def unpacked(trip: Journey, key: str) -> dict[str, bytes]:
    body = trip.s3.get_object(Bucket="journey", Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {
            member.name.removeprefix("./"): archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
            if member.isfile()
        }


def refused(call: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_training(trip: Journey) -> None:
    trip.train("training", lines=4, seconds=0.2)
    waited = time.monotonic()
    trip.sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="training")
    assert time.monotonic() - waited < 100, "the waiter's own pauses are 120 s"
    job = trip.sagemaker.describe_training_job(TrainingJobName="training")
    assert job["TrainingJobStatus"] == "Completed"
    statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["FinalMetricDataList"][0]["MetricName"] == "train:loss"
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(0.25)
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://journey/output/training/output/model.tar.gz"
    assert unpacked(trip, "output/training/output/model.tar.gz") == {"model.txt": b"model"}
    assert unpacked(trip, "output/training/output/output.tar.gz") == {"rows.txt": b"10"}
    lines = trip.log(GROUP, "training/algo-1-")
    assert [line for line in lines if line.startswith("line")] == [
        f"line {number}#011loss={1 / (number + 1):.3f};" for number in range(4)
    ]
    assert any("ml.m5.large asked" in line for line in lines)
    work = trip.server.data_dir / "work"  # cleared away soon after the last status is there to be seen
    trip.until(lambda: list(work.glob("*training-0*training-*")), lambda left: not left, seconds=10)


def test_metrics_of_training_are_in_cloudwatch(trip: Journey) -> None:
    trip.train("measured")
    trip.trained("measured")
    now = datetime.now(UTC)
    points = trip.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="train:loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "measured"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=60,
        Statistics=["SampleCount"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 3


def test_logs_arrive_while_the_job_runs(trip: Journey) -> None:
    trip.train("chatty", lines=100, seconds=0.1)
    trip.until(lambda: trip.sagemaker.list_training_jobs(NameContains="chatty"), lambda seen: seen)
    trip.until(
        lambda: trip.sagemaker.describe_training_job(TrainingJobName="chatty")["SecondaryStatus"],
        lambda status: status == "Training",
    )
    time.sleep(1)
    lines = trip.log(GROUP, "chatty/")
    assert any(line.startswith("line 3") for line in lines)
    trip.sagemaker.stop_training_job(TrainingJobName="chatty")
    job = trip.trained("chatty")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert trip.log(GROUP, "chatty/")[-1] == "stopping"
    assert unpacked(trip, "output/chatty/output/model.tar.gz"), "what a stopped job wrote is kept"
    code, message = refused(trip.sagemaker.stop_training_job, TrainingJobName="chatty")
    assert (code, message) == (
        "ValidationException",
        "The request was rejected because the training job is in status Stopped.",
    )


def test_checkpoints_go_on_in_the_next_job(trip: Journey) -> None:
    for name in ("one", "two"):
        trip.train(f"checkpoint-{name}", checkpoint=name, CheckpointConfig={"S3Uri": "s3://journey/checkpoints"})
        assert trip.trained(f"checkpoint-{name}")["TrainingJobStatus"] == "Completed"
    assert "checkpoints=one" in trip.log(GROUP, "checkpoint-two/")
    kept = trip.s3.get_object(Bucket="journey", Key="checkpoints/seen.txt")["Body"].read()
    assert kept == b"onetwo"


def test_a_manifest(trip: Journey) -> None:
    for key, rows in (("a", 2), ("b", 3), ("c", 5)):
        trip.s3.put_object(Bucket="journey", Key=f"parts/{key}.csv", Body=b"1\n" * rows)
    manifest = json.dumps([{"prefix": "s3://journey/parts/"}, "a.csv", "c.csv"]).encode()
    trip.s3.put_object(Bucket="journey", Key="parts.manifest", Body=manifest)
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://journey/parts.manifest"}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    trip.train("manifest", InputDataConfig=[channel])
    assert trip.trained("manifest")["TrainingJobStatus"] == "Completed"
    assert "rows=7" in trip.log(GROUP, "manifest/")


def test_a_model_that_is_not_packed(trip: Journey) -> None:
    output = {"S3OutputPath": "s3://journey/plain", "CompressionType": "NONE"}
    trip.train("plain", model="unpacked", OutputDataConfig=output)
    artifacts = trip.trained("plain")["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifacts == "s3://journey/plain/plain/output/model/"
    source = {"S3Uri": artifacts, "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    trip.sagemaker.create_model(ModelName="plain", PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": "plain", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    trip.sagemaker.create_endpoint_config(EndpointConfigName="plain", ProductionVariants=[variant])
    trip.sagemaker.create_endpoint(EndpointName="plain", EndpointConfigName="plain")
    trip.in_service("plain")
    assert trip.invoke("plain")["model"] == "unpacked"
    trip.sagemaker.delete_endpoint(EndpointName="plain")


def test_max_runtime(trip: Journey) -> None:
    trip.train("endless", lines=1000, seconds=0.1, StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = trip.trained("endless")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["ModelArtifacts"]


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("code", {"exit": 3}, "AlgorithmError: , exit code: 3"),
        ("told", {"exit": 1, "failure": "no label column"}, "AlgorithmError: no label column, exit code: 1"),
        ("client", {"exit": 1, "failure": "ClientError: bad"}, "ClientError: bad"),
        ("image", {"AlgorithmSpecification": {"TrainingImage": "x:1", "TrainingInputMode": "File"}}, "ClientError: "),
        ("empty", {"uri": "s3://journey/nothing"}, "ClientError: "),
        ("bucket", {"uri": "s3://no-such-bucket/x"}, "ClientError: "),
    ],
)
def test_failures(trip: Journey, name: str, changes: dict[str, Any], words: str) -> None:
    trip.train(f"fails-{name}", **changes)
    with pytest.raises(WaiterError):
        trip.sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=f"fails-{name}")
    job = trip.sagemaker.describe_training_job(TrainingJobName=f"fails-{name}")
    assert job["TrainingJobStatus"] == "Failed"
    assert words in job["FailureReason"]


def test_wrong_requests(trip: Journey) -> None:
    describe = trip.sagemaker.describe_training_job
    assert refused(describe, TrainingJobName="none") == ("ValidationException", "Requested resource not found.")
    code, message = refused(trip.train, name="wrong", ResourceConfig={"InstanceType": "ml.q9.huge", "InstanceCount": 1})
    assert code == "ValidationException"
    assert "Member must satisfy enum value set" in message
    trip.train("taken")
    assert refused(trip.train, name="taken")[0] == "ResourceInUse"
    trip.trained("taken")


def test_an_endpoint_from_creation_to_deletion(trip: Journey, artifacts: dict[str, str]) -> None:
    trip.deploy("life", artifacts["first"], GREETING="hello")
    trip.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="life")
    answer = trip.invoke("life", a=1)
    assert answer["model"].strip() == "first"
    assert answer["environment"] == "hello"
    raw = trip.runtime.invoke_endpoint(
        EndpointName="life",
        ContentType="application/json",
        Accept="application/json;verbose=true",
        CustomAttributes="trace=1",
        Body=b"{}",
    )
    assert raw["InvokedProductionVariant"] == "AllTraffic"
    assert raw["ContentType"] == "application/json"
    assert raw["CustomAttributes"] == "trace=1,answered"
    assert b"verbose=true" in raw["Body"].read()

    trip.configure("life-2", artifacts["second"])
    seen: set[str] = set()
    with ThreadPoolExecutor(2) as pool:
        stop = time.monotonic() + 60
        updated = False

        def ask() -> None:
            while not updated and time.monotonic() < stop:
                seen.add(trip.invoke("life")["model"].strip())

        asking = [pool.submit(ask) for _ in range(2)]
        trip.sagemaker.update_endpoint(EndpointName="life", EndpointConfigName="life-2")
        trip.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="life")
        time.sleep(1)
        updated = True
        for one in asking:
            one.result()
    assert seen <= {"first", "second"}
    assert trip.invoke("life")["model"].strip() == "second"
    assert trip.sagemaker.describe_endpoint(EndpointName="life")["EndpointConfigName"] == "life-2"
    assert any("serving" in line for line in trip.log("/aws/sagemaker/Endpoints/life", "AllTraffic/i-"))

    trip.sagemaker.delete_endpoint(EndpointName="life")
    trip.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="life")
    assert refused(trip.invoke, endpoint="life") == (
        "ValidationError",
        "Endpoint life of account 000000000000 not found.",
    )


def test_model_errors(trip: Journey, artifacts: dict[str, str]) -> None:
    trip.deploy("errors", artifacts["first"])
    trip.in_service("errors")
    for status, side in ((400, "client"), (500, "server")):
        with pytest.raises(trip.runtime.exceptions.ModelError) as caught:
            trip.invoke("errors", status=status)
        response = caught.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert response["OriginalStatusCode"] == status
        assert '"model": "first"' in response["OriginalMessage"]
        assert response["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/errors")
        assert response["Error"]["Message"].startswith(f'Received {side} error ({status}) from primary with message "')
    with pytest.raises(trip.runtime.exceptions.ModelError) as caught:
        trip.invoke("errors", close=True)
    assert caught.value.response["OriginalStatusCode"] == 0
    assert trip.invoke("errors")["model"] == "first"
    largest = trip.runtime.invoke_endpoint(EndpointName="errors", ContentType="text/csv", Body=b"1" * 6_291_456)
    assert b"6291456" in largest["Body"].read()
    code, message = refused(trip.runtime.invoke_endpoint, EndpointName="errors", Body=b"1" * 6_291_457)
    assert code == "ValidationError"
    assert "at 'body' failed to satisfy constraint: Member must have length less than or equal to 6291456" in message
    code, message = refused(trip.runtime.invoke_endpoint, EndpointName="errors", TargetVariant="none", Body=b"")
    assert code == "ValidationError"
    trip.sagemaker.delete_endpoint(EndpointName="errors")


def test_endpoints_that_fail(trip: Journey, artifacts: dict[str, str]) -> None:
    trip.deploy("refuses", artifacts["first"], REFUSE="1")
    with pytest.raises(WaiterError):
        trip.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="refuses")
    reason = trip.sagemaker.describe_endpoint(EndpointName="refuses")["FailureReason"]
    assert reason.startswith("The primary container for production variant AllTraffic did not pass the ping health")
    assert "not today" in trip.log("/aws/sagemaker/Endpoints/refuses", "AllTraffic/")
    assert refused(trip.invoke, endpoint="refuses")[0] == "ValidationError"
    trip.sagemaker.delete_endpoint(EndpointName="refuses")
    code, message = refused(trip.configure, name="lost", model_data="s3://journey/lost/model.tar.gz")
    assert (code, message) == ("ValidationException", "Could not find model data at s3://journey/lost/model.tar.gz.")

    trip.s3.put_object(Bucket="journey", Key="broken/model.tar.gz", Body=b"this is no archive")
    trip.deploy("broken", "s3://journey/broken/model.tar.gz")
    trip.until(lambda: trip.status("broken"), lambda status: status == "Failed")
    assert (
        "s3://journey/broken/model.tar.gz" in trip.sagemaker.describe_endpoint(EndpointName="broken")["FailureReason"]
    )


def test_two_variants(trip: Journey, artifacts: dict[str, str]) -> None:
    for name, data in artifacts.items():
        container = {"Image": IMAGE, "ModelDataUrl": data}
        trip.sagemaker.create_model(ModelName=f"pair-{name}", PrimaryContainer=container)
    variants = [
        {
            "VariantName": name,
            "ModelName": f"pair-{name}",
            "InstanceType": "ml.t2.medium",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for name, weight in (("first", 1.0), ("second", 3.0))
    ]
    trip.sagemaker.create_endpoint_config(EndpointConfigName="pair", ProductionVariants=variants)
    trip.sagemaker.create_endpoint(EndpointName="pair", EndpointConfigName="pair")
    trip.in_service("pair")
    answers = [trip.invoke("pair")["model"] for _ in range(80)]
    assert 40 <= answers.count("second") <= 75
    target = trip.runtime.invoke_endpoint(EndpointName="pair", TargetVariant="first", Body=b"{}")
    assert target["InvokedProductionVariant"] == "first"
    trip.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="pair", DesiredWeightsAndCapacities=[{"VariantName": "first", "DesiredWeight": 0}]
    )
    trip.in_service("pair")
    assert {trip.invoke("pair")["model"] for _ in range(20)} == {"second"}
    trip.sagemaker.delete_endpoint(EndpointName="pair")
