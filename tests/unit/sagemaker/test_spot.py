"""Managed spot training and retries over a fake backend: what happens to a job that loses its instances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import ACCOUNT, REGION, World, training_request

from sagewright.core.errors import AwsError
from sagewright.kit import interruptions
from sagewright.runtime.fake import Script
from sagewright.runtime.observation import Failure
from sagewright.runtime.workload import Workload
from sagewright.services.sagemaker import Spot

CHECKPOINTS = {"S3Uri": "s3://bucket/checkpoints", "LocalPath": "/opt/ml/checkpoints"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def create(world: World, wait: int = 3600, **changes: Any) -> None:
    stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": wait}
    members = {"EnableManagedSpotTraining": True, "StoppingCondition": stopping, "CheckpointConfig": CHECKPOINTS}
    world.call("create_training_job", **training_request(**{**members, **changes}))


def describe(world: World, name: str = "job") -> dict[str, Any]:
    return world.call("describe_training_job", TrainingJobName=name)


def history(job: dict[str, Any]) -> list[str]:
    return [each["Status"] for each in job["SecondaryStatusTransitions"]]


def interrupt(world: World) -> None:
    interruptions.ask(world.folder, ACCOUNT, REGION, "job")


def test_an_interrupted_job_goes_on_elsewhere(world: World) -> None:
    launched: list[Workload] = []

    def script(workload: Workload) -> Script:
        launched.append(workload)
        return Script(running=30 if len(launched) == 1 else 10, logs=((0.5, f"attempt {len(launched)}"),))

    world.script = script
    create(world)
    world.run(10)
    interrupt(world)
    world.run(3)
    job = describe(world)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Training")
    assert not interruptions.asked(world.folder, ACCOUNT, REGION, "job")
    world.run(10)
    job = describe(world)
    assert job["TrainingJobStatus"] == "Completed"
    assert history(job) == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert job["SecondaryStatusTransitions"][3]["EndTime"] >= job["SecondaryStatusTransitions"][3]["StartTime"]
    assert 19 <= job["TrainingTimeInSeconds"] <= 22
    assert job["BillableTimeInSeconds"] == round(0.3 * job["TrainingTimeInSeconds"])
    assert launched[0].id != launched[1].id
    assert launched[0].max_runtime == 60
    assert 49 <= launched[1].max_runtime <= 51, "what is left of MaxRuntimeInSeconds"
    assert [each.name for each in launched[1].channels] == ["train", "checkpoints"]
    assert [line for line in world.log("/aws/sagemaker/TrainingJobs") if "attempt" in line] == [
        "attempt 1",
        "attempt 2",
    ]
    assert not world.runs


def test_the_time_without_instances_costs_nothing(world: World) -> None:
    world.script = lambda workload: Script(running=10)
    create(world, ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5})
    world.run(5)
    interrupt(world)
    big = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    world.script = lambda workload: Script(running=20 if "other" in workload.id else 10)
    world.call("create_training_job", **training_request("other", ResourceConfig=big))
    world.run(60)
    job = describe(world)
    assert job["TrainingJobStatus"] == "Completed"
    assert history(job).count("Interrupted") == 1
    assert "Pending" in history(job), "the other job came in between"
    assert job["TrainingTimeInSeconds"] >= 34
    assert 4 <= job["BillableTimeInSeconds"] <= 5, "15 seconds on instances, at 0.3 of the price"


def test_a_job_that_ends_within_the_notice_is_complete(world: World) -> None:
    world.script = lambda workload: Script(running=10, heeds_stop=False)
    create(world)
    world.run(9)
    interrupt(world)
    world.run(5)
    assert history(describe(world))[-2:] == ["Uploading", "Completed"]


def test_chance_interrupts_as_often_as_it_is_set_to(tmp_path: Path) -> None:
    world = World(tmp_path, spot=Spot(tmp_path, rate=3600))
    attempts: list[str] = []

    def script(workload: Workload) -> Script:
        attempts.append(workload.id)
        return Script(running=3)

    world.script = script
    create(world)
    world.run(600)
    job = describe(world)
    assert job["TrainingJobStatus"] == "Completed"
    assert len(set(attempts)) == len(attempts) == 1 + history(job).count("Interrupted")


def test_the_wait_has_an_end(world: World) -> None:
    world.script = lambda workload: Script(downloading=5, running=60)
    create(world, wait=61)
    world.run(40)
    interrupt(world)
    world.run(40)
    job = describe(world)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert not world.runs


def test_the_wait_ends_in_the_line_too(world: World) -> None:
    world.script = lambda workload: Script(running=600)
    whole = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    world.call("create_training_job", **training_request("first", ResourceConfig=whole))
    world.run(1)
    create(world, wait=60)
    world.run(70)
    assert history(describe(world)) == ["Starting", "Pending", "MaxWaitTimeExceeded"]


def test_a_stop_is_the_end_of_an_interrupted_job(world: World) -> None:
    world.script = lambda workload: Script(running=600, heeds_stop=False)
    create(world, StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600})
    world.run(5)
    interrupt(world)
    world.run(1)
    world.call("stop_training_job", TrainingJobName="job")
    world.run(130)
    assert describe(world)["TrainingJobStatus"] == "Stopped"


def test_a_server_killed_while_a_job_is_interrupted_goes_on(world: World) -> None:
    world.script = lambda workload: Script(running=20)
    create(world)
    world.run(5)
    interrupt(world)
    world.run(0.1)
    world.kill()
    world.start()
    world.run(30)
    job = describe(world)
    assert job["TrainingJobStatus"] == "Completed"
    assert history(job).count("Interrupted") == 1
    assert not world.runs


def test_jobs_on_demand_are_never_interrupted(world: World) -> None:
    world.script = lambda workload: Script(running=5)
    world.call("create_training_job", **training_request())
    world.run(1)
    interrupt(world)
    world.run(10)
    job = describe(world)
    assert job["TrainingJobStatus"] == "Completed"
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"]


@pytest.mark.parametrize(("retries", "status"), [(2, "Completed"), (1, "Failed")])
def test_an_internal_error_is_tried_again_as_often_as_asked(world: World, retries: int, status: str) -> None:
    launched: list[str] = []

    def script(workload: Workload) -> Script:
        launched.append(workload.id)
        lost = Failure("InternalServerError", "the node is gone") if len(launched) < 3 else None
        return Script(running=1, failure=lost)

    world.script = script
    world.call("create_training_job", **training_request(RetryStrategy={"MaximumRetryAttempts": retries}))
    world.run(10)
    job = describe(world)
    assert job["TrainingJobStatus"] == status
    assert history(job).count("Restarting") == retries
    assert len(launched) == retries + 1


def test_a_users_error_is_not_tried_again(world: World) -> None:
    world.script = lambda workload: Script(running=1, failure=Failure("AlgorithmError", "no"))
    world.call("create_training_job", **training_request(RetryStrategy={"MaximumRetryAttempts": 5}))
    world.run(5)
    assert "Restarting" not in history(describe(world))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "Invalid MaxWaitTimeInSeconds"),
        ({"EnableManagedSpotTraining": False}, "MaxWaitTimeInSeconds is only for jobs with managed spot training"),
    ],
)
def test_waiting_goes_with_spot(world: World, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words):
        create(world, **changes)
