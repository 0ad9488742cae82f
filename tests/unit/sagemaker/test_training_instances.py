"""Training on several instances over the fake backend, and what their observations amount to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sagemaker_world import World, training_request

from sagewright.core.errors import AwsError
from sagewright.runtime.backend import Capabilities
from sagewright.runtime.fake import Script
from sagewright.runtime.observation import Failure, Observation, Step, observed
from sagewright.runtime.workload import Workload
from sagewright.services.sagemaker.jobs.cluster import Cluster
from sagewright.services.sagemaker.jobs.instances import cause, common_steps, ending

GROUP = "/aws/sagemaker/TrainingJobs"
TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
SHARDED = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train", "S3DataDistributionType": "ShardedByS3Key"}


def describe(world: World) -> dict[str, Any]:
    return world.call("describe_training_job", TrainingJobName="job")


def create(world: World, **changes: Any) -> None:
    world.call("create_training_job", **training_request(ResourceConfig=TWO, **changes))


def by_host(world: World, scripts: dict[str, Script]) -> None:
    world.script = lambda workload: scripts[workload.hostname]


def seen(*steps: tuple[float, str], **last: Any) -> Observation:
    found = [Step(at, name) for at, name in steps]
    found[-1] = Step(found[-1].at, found[-1].name, detail=last)
    return observed(Workload("w", "batch", ("x",)), tuple(found), alive=True)


def test_hosts_are_in_the_order_of_the_alphabet() -> None:
    assert Cluster.of_one("ml.m5.large", 1).hosts == ["algo-1"]
    assert Cluster.of_one("ml.m5.large", 10).hosts[:3] == ["algo-1", "algo-10", "algo-2"]


def test_the_job_is_as_far_as_the_last_of_them() -> None:
    ahead = seen((1, "Starting"), (2, "Downloading"), (3, "Training"), (9, "Uploading"))
    behind = seen((1.5, "Starting"), (5, "Downloading"), (6, "Training"))
    assert [(step.at, step.name) for step in common_steps([ahead, behind])] == [
        (1.5, "Starting"),
        (5, "Downloading"),
        (6, "Training"),
    ]


def test_what_ends_the_job() -> None:
    running = seen((1, "Starting"), (2, "Training"))
    assert not ending([running, seen((1, "Training"), (2, "Uploading"), exit_code=0, failing=False)])
    assert ending([running, seen((1, "Training"), (2, "Uploading"), exit_code=1, failing=True)])
    assert ending([running, seen((1, "Training"), (2, "MaxRuntimeExceeded"))])


def test_the_first_failure_counts() -> None:
    first = seen((1, "Training"), (2, "Uploading"), (9, "Failed"), since=1.9)
    second = seen((1, "Training"), (2.1, "Uploading"), (2.2, "Failed"), since=2.05)
    assert cause([second, first]) is first
    assert cause([seen((3, "Completed"))]) is None


def test_what_dies_of_another_ones_stop_is_no_failure() -> None:
    stopped = seen((1, "Training"), (2, "MaxRuntimeExceeded"), (2, "Stopping"), (3, "Stopped"))
    died = seen((1, "Training"), (2.5, "Uploading"), (3, "Failed"), since=2.4)
    assert cause([stopped, died]) is None
    before = seen((1, "Training"), (1.9, "Uploading"), (3, "Failed"), since=1.8)
    assert cause([stopped, before]) is before
    upload = seen((1, "Training"), (2.5, "Uploading"), (3, "Failed"))
    assert cause([stopped, upload]) is upload, "an upload does not fail of that"


def test_each_instance_is_told_of_all(world: World) -> None:
    create(world, InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": SHARDED}}])
    world.run(0.5)
    first, second = (run.workload for run in world.runs.values())
    assert (first.hostname, second.hostname) == ("algo-1", "algo-2")
    assert first.job == second.job
    assert dict(first.hosts) == {"algo-1": first.address, "algo-2": second.address}
    assert first.address != second.address
    for work in (first, second):
        assert json.loads(work.env["SAGEWRIGHT_HOSTS"]) == dict(first.hosts)
        assert work.env["SAGEWRIGHT_JOB_TOKEN"] == first.env["SAGEWRIGHT_JOB_TOKEN"]
        assert work.config["resourceconfig"] == {
            "current_host": work.hostname,
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1", "algo-2"],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.m5.large",
                    "hosts": ["algo-1", "algo-2"],
                }
            ],
            "network_interface_name": "lo",
        }
    assert len(first.env["SAGEWRIGHT_JOB_TOKEN"]) >= 32
    assert [(work.channels[0].source.shard, work.channels[0].source.shards) for work in (first, second)] == [
        (0, 2),
        (1, 2),
    ]
    assert dict(first.gathers) == {"algo-2": second.id}
    assert [upload.source for upload in first.uploads] == ["model", "output/data"]
    assert (second.uploads, dict(second.gathers)) == ((), {})


def test_all_their_logs_and_metrics(world: World) -> None:
    lines = {"algo-1": ((1, "[0]\ttrain-rmse:2.0"),), "algo-2": ((2, "[1]\ttrain-rmse:1.0"),)}
    by_host(world, {host: Script(downloading=1, running=4, logs=logs) for host, logs in lines.items()})
    create(world)
    world.run(8)
    ended = describe(world)
    assert ended["TrainingJobStatus"] == "Completed"
    assert ended["BillableTimeInSeconds"] == ended["TrainingTimeInSeconds"] == 5
    assert [metric["Value"] for metric in ended["FinalMetricDataList"]] == [1.0], "the last of all"
    for host, at in (("algo-1", 2.0), ("algo-2", 1.0)):
        assert f"train-rmse:{at}" in world.log(GROUP, f"job/{host}-")[-1]
    assert not world.runs
    assert world.admission.used().vcpus == 0


def test_a_failing_instance_stops_the_others(world: World) -> None:
    ill = Script(running=2, failure=Failure("ClientError", "mine"), exit_code=1)
    by_host(world, {"algo-1": Script(running=100, heeds_stop=False), "algo-2": ill})
    create(world)
    world.run(5)
    assert describe(world)["TrainingJobStatus"] == "InProgress", "the deaf one has its grace"
    world.run(120)
    ended = describe(world)
    assert (ended["TrainingJobStatus"], ended["FailureReason"]) == ("Failed", "ClientError: mine")
    assert "Stopping" not in [transition["Status"] for transition in ended["SecondaryStatusTransitions"]]


def test_stop_reaches_one_that_has_not_begun(world: World) -> None:
    by_host(world, {"algo-1": Script(running=100), "algo-2": Script(downloading=100)})
    create(world)
    world.run(2)
    assert describe(world)["SecondaryStatus"] == "Downloading"
    world.call("stop_training_job", TrainingJobName="job")
    world.run(2)
    assert describe(world)["TrainingJobStatus"] == "Stopped"


def test_max_runtime_while_one_has_not_begun(world: World) -> None:
    by_host(world, {"algo-1": Script(running=100), "algo-2": Script(downloading=100)})
    create(world, StoppingCondition={"MaxRuntimeInSeconds": 3})
    world.run(6)
    ended = describe(world)
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


@pytest.mark.parametrize("moment", [0.0, 0.25, 2.0, 4.0])
def test_a_killed_server(world: World, moment: float) -> None:
    world.script = lambda workload: Script(
        downloading=1, running=3, logs=tuple((at / 10, f"line {at}") for at in range(30))
    )
    create(world)
    world.run(moment)
    world.kill()
    world.start()
    world.run(10)
    assert describe(world)["TrainingJobStatus"] == "Completed"
    for host in ("algo-1", "algo-2"):
        lines = [line for line in world.log(GROUP, f"job/{host}-") if line.startswith("line")]
        assert lines == [f"line {at}" for at in range(30)]
    assert not world.runs


def test_a_server_killed_between_two_launches(world: World) -> None:
    """The second has the same addresses and secret as the first."""
    create(world)
    world.run(0.25)
    launched = next(iter(world.runs.values())).workload
    del world.runs[f"{launched.job}-algo-2"]
    document = _document(world)
    state = {name: value for name, value in document.body["state"].items() if name not in ("Launched", "Logs")}
    world.store.documents.update(document, body={**document.body, "state": state}, status="InProgress")
    world.kill()
    world.start()
    world.run(0.25)
    first, second = (run.workload for run in world.runs.values())
    assert first is launched
    assert dict(second.hosts) == dict(first.hosts)
    assert second.env["SAGEWRIGHT_JOB_TOKEN"] == first.env["SAGEWRIGHT_JOB_TOKEN"]


def _document(world: World) -> Any:
    (document,) = world.store.documents.with_status("sagemaker:training-job", ("InProgress",))
    return document


def test_isolated_instances_share_a_network(world: World, make_world: Any) -> None:
    create(world, EnableNetworkIsolation=True)
    world.run(0.25)
    first, second = (run.workload for run in world.runs.values())
    assert first.network_isolation
    assert second.network_isolation
    assert first.network == second.network == (first.id, second.id)
    unable = make_world(capabilities=Capabilities(network_isolation=True))
    with pytest.raises(AwsError, match="EnableNetworkIsolation with several instances needs nsenter"):
        create(unable, EnableNetworkIsolation=True)
