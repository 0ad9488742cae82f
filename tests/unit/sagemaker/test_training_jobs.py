"""Training jobs, from CreateTrainingJob to their end, over the fake backend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sagemaker_world import IMAGE, World, training_request

from sagewright.core.errors import AwsError
from sagewright.runtime.backend import Capabilities
from sagewright.runtime.fake import Script
from sagewright.runtime.observation import Failure

GROUP = "/aws/sagemaker/TrainingJobs"
EVALUATIONS = tuple(
    (float(n), f"[{n}]\ttrain-rmse:{2 - n / 10:.5f}\tvalidation-rmse:{3 - n / 10:.5f}") for n in range(3)
)


def describe(world: World, name: str = "job") -> dict[str, Any]:
    return world.call("describe_training_job", TrainingJobName=name)


def statuses(described: dict[str, Any]) -> list[str]:
    return [transition["Status"] for transition in described["SecondaryStatusTransitions"]]


def test_a_job_runs_to_its_end(world: World) -> None:
    world.script = lambda workload: Script(downloading=2, running=5, uploading=1, logs=EVALUATIONS)
    arn = world.call("create_training_job", **training_request())["TrainingJobArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:training-job/job"
    created = describe(world)
    assert (created["TrainingJobStatus"], created["SecondaryStatus"]) == ("InProgress", "Starting")
    assert "ModelArtifacts" not in {name for name, value in created.items() if value is not None}

    world.run(1)
    assert describe(world)["SecondaryStatus"] == "Downloading"
    world.run(3)
    assert describe(world)["SecondaryStatus"] == "Training"
    assert any("[1]#011train-rmse" in line for line in world.log(GROUP)), "logs arrive while the job runs"
    world.run(10)

    ended = describe(world)
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Completed", "Completed")
    assert statuses(ended) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    for before, after in zip(
        ended["SecondaryStatusTransitions"], ended["SecondaryStatusTransitions"][1:], strict=False
    ):
        assert before["EndTime"] == after["StartTime"] >= before["StartTime"]
    assert ended["ModelArtifacts"] == {"S3ModelArtifacts": "s3://bucket/out/job/output/model.tar.gz"}
    assert ended["TrainingTimeInSeconds"] == ended["BillableTimeInSeconds"] == 8
    metrics = {metric["MetricName"]: metric["Value"] for metric in ended["FinalMetricDataList"]}
    assert metrics == {"train:rmse": 1.8, "validation:rmse": 2.8}
    assert not world.runs, "the work folder goes with the job's end"
    assert world.admission.used().vcpus == 0


def test_describe_gives_back_what_create_took_with_defaults(world: World) -> None:
    request = training_request(
        Environment={"A": "b"},
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        CheckpointConfig={"S3Uri": "s3://bucket/checkpoints"},
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    arn = world.call("create_training_job", **request)["TrainingJobArn"]
    shown = describe(world)
    for member in ("RoleArn", "HyperParameters", "ResourceConfig", "Environment", "VpcConfig", "CheckpointConfig"):
        assert shown[member] == request[member]
    assert "Tags" not in shown
    assert world.call("list_tags", ResourceArn=arn)["Tags"] == request["Tags"]
    assert shown["OutputDataConfig"] == {"KmsKeyId": "", "CompressionType": "GZIP", "S3OutputPath": "s3://bucket/out/"}
    channel = shown["InputDataConfig"][0]
    assert (channel["CompressionType"], channel["RecordWrapperType"]) == ("None", "None")
    assert channel["DataSource"]["S3DataSource"]["S3DataDistributionType"] == "FullyReplicated"
    assert shown["EnableNetworkIsolation"] is shown["EnableManagedSpotTraining"] is False
    names = [metric["Name"] for metric in shown["AlgorithmSpecification"]["MetricDefinitions"]]
    assert names == ["train:rmse", "validation:rmse"]


def test_the_instance_gets_what_sagemaker_promises(world: World) -> None:
    world.call(
        "create_training_job",
        **training_request(
            Environment={"MINE": "1"},
            CheckpointConfig={"S3Uri": "s3://bucket/ckpt/", "LocalPath": "/opt/ml/checkpoints/x"},
            TensorBoardOutputConfig={"S3OutputPath": "s3://bucket/board"},
        ),
    )
    world.run(0.25)
    (run,) = world.runs.values()
    work = run.workload
    assert work.command[1:] == ("-m", "algorithm", "train")
    assert work.env["SAGEWRIGHT_IMAGE"] == IMAGE
    assert work.env["TRAINING_JOB_NAME"] == "job"
    assert work.env["TRAINING_JOB_ARN"].endswith(":training-job/job")
    assert work.env["MINE"] == "1"
    assert work.config["hyperparameters"] == {"num_round": "3"}
    assert work.config["inputdataconfig"]["train"] == {
        "ContentType": "text/csv",
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    resources = work.config["resourceconfig"]
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    assert resources["current_instance_type"] == "ml.m5.large"
    assert [(channel.name, channel.folder, channel.read_only) for channel in work.channels] == [
        ("train", "input/data/train", True),
        ("checkpoints", "checkpoints/x", False),
    ]
    assert [(upload.source, upload.uri, upload.name, upload.form) for upload in work.uploads] == [
        ("model", "s3://bucket/out/job/output", "model.tar.gz", "tar.gz"),
        ("output/data", "s3://bucket/out/job/output", "output.tar.gz", "tar.gz"),
        ("checkpoints/x", "s3://bucket/ckpt", "model.tar.gz", "files"),
        ("output/tensorboard", "s3://bucket/board/job/tensorboard-output", "model.tar.gz", "files"),
    ]
    assert work.max_runtime == 3600
    assert any("ml.m5.large asked" in line for line in work.log_header)


def test_failure_of_the_algorithm(world: World) -> None:
    reason = "No data in training channel"
    world.script = lambda workload: Script(running=1, failure=Failure("ClientError", reason), exit_code=1)
    world.call("create_training_job", **training_request())
    world.run(5)
    ended = describe(world)
    assert (ended["TrainingJobStatus"], ended["FailureReason"]) == ("Failed", f"ClientError: {reason}")
    assert ended["ModelArtifacts"] is None
    assert statuses(ended)[-1] == "Failed"


def test_unknown_image_fails_at_once_and_says_what_to_do(world: World) -> None:
    spec = {"TrainingImage": IMAGE.replace("1.7-1", "9.9-9"), "TrainingInputMode": "File"}
    world.call("create_training_job", **training_request(AlgorithmSpecification=spec))
    world.run(0.5)
    ended = describe(world)
    assert ended["TrainingJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("ClientError: ")
    assert "1.5-1, 1.7-1" in ended["FailureReason"]
    assert ended.get("BillableTimeInSeconds") is None


def test_stop(world: World) -> None:
    world.script = lambda workload: Script(running=100)
    world.call("create_training_job", **training_request())
    world.run(2)
    world.call("stop_training_job", TrainingJobName="job")
    assert describe(world)["TrainingJobStatus"] == "Stopping"
    world.call("stop_training_job", TrainingJobName="job")
    world.run(3)
    ended = describe(world)
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in statuses(ended)
    with pytest.raises(AwsError, match="rejected because the training job is in status Stopped") as caught:
        world.call("stop_training_job", TrainingJobName="job")
    assert caught.value.code == "ValidationException"


def test_stop_of_a_job_that_waits_for_the_machine(world: World) -> None:
    world.script = lambda workload: Script(running=10)
    for name in ("one", "two"):
        big = {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1}
        world.call("create_training_job", **training_request(name, ResourceConfig=big))
    world.run(2)
    assert describe(world, "one")["SecondaryStatus"] == "Training"
    assert describe(world, "two")["SecondaryStatus"] == "Pending"
    world.call("create_training_job", **training_request("three"))
    world.call("stop_training_job", TrainingJobName="two")
    world.run(15)
    assert describe(world, "two")["TrainingJobStatus"] == "Stopped"
    assert [describe(world, name)["TrainingJobStatus"] for name in ("one", "three")] == ["Completed", "InProgress"]


def test_max_runtime(world: World) -> None:
    world.script = lambda workload: Script(running=100)
    world.call("create_training_job", **training_request(StoppingCondition={"MaxRuntimeInSeconds": 4}))
    world.run(10)
    ended = describe(world)
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


@pytest.mark.parametrize("moment", [0.0, 0.5, 3.0, 6.0, 9.0])
def test_a_killed_server_loses_and_doubles_nothing(world: World, moment: float) -> None:
    world.script = lambda workload: Script(
        downloading=2, running=5, uploading=1, logs=tuple((at / 10, f"line {at}") for at in range(50))
    )
    world.call("create_training_job", **training_request())
    world.run(moment)
    world.kill()
    world.clock.advance(1)
    world.start()
    world.run(12)
    assert describe(world)["TrainingJobStatus"] == "Completed"
    lines = [line for line in world.log(GROUP) if line.startswith("line")]
    assert lines == [f"line {at}" for at in range(50)]
    assert not world.runs


def test_a_server_killed_before_it_cleared_away(world: World) -> None:
    world.call("create_training_job", **training_request())
    world.run(0.5)
    leftover = dict(world.runs)
    world.run(5)
    world.runs.update(leftover)
    world.kill()
    world.start()
    assert not world.runs


def test_a_lost_instance_fails_the_job(world: World) -> None:
    world.script = lambda workload: Script(running=100)
    world.call("create_training_job", **training_request())
    world.run(2)
    world.runs.clear()
    world.run(1)
    ended = describe(world)
    assert ended["TrainingJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("InternalServerError: ")


def test_metrics_reach_cloudwatch(world: World) -> None:
    world.script = lambda workload: Script(running=5, logs=EVALUATIONS)
    world.call("create_training_job", **training_request())
    world.run(8)
    now = datetime.fromtimestamp(world.clock.now(), UTC)
    points = world.call(
        "get_metric_statistics",
        "cloudwatch",
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="train:rmse",
        Dimensions=[{"Name": "TrainingJobName", "Value": "job"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["SampleCount", "Minimum", "Maximum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 3
    assert min(point["Minimum"] for point in points) == 1.8


def test_names_are_taken_once(world: World) -> None:
    world.call("create_training_job", **training_request())
    with pytest.raises(AwsError, match="Training job names must be unique within an AWS account and region") as caught:
        world.call("create_training_job", **training_request())
    assert caught.value.code == "ResourceInUse"
    with pytest.raises(AwsError) as caught:
        world.call("delete_training_job", TrainingJobName="job")
    assert caught.value.code == "ResourceInUse"
    world.run(5)
    world.call("delete_training_job", TrainingJobName="job")
    with pytest.raises(AwsError, match=r"^ValidationException: Requested resource not found\.$"):
        describe(world)
    world.call("create_training_job", **training_request())
    world.run(5)
    assert describe(world)["TrainingJobStatus"] == "Completed"


REFUSED = {
    "Debugger rules": {"DebugRuleConfigurations": [{"RuleConfigurationName": "r", "RuleEvaluatorImage": "i"}]},
    "AugmentedManifestFile": {
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://b/m"}},
            }
        ]
    },
    "outside|below /opt/ml": {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/../../etc"}},
    "MaxWaitTimeInSeconds": {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 10, "MaxWaitTimeInSeconds": 5},
    },
    "override the metric definitions": {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "a", "Regex": "b"}],
        }
    },
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_supported_is_refused(world: World, what: str) -> None:
    with pytest.raises(AwsError, match=what) as caught:
        world.call("create_training_job", **training_request(**REFUSED[what]))
    assert caught.value.code == "ValidationException"
    assert world.call("list_training_jobs")["TrainingJobSummaries"] == []


def test_an_input_mode_the_backend_lacks_is_refused(make_world: Any) -> None:
    pipe = training_request(AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"})
    with pytest.raises(AwsError, match="input mode Pipe"):
        make_world(capabilities=Capabilities(input_modes=frozenset({"File"}))).call("create_training_job", **pipe)


def test_isolation_is_refused_rather_than_ignored(make_world: Any) -> None:
    request = training_request(EnableNetworkIsolation=True)
    with pytest.raises(AwsError, match="bubblewrap"):
        make_world(capabilities=Capabilities(network_isolation=False)).call("create_training_job", **request)
    able = make_world()
    able.call("create_training_job", **request)
    able.run(0.5)
    assert next(iter(able.runs.values())).workload.network_isolation


def test_strict_hardware(make_world: Any) -> None:
    strict = make_world(strict=True)
    resources = {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1}
    strict.call("create_training_job", **training_request(ResourceConfig=resources))
    strict.run(0.5)
    assert "strict_hardware" in describe(strict)["FailureReason"]


def test_list_filters_sorts_and_pages(world: World) -> None:
    began = world.clock.now()
    for number in range(5):
        world.call("create_training_job", **training_request(f"job-{number}"))
        world.run(5)
    fail = {"TrainingImage": "nowhere", "TrainingInputMode": "File"}
    world.call("create_training_job", **training_request("other", AlgorithmSpecification=fail))
    world.run(1)

    def names(**members: Any) -> list[str]:
        answer = world.call("list_training_jobs", **members)
        return [summary["TrainingJobName"] for summary in answer["TrainingJobSummaries"]]

    assert names() == [*(f"job-{number}" for number in range(5)), "other"]
    assert names(StatusEquals="Failed") == ["other"]
    assert names(NameContains="JOB", SortOrder="Descending", MaxResults=2) == ["job-4", "job-3"]
    middle = datetime.fromtimestamp(began + 9, UTC)
    assert names(CreationTimeAfter=middle, NameContains="job") == ["job-2", "job-3", "job-4"]
    assert names(CreationTimeBefore=middle) == ["job-0", "job-1"]
    assert names(LastModifiedTimeBefore=middle) == ["job-0", "job-1"]
    assert names(SortBy="Status", SortOrder="Descending")[0] == "other"
    assert names(WarmPoolStatusEquals="Available") == []
    first = world.call("list_training_jobs", MaxResults=4, SortOrder="Descending")
    world.clock.advance(1)
    world.call("create_training_job", **training_request("late"))
    second = world.call("list_training_jobs", MaxResults=4, SortOrder="Descending", NextToken=first["NextToken"])
    seen = [s["TrainingJobName"] for answer in (first, second) for s in answer["TrainingJobSummaries"]]
    assert seen == ["other", *(f"job-{number}" for number in (4, 3, 2, 1, 0))]
    assert second["NextToken"] is None
    with pytest.raises(AwsError, match="NextToken"):
        names(NextToken="???")
