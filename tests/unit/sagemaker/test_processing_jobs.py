"""Processing jobs over a fake backend: what is taken, what runs, how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import ROLE, World

from sagewright.core.errors import AwsError
from sagewright.runtime.backend import Capabilities
from sagewright.runtime.fake import Script
from sagewright.runtime.observation import Failure
from sagewright.runtime.workload import Workload

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def source(name: str = "data", **members: Any) -> dict[str, Any]:
    place = {"S3Uri": "s3://bucket/in", "S3DataType": "S3Prefix", "LocalPath": f"/opt/ml/processing/input/{name}"}
    return {"InputName": name, "S3Input": {**place, "S3InputMode": "File", **members}}


def target(name: str = "result", **members: Any) -> dict[str, Any]:
    place = {"S3Uri": f"s3://bucket/out/{name}/", "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": {**place, **members}}


def processing_request(name: str = "job", count: int = 1, **changes: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 5}
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
            "ContainerArguments": ["--ratio", "0.2"],
        },
        "ProcessingResources": {"ClusterConfig": cluster},
        **changes,
    }


def create(world: World, **changes: Any) -> dict[str, Any]:
    return world.call("create_processing_job", **processing_request(**changes))


def describe(world: World, name: str = "job") -> dict[str, Any]:
    return world.call("describe_processing_job", ProcessingJobName=name)


def refused(world: World, **changes: Any) -> str:
    with pytest.raises(AwsError) as caught:
        create(world, **changes)
    assert caught.value.code == "ValidationException"
    assert not world.call("list_processing_jobs")["ProcessingJobSummaries"]
    return caught.value.message


def test_a_job_runs_to_its_end_and_is_described(world: World) -> None:
    world.script = lambda workload: Script(running=3, logs=((0.5, "hello"),))
    created = create(world, ProcessingInputs=[source()], ProcessingOutputConfig={"Outputs": [target()]})
    assert created == {"ProcessingJobArn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/job"}
    assert describe(world)["ProcessingJobStatus"] == "InProgress"
    world.run(5)
    job = describe(world)
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    assert job["ProcessingInputs"][0]["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
    assert job["ProcessingOutputConfig"]["Outputs"][0]["AppManaged"] is False
    assert 2.9 < job["ProcessingEndTime"] - job["ProcessingStartTime"] < 3.5
    assert not {name for name in job if name.startswith("Training") or name == "SecondaryStatus"}
    assert world.log("/aws/sagemaker/ProcessingJobs", "job/algo-1-")[-1:] == ["hello"]


def test_the_workload_is_the_containers_contract(world: World) -> None:
    create(
        world,
        ProcessingInputs=[source(), source("piped", S3InputMode="Pipe", S3CompressionType="Gzip")],
        ProcessingOutputConfig={"Outputs": [target(), target("log", S3UploadMode="Continuous")]},
        Environment={"MODE": "fast"},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    world.run(0.25)
    (run,) = world.runs.values()
    work = run.workload
    assert work.command == ("python3", "/opt/ml/processing/input/code/script.py", "--ratio", "0.2")
    assert work.setup[1:] == ("-m", "framework", "setup")
    assert work.env["MODE"] == "fast"
    assert work.env["AWS_REGION"] == "us-east-1"
    assert [(each.folder, each.input_mode, each.compression) for each in work.channels] == [
        ("processing/input/data", "File", "None"),
        ("processing/input/piped", "Pipe", "Gzip"),
    ]
    assert [(each.source, each.uri, each.form, each.continuous, each.on_failure) for each in work.uploads] == [
        ("processing/result", "s3://bucket/out/result", "files", False, False),
        ("processing/log", "s3://bucket/out/log", "files", True, True),
    ]
    assert (work.max_runtime, work.network_isolation, work.exit_message) == (60, True, True)
    assert work.config_folder == "config"
    assert work.config["resourceconfig"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    described = work.config["processingjobconfig"]
    assert described["ProcessingJobArn"].endswith("processing-job/job")
    assert described["AppSpecification"]["ContainerArguments"] == ["--ratio", "0.2"]
    assert described["Environment"] == {"MODE": "fast"}


def test_several_instances_share_what_is_sharded_and_store_what_they_wrote(world: World) -> None:
    inputs = [source(S3DataDistributionType="ShardedByS3Key"), source("all")]
    create(world, count=2, ProcessingInputs=inputs, ProcessingOutputConfig={"Outputs": [target()]})
    world.run(0.25)
    works = [run.workload for run in world.runs.values()]
    assert [[(c.source.shard, c.source.shards) for c in work.channels] for work in works] == [  # type: ignore[union-attr]
        [(0, 2), (0, 1)],
        [(1, 2), (0, 1)],
    ]
    assert all(len(work.uploads) == 1 and not work.gathers for work in works)
    assert works[0].hosts == works[1].hosts
    assert set(works[0].hosts) == {"algo-1", "algo-2"}
    world.run(2)
    assert describe(world)["ProcessingJobStatus"] == "Completed"


def test_one_instances_failure_is_the_jobs(world: World) -> None:
    def script(workload: Workload) -> Script:
        failing = workload.hostname == "algo-2"
        return Script(running=1 if failing else 60, failure=Failure("AlgorithmError", "why") if failing else None)

    world.script = script
    create(world, count=2)
    world.run(5)
    job = describe(world)
    assert (job["ProcessingJobStatus"], job["FailureReason"]) == ("Failed", "AlgorithmError: why")
    assert not world.runs


def test_stop_delete_and_the_limit_of_time(world: World) -> None:
    world.script = lambda workload: Script(running=600)
    create(world)
    create(world, name="long", StoppingCondition={"MaxRuntimeInSeconds": 3})
    world.run(1)
    with pytest.raises(AwsError, match="processing job is in status InProgress") as caught:
        world.call("delete_processing_job", ProcessingJobName="job")
    assert caught.value.code == "ResourceInUse"
    world.call("stop_processing_job", ProcessingJobName="job")
    assert describe(world)["ProcessingJobStatus"] == "Stopping"
    world.run(6)
    assert [describe(world, name)["ProcessingJobStatus"] for name in ("job", "long")] == ["Stopped", "Stopped"]
    with pytest.raises(AwsError, match="in status Stopped"):
        world.call("stop_processing_job", ProcessingJobName="job")
    world.call("delete_processing_job", ProcessingJobName="job")
    with pytest.raises(AwsError, match="Could not find requested job with name: job"):
        describe(world)


def test_lists_tags_and_names_taken(world: World) -> None:
    arn = create(world, Tags=[{"Key": "team", "Value": "a"}])["ProcessingJobArn"]
    create(world, name="other")
    with pytest.raises(AwsError, match="Job name must be unique") as caught:
        create(world)
    assert caught.value.code == "ResourceInUse"
    found = world.call("list_processing_jobs", SortBy="Name", SortOrder="Ascending", MaxResults=1)
    assert [each["ProcessingJobName"] for each in found["ProcessingJobSummaries"]] == ["job"]
    found = world.call("list_processing_jobs", SortBy="Name", SortOrder="Ascending", NextToken=found["NextToken"])
    assert [each["ProcessingJobName"] for each in found["ProcessingJobSummaries"]] == ["other"]
    assert world.call("list_tags", ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]


def test_a_killed_server_goes_on_where_it_was(world: World) -> None:
    world.script = lambda workload: Script(running=5, logs=((0.5, "one"), (4, "two")))
    create(world)
    world.run(2)
    world.kill()
    world.start()
    world.run(5)
    assert describe(world)["ProcessingJobStatus"] == "Completed"
    assert world.log("/aws/sagemaker/ProcessingJobs")[-2:] == ["one", "two"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ProcessingInputs": [source(), source()]}, "Processing input names must be unique, and data"),
        (
            {"ProcessingInputs": [source(), source("b", LocalPath="/opt/ml/processing/input/data/")]},
            "LocalPath values of processing inputs must be unique",
        ),
        ({"ProcessingInputs": [{"InputName": "data"}]}, "Processing input data: S3Input is required"),
        ({"ProcessingInputs": [source(LocalPath="/data")]}, "must begin with /opt/ml/processing/, and it is /data"),
        ({"ProcessingInputs": [source(LocalPath="/opt/ml/processing/../model")]}, "must begin with"),
        ({"ProcessingInputs": [source(S3CompressionType="Gzip")]}, "only be used with the S3InputMode Pipe"),
        ({"ProcessingInputs": [source(S3Uri="https://host/key")]}, "S3Uri must begin with s3://"),
        (
            {"ProcessingInputs": [{"InputName": "q", "DatasetDefinition": {"LocalPath": "/opt/ml/processing/q"}}]},
            "does not support DatasetDefinition, data from Athena or Redshift (input q) yet",
        ),
        (
            {"ProcessingOutputConfig": {"Outputs": [target(), target()]}},
            "Processing output names must be unique, and result",
        ),
        (
            {"ProcessingOutputConfig": {"Outputs": [target(LocalPath="/tmp/x")]}},
            "Processing output result: LocalPath must begin",
        ),
        (
            {"ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "VolumeSizeInGB": 1}}},
            "must have an InstanceType",
        ),
    ],
)
def test_what_aws_refuses_is_refused(world: World, changes: dict[str, Any], words: str) -> None:
    assert words in refused(world, **changes)


def test_isolation_needs_a_sandbox(tmp_path: Path) -> None:
    world = World(tmp_path, capabilities=Capabilities())
    assert "bubblewrap" in refused(world, NetworkConfig={"EnableNetworkIsolation": True})


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ({"ImageUri": IMAGE}, "has no entry point for processing: AppSpecification needs a ContainerEntrypoint"),
        ({"ImageUri": "mine:latest", "ContainerEntrypoint": ["run"]}, "no runner for the image mine:latest"),
    ],
)
def test_what_cannot_run_fails_with_its_reason(world: World, app: dict[str, Any], words: str) -> None:
    create(world, AppSpecification=app)
    world.run(1)
    job = describe(world)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert words in job["FailureReason"]
    assert not world.runs
