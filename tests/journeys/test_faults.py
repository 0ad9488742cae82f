"""kill -9 of the server and of agents, at any time: jobs complete, endpoints serve, no log line is lost or doubled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import GROUP, Journey, journey


@pytest.fixture
def trip(tmp_path: Path) -> Iterator[Journey]:
    with journey(tmp_path / "server") as made:
        made.data()
        yield made


def numbered(lines: list[str]) -> list[str]:
    return [line.split("\t")[0].split("#")[0] for line in lines if line.startswith("line")]


@pytest.mark.parametrize("moments", [(0.0, 0.2), (0.3, 0.6), (1.0, 0.1, 0.1)])
def test_server_killed_during_training(trip: Journey, moments: tuple[float, ...]) -> None:
    trip.train("job", lines=40, seconds=0.05)
    for moment in moments:
        time.sleep(moment)
        trip.kill_and_restart()
    job = trip.trained("job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert numbered(trip.log(GROUP, "job/")) == [f"line {number}" for number in range(40)]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://journey/output/job/output/model.tar.gz"
    trip.s3.head_object(Bucket="journey", Key="output/job/output/model.tar.gz")
    points = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert points["train:loss"] == pytest.approx(0.025)


def test_the_job_ends_while_the_server_is_away(trip: Journey) -> None:
    trip.train("job", lines=10, seconds=0.05)
    trip.until(lambda: trip.agents("job"), bool)
    trip.kill_and_restart(away=3)
    job = trip.trained("job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert numbered(trip.log(GROUP, "job/")) == [f"line {number}" for number in range(10)]
    assert job["TrainingTimeInSeconds"] >= 1


def test_stop_asked_for_just_before_the_server_is_killed(trip: Journey) -> None:
    trip.train("job", lines=1000, seconds=0.05)
    trip.until(lambda: trip.log(GROUP, "job/") if trip.agents("job") else [], bool)
    trip.sagemaker.stop_training_job(TrainingJobName="job")
    trip.kill_and_restart()
    assert trip.trained("job")["TrainingJobStatus"] == "Stopped"


def test_server_killed_during_serving(trip: Journey) -> None:
    trip.train("model")
    data = trip.trained("model")["ModelArtifacts"]["S3ModelArtifacts"]
    trip.deploy("endpoint", data)
    trip.in_service("endpoint")
    before = trip.invoke("endpoint")
    trip.kill_and_restart()
    assert trip.status("endpoint") == "InService"
    after = trip.invoke("endpoint")
    assert after["server"] == before["server"], "the model server outlives the server"
    assert trip.log("/aws/sagemaker/Endpoints/endpoint", "AllTraffic/").count("serving model") == 1


@pytest.mark.parametrize("moment", [0.0, 0.15, 0.5])
def test_server_killed_while_an_endpoint_is_created(trip: Journey, moment: float) -> None:
    trip.train("model")
    data = trip.trained("model")["ModelArtifacts"]["S3ModelArtifacts"]
    trip.deploy("endpoint", data, SLOW="0.5")
    time.sleep(moment)
    trip.kill_and_restart()
    trip.in_service("endpoint")
    assert trip.invoke("endpoint")["model"] == "model"
    assert len(trip.agents("endpoint")) == 1


def test_server_killed_while_an_endpoint_is_deleted(trip: Journey) -> None:
    trip.train("model")
    data = trip.trained("model")["ModelArtifacts"]["S3ModelArtifacts"]
    trip.deploy("endpoint", data)
    trip.in_service("endpoint")
    trip.sagemaker.delete_endpoint(EndpointName="endpoint")
    trip.kill_and_restart()

    def gone() -> bool:
        try:
            trip.status("endpoint")
        except ClientError as error:
            return "Could not find endpoint" in str(error)
        return False

    trip.until(gone, bool)
    assert trip.agents("endpoint") == []


def test_agent_killed_during_training(trip: Journey) -> None:
    trip.train("job", lines=1000, seconds=0.05)
    (agent,) = trip.until(lambda: trip.agents("job"), bool)
    trip.until(
        lambda: trip.sagemaker.describe_training_job(TrainingJobName="job")["SecondaryStatus"], "Training".__eq__
    )
    os.kill(agent, signal.SIGKILL)
    job = trip.trained("job")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    trip.train("next")
    assert trip.trained("next")["TrainingJobStatus"] == "Completed", "the machine is free again"


def test_agent_killed_during_serving(trip: Journey) -> None:
    trip.train("model")
    data = trip.trained("model")["ModelArtifacts"]["S3ModelArtifacts"]
    trip.deploy("endpoint", data)
    trip.in_service("endpoint")
    before = trip.invoke("endpoint")
    (agent,) = trip.agents("endpoint")
    os.kill(agent, signal.SIGKILL)

    def replaced() -> bool:
        try:
            return bool(trip.invoke("endpoint")["server"] != before["server"])
        except (trip.runtime.exceptions.ModelError, trip.runtime.exceptions.ServiceUnavailable):
            return False

    trip.until(replaced, bool)
    assert trip.status("endpoint") == "InService"


def test_jobs_wait_for_the_machine_and_keep_their_order(trip: Journey) -> None:
    for name in ("one", "two", "three"):
        trip.train(name, lines=10, seconds=0.05, ResourceConfig={"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1})
    statuses = {
        name: trip.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] for name in ("two", "three")
    }
    assert set(statuses.values()) <= {"Starting", "Pending"}
    trip.until(
        lambda: trip.sagemaker.describe_training_job(TrainingJobName="two")["SecondaryStatus"], "Pending".__eq__, 5
    )
    trip.kill_and_restart()
    ended = [trip.trained(name) for name in ("one", "two", "three")]
    assert [job["TrainingJobStatus"] for job in ended] == ["Completed"] * 3
    assert ended[0]["TrainingEndTime"] <= ended[1]["TrainingStartTime"]
    assert ended[1]["TrainingEndTime"] <= ended[2]["TrainingStartTime"]
