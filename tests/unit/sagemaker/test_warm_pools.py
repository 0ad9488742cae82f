"""Warm pools over a fake backend: what stays reserved after a job, and who gets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import World, training_request

from sagewright.core.errors import AwsError
from sagewright.runtime.workload import NOTHING


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def create(world: World, name: str, keep: int = 60, kind: str = "ml.m5.large", count: int = 1) -> None:
    resources = {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 5, "KeepAlivePeriodInSeconds": keep}
    world.call("create_training_job", **training_request(name, ResourceConfig=resources))


def pool(world: World, name: str) -> dict[str, Any]:
    answer = world.call("describe_training_job", TrainingJobName=name)
    return dict(answer.get("WarmPoolStatus") or {})


def test_a_pool_waits_and_ends(world: World) -> None:
    create(world, "one")
    world.run(0.5)
    assert pool(world, "one")["Status"] == "InUse"
    world.run(2)
    assert pool(world, "one")["Status"] == "Available"
    assert world.admission.used() != NOTHING
    world.run(62)
    ended = pool(world, "one")
    assert (ended["Status"], ended["ResourceRetainedBillableTimeInSeconds"]) == ("Terminated", 60)
    assert world.admission.used() == NOTHING


def test_the_next_job_that_matches_takes_it(world: World) -> None:
    create(world, "one")
    world.run(3)
    create(world, "two")
    world.run(0.5)
    first = pool(world, "one")
    assert (first["Status"], first["ReusedByJob"]) == ("Reused", "two")
    assert pool(world, "two")["Status"] == "InUse"
    world.run(3)
    assert pool(world, "two")["Status"] == "Available"
    found = world.call("list_training_jobs", WarmPoolStatusEquals="Available")["TrainingJobSummaries"]
    assert [each["TrainingJobName"] for each in found] == ["two"]
    found = world.call("list_training_jobs", WarmPoolStatusEquals="Reused")["TrainingJobSummaries"]
    assert found[0]["WarmPoolStatus"]["ReusedByJob"] == "two"


@pytest.mark.parametrize("changes", [{"kind": "ml.m5.xlarge"}, {"count": 2}, {"keep": 0}])
def test_one_that_does_not_match_leaves_it(world: World, changes: dict[str, Any]) -> None:
    create(world, "one", kind="ml.c5.large")
    world.run(3)
    create(world, "two", **{"kind": "ml.c5.large", **changes})
    world.run(0.5)
    assert pool(world, "one")["Status"] in ("Available", "Terminated")


def test_a_pool_gives_way_to_a_job_that_finds_no_place(world: World) -> None:
    create(world, "one", count=2)
    world.run(3)
    assert pool(world, "one")["Status"] == "Available"
    create(world, "large", keep=0, kind="ml.m5.xlarge")
    world.run(3)
    assert pool(world, "one")["Status"] == "Terminated"
    assert world.call("describe_training_job", TrainingJobName="large")["TrainingJobStatus"] == "Completed"


def test_a_pool_is_kept_over_a_restart_and_can_be_prolonged(world: World) -> None:
    create(world, "one")
    world.run(10)
    world.kill()
    world.start()
    world.run(0.5)
    assert world.admission.used() != NOTHING
    world.call("update_training_job", TrainingJobName="one", ResourceConfig={"KeepAlivePeriodInSeconds": 100})
    world.run(70)
    assert pool(world, "one")["Status"] == "Available"
    described = world.call("describe_training_job", TrainingJobName="one")
    assert described["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 100
    world.call("update_training_job", TrainingJobName="one", ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    world.run(0.5)
    assert pool(world, "one")["Status"] == "Terminated"
    with pytest.raises(AwsError, match="no warm pool whose retention"):
        world.call("update_training_job", TrainingJobName="one", ResourceConfig={"KeepAlivePeriodInSeconds": 9})


def test_a_deleted_job_takes_its_pool_with_it(world: World) -> None:
    create(world, "one")
    world.run(3)
    world.call("delete_training_job", TrainingJobName="one")
    assert world.admission.used() == NOTHING
    create(world, "one")
    world.run(3)
    assert pool(world, "one")["Status"] == "Available"
