"""Algorithms: their life, what their specifications must keep to, and training by their names."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sagemaker_world import ACCOUNT, IMAGE, REGION, ROLE, World, training_request

from sagewright.core.errors import AwsError
from sagewright.kit.paging import encode_token
from sagewright.runtime.fake import Failure, Script

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:algorithm/mine"


def between(kind: str, low: str, high: str) -> dict[str, Any]:
    return {f"{kind}ParameterRangeSpecification": {"MinValue": low, "MaxValue": high}}


SPECIFICATION: dict[str, Any] = {
    "TrainingImage": IMAGE,
    "SupportedHyperParameters": [
        {"Name": "rounds", "Type": "Integer", "IsRequired": True, "Range": between("Integer", "1", "100")},
        {"Name": "eta", "Type": "Continuous", "DefaultValue": "0.3", "Range": between("Continuous", "0", "1")},
        {"Name": "kind", "Type": "Categorical", "Range": {"CategoricalParameterRangeSpecification": {"Values": ["a"]}}},
        {"Name": "note", "Type": "FreeText"},
    ],
    "SupportedTrainingInstanceTypes": ["ml.m5.large"],
    "SupportsDistributedTraining": False,
    "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
    "TrainingChannels": [
        {
            "Name": "train",
            "IsRequired": True,
            "SupportedContentTypes": ["text/csv"],
            "SupportedCompressionTypes": ["None"],
            "SupportedInputModes": ["File"],
        },
        {"Name": "extra", "SupportedContentTypes": [], "SupportedInputModes": ["File", "Pipe"]},
    ],
    "SupportedTuningJobObjectiveMetrics": [{"Type": "Minimize", "MetricName": "loss"}],
}


def create(world: World, name: str = "mine", **changes: Any) -> str:
    request = {"AlgorithmName": name, "TrainingSpecification": SPECIFICATION, **changes}
    return str(world.call("create_algorithm", **request)["AlgorithmArn"])


def status(world: World, name: str = "mine") -> str:
    return str(world.call("describe_algorithm", AlgorithmName=name)["AlgorithmStatus"])


def by_name(name: str = "mine", **changes: Any) -> dict[str, Any]:
    algorithm = {"AlgorithmName": name, "TrainingInputMode": "File"}
    return training_request(
        **{"AlgorithmSpecification": algorithm, "HyperParameters": {"rounds": "3"}, **changes},
    )


def profile(**changes: Any) -> dict[str, Any]:
    job = training_request()
    kept = ("InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
    definition = {name: job[name] for name in kept} | {"TrainingInputMode": "File", "HyperParameters": {"rounds": "3"}}
    return {
        "ValidationRole": ROLE,
        "ValidationProfiles": [{"ProfileName": "small", "TrainingJobDefinition": {**definition, **changes}}],
    }


def test_the_life_of_an_algorithm(world: World) -> None:
    arn = create(world, AlgorithmDescription="Mine", Tags=[{"Key": "team", "Value": "red"}])
    assert arn == ARN
    assert status(world) == "Pending"
    with pytest.raises(AwsError, match="status is Pending") as caught:
        world.call("delete_algorithm", AlgorithmName="mine")
    assert caught.value.code == "ConflictException"
    world.run(1)
    described = world.call("describe_algorithm", AlgorithmName=arn)
    assert described["AlgorithmStatus"] == "Completed"
    assert described["AlgorithmStatusDetails"]["ImageScanStatuses"] == [
        {"Name": "training-image", "Status": "Completed"}
    ]
    assert described["TrainingSpecification"] == SPECIFICATION
    (summary,) = world.call("list_algorithms", NameContains="MIN")["AlgorithmSummaryList"]
    assert summary.items() <= described.items()
    assert world.call("list_tags", ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "red"}]
    with pytest.raises(AwsError, match="Invalid NextToken"):
        world.call("list_tags", ResourceArn=arn, NextToken=encode_token(["of another list"]))
    with pytest.raises(AwsError, match="already existing algorithm"):
        create(world)
    world.call("delete_algorithm", AlgorithmName="mine")
    with pytest.raises(AwsError, match="Could not find algorithm"):
        status(world)
    with pytest.raises(AwsError, match="not found"):
        world.call("list_tags", ResourceArn=arn)


def test_an_image_without_a_runner_fails(world: World) -> None:
    unknown = "000000000000.dkr.ecr.us-east-1.amazonaws.com/nobody:1"
    create(world, TrainingSpecification={**SPECIFICATION, "TrainingImage": unknown})
    world.run(1)
    described = world.call("describe_algorithm", AlgorithmName="mine")
    assert described["AlgorithmStatus"] == "Failed"
    (scan,) = described["AlgorithmStatusDetails"]["ImageScanStatuses"]
    assert "no runner for the image" in scan["FailureReason"]
    with pytest.raises(AwsError, match="its status is Failed: it must be Completed"):
        world.call("create_training_job", **by_name())


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_validation_profile_trains(world: World, fails: bool, killed: bool) -> None:
    failure = Failure("AlgorithmError", "no") if fails else None
    world.script = lambda workload: Script(running=3, failure=failure)
    create(world, ValidationSpecification=profile())
    world.run(2)
    assert status(world) == "InProgress"
    if killed:
        world.kill()
        world.start()
    world.run(10)
    described = world.call("describe_algorithm", AlgorithmName="mine")
    (job,) = world.call("list_training_jobs")["TrainingJobSummaries"]
    assert job["TrainingJobName"].startswith("mine-validation-")
    wanted = "Failed" if fails else "Completed"
    assert job["TrainingJobStatus"] == wanted
    assert described["AlgorithmStatus"] == wanted
    (validation,) = described["AlgorithmStatusDetails"]["ValidationStatuses"]
    assert (validation["Name"], validation["Status"]) == ("small", wanted)
    assert validation.get("FailureReason") == ("AlgorithmError: no" if fails else None)


def test_training_by_name(world: World) -> None:
    create(world)
    world.run(1)
    world.script = lambda workload: Script(running=1, logs=((0.5, "loss=0.5"),))
    for job, name in (("short", "mine"), ("long", ARN)):
        world.call("create_training_job", **{**by_name(name), "TrainingJobName": job})
    world.call("delete_algorithm", AlgorithmName="mine")  # what has begun goes on
    world.run(10)
    for job, name in (("short", "mine"), ("long", ARN)):
        described = world.call("describe_training_job", TrainingJobName=job)
        assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
        assert described["AlgorithmSpecification"]["AlgorithmName"] == name
        assert "TrainingImage" not in described["AlgorithmSpecification"]
        assert described["HyperParameters"] == {"rounds": "3", "eta": "0.3"}
        assert described["AlgorithmSpecification"]["MetricDefinitions"] == SPECIFICATION["MetricDefinitions"]
        assert described["FinalMetricDataList"][0]["Value"] == 0.5


def channel(**changes: Any) -> list[dict[str, Any]]:
    return [{**training_request()["InputDataConfig"][0], **changes}]


REFUSED = [
    ({"HyperParameters": {}}, "The hyperparameter rounds is required by the algorithm mine"),
    ({"HyperParameters": {"rounds": "3", "what": "1"}}, "The hyperparameter what is not supported by the algorithm"),
    ({"HyperParameters": {"rounds": "3.5"}}, "rounds must be of the type Integer, and it is 3.5"),
    ({"HyperParameters": {"rounds": "9" * 2500}}, "rounds must be between 1 and 100, and it is 9999"),
    ({"HyperParameters": {"rounds": "101"}}, "rounds must be between 1 and 100, and it is 101"),
    ({"HyperParameters": {"rounds": "3", "eta": "nan"}}, "eta must be of the type Continuous, and it is nan"),
    ({"HyperParameters": {"rounds": "3", "eta": "1.5"}}, "eta must be between 0 and 1, and it is 1.5"),
    ({"HyperParameters": {"rounds": "3", "kind": "b"}}, r"kind must be one of \[a\], and it is b"),
    ({"InputDataConfig": channel(ChannelName="test")}, "The channel test is not supported by the algorithm mine"),
    ({"InputDataConfig": channel(ChannelName="extra")}, "The channel train is required by the algorithm mine"),
    ({"InputDataConfig": []}, "The channel train is required"),
    ({"InputDataConfig": channel(ContentType="text/libsvm")}, r"ContentType text/libsvm of .* one of \[text/csv\]"),
    ({"InputDataConfig": channel(CompressionType="Gzip")}, "CompressionType Gzip of the channel train is not"),
    ({"InputDataConfig": channel(InputMode="Pipe")}, r"InputMode Pipe of the channel train .* one of \[File\]"),
    ({"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}}, "ml.m5.xlarge is not supported by"),
    ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}, "does not support distributed training"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_jobs_that_the_algorithm_does_not_support(world: World, changes: dict[str, Any], message: str) -> None:
    create(world)
    world.run(1)
    with pytest.raises(AwsError, match=message) as caught:
        world.call("create_training_job", **by_name(**changes))
    assert caught.value.code == "ValidationException"
    assert world.call("list_training_jobs")["TrainingJobSummaries"] == []


@pytest.mark.parametrize("name", ["other", ARN.replace("/mine", "/other"), ARN.replace(ACCOUNT, "999999999999")])
def test_an_algorithm_that_is_not_there(world: World, name: str) -> None:
    create(world)
    world.run(1)
    for operation, request in (("create_training_job", by_name(name)), ("describe_algorithm", {"AlgorithmName": name})):
        with pytest.raises(AwsError, match="Could not find algorithm"):
            world.call(operation, **request)


def test_an_image_and_an_algorithm_exclude_each_other(world: World) -> None:
    both = {"AlgorithmName": "mine", "TrainingImage": IMAGE, "TrainingInputMode": "File"}
    for algorithm, words in ((both, "not both"), ({"TrainingInputMode": "File"}, "an AlgorithmName")):
        with pytest.raises(AwsError, match=words):
            world.call("create_training_job", **training_request(AlgorithmSpecification=algorithm))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The specification with one thing another way. path: keys and indexes with dots."""
    made: Any = copy.deepcopy(SPECIFICATION)
    here = made
    *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
    for word in way:
        here = here[word]
    here[last] = value
    return dict(made)


PARAMETERS = "SupportedHyperParameters"
CONTRADICTIONS = [
    (f"{PARAMETERS}.1.Name", "rounds", "The hyperparameter rounds is there more than once"),
    (f"{PARAMETERS}.0.DefaultValue", "3", "rounds: a required hyperparameter cannot have a default value"),
    (f"{PARAMETERS}.1.DefaultValue", "2", "eta: its default value must be between 0 and 1, and it is 2"),
    (f"{PARAMETERS}.1.Type", "Integer", "eta: its Type is Integer, and a Range of Continuous"),
    (f"{PARAMETERS}.3.Range", between("Integer", "1", "2"), "note: its Type is FreeText"),
    (f"{PARAMETERS}.0.Range", between("Integer", "5", "2"), "rounds: its Range from 5 to 2 is not one of the Type Int"),
    (f"{PARAMETERS}.0.Range", between("Integer", "a", "2"), "rounds: its Range from a to 2"),
    ("TrainingChannels.1.Name", "train", "The channel train is there more than once"),
    ("TrainingChannels.1.SupportedInputModes", ["FastFile"], r"enum value set: \[Pipe, File\]"),
    ("SupportedTrainingInstanceTypes", [], "at least one instance type"),
    ("SupportedTuningJobObjectiveMetrics.0.MetricName", "auc", "auc is not in MetricDefinitions"),
    ("AdditionalS3DataSource", {"S3DataType": "S3Object", "S3Uri": "s3://a/b"}, "does not support AdditionalS3Data"),
]


@pytest.mark.parametrize(("path", "value", "message"), CONTRADICTIONS)
def test_contradictions_are_refused(world: World, path: str, value: Any, message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        create(world, TrainingSpecification=changed(path, value))
    assert caught.value.code == "ValidationException"


def test_validation_that_cannot_be(world: World) -> None:
    with pytest.raises(AwsError, match="The hyperparameter rounds is required"):
        create(world, ValidationSpecification=profile(HyperParameters={}))
    transform = profile()
    transform["ValidationProfiles"][0]["TransformJobDefinition"] = {"TransformInput": {}}
    with pytest.raises(AwsError, match="does not support transform jobs"):
        create(world, ValidationSpecification=transform)
    with pytest.raises(AwsError, match="Marketplace"):
        create(world, CertifyForMarketplace=True)
    assert world.call("list_algorithms")["AlgorithmSummaryList"] == []
