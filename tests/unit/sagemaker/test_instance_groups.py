"""Heterogeneous clusters over a fake backend: groups of instances, and channels for some of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import World, training_request

from sagewright.core.errors import AwsError


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def group(name: str, kind: str, count: int) -> dict[str, Any]:
    return {"InstanceGroupName": name, "InstanceType": kind, "InstanceCount": count}


GROUPS = [group("readers", "ml.t3.medium", 2), group("learners", "ml.c5.large", 1)]


def channel(name: str, *groups: str, distribution: str = "FullyReplicated") -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/{name}", "S3DataDistributionType": distribution}
    return {"ChannelName": name, "DataSource": {"S3DataSource": {**source, "InstanceGroupNames": list(groups)}}}


def create(world: World, *channels: dict[str, Any], groups: list[dict[str, Any]] = GROUPS, **more: Any) -> None:
    resources = {"InstanceGroups": groups, "VolumeSizeInGB": 5, **more}
    world.call("create_training_job", **training_request(InputDataConfig=list(channels), ResourceConfig=resources))


def test_groups_share_a_job(world: World) -> None:
    rows = channel("rows", "readers", distribution="ShardedByS3Key")
    create(world, rows, channel("labels", "learners"), channel("all", "readers", "learners"))
    world.run(0.25)
    works = {run.workload.hostname: run.workload for run in world.runs.values()}
    assert {host: [each.name for each in work.channels] for host, work in works.items()} == {
        "algo-1": ["rows", "all"],
        "algo-2": ["rows", "all"],
        "algo-3": ["labels", "all"],
    }
    shards = [works[host].channels[0].source for host in ("algo-1", "algo-2")]
    assert [(each.shard, each.shards) for each in shards] == [(0, 2), (1, 2)]  # type: ignore[union-attr]
    assert set(works["algo-3"].config["inputdataconfig"]) == {"labels", "all"}
    config = works["algo-3"].config["resourceconfig"]
    assert (config["current_instance_type"], config["current_group_name"]) == ("ml.c5.large", "learners")
    assert config["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert config["instance_groups"] == [
        {"instance_group_name": "readers", "instance_type": "ml.t3.medium", "hosts": ["algo-1", "algo-2"]},
        {"instance_group_name": "learners", "instance_type": "ml.c5.large", "hosts": ["algo-3"]},
    ]
    assert any("2 x ml.t3.medium asked" in line for line in works["algo-1"].log_header)
    assert any(line.startswith("ml.c5.large asked") for line in works["algo-3"].log_header)
    world.run(3)
    job = world.call("describe_training_job", TrainingJobName="job")
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ResourceConfig"]["InstanceGroups"] == GROUPS


@pytest.mark.parametrize(
    ("channels", "changes", "words"),
    [
        ([channel("rows", "nobody")], {}, "Channel rows: there is no instance group nobody in ResourceConfig"),
        ([], {"InstanceType": "ml.m5.large"}, "InstanceGroups, or InstanceType and InstanceCount, not both"),
        ([], {"groups": [GROUPS[0], GROUPS[0]]}, "Instance group names must be unique, and readers"),
    ],
)
def test_groups_that_do_not_fit_together(
    world: World, channels: list[dict[str, Any]], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(AwsError, match=words):
        create(world, *channels, **changes)
