"""UpdateTrainingJob, experiments' names and the limits of CreateTrainingJob."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker_world import World, training_request

from sagewright.core.errors import AwsError
from sagewright.runtime.fake import Script
from sagewright.wire import models
from sagewright.wire.validate import validate

RULE = {"RuleConfigurationName": "low", "RuleEvaluatorImage": "image"}


@pytest.fixture
def training(world: World) -> World:
    world.script = lambda workload: Script(running=100)
    world.call("create_training_job", **training_request(ProfilerConfig={"ProfilingIntervalInMilliseconds": 500}))
    world.run(2)
    return world


def update(world: World, **changes: Any) -> dict[str, Any]:
    world.call("update_training_job", TrainingJobName="job", **changes)
    return world.call("describe_training_job", TrainingJobName="job")


def test_the_profiler_is_updated(training: World) -> None:
    before = training.call("describe_training_job", TrainingJobName="job")
    update(training, ProfilerConfig={"S3OutputPath": "s3://a/b"})
    update(training, ProfilerRuleConfigurations=[RULE])
    again = {**RULE, "RuleEvaluatorImage": "another"}
    job = update(training, ProfilerRuleConfigurations=[{**RULE, "RuleConfigurationName": "high"}, again])
    assert job["ProfilerConfig"] == {"ProfilingIntervalInMilliseconds": 500, "S3OutputPath": "s3://a/b"}
    rules = {rule["RuleConfigurationName"]: rule["RuleEvaluatorImage"] for rule in job["ProfilerRuleConfigurations"]}
    assert rules == {"low": "another", "high": "image"}
    assert job["LastModifiedTime"] > before["LastModifiedTime"]
    training.run(110)
    ended = training.call("describe_training_job", TrainingJobName="job")
    assert ended["TrainingJobStatus"] == "Completed"
    assert ended["ProfilerRuleConfigurations"] == job["ProfilerRuleConfigurations"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "At least one of ProfilerConfig, "),
        ({"ResourceConfig": {"KeepAlivePeriodInSeconds": 60}}, "no warm pool"),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "does not support remote debugging"),
        ({"ProfilerRuleConfigurations": [RULE, RULE]}, "low is there more than once"),
    ],
)
def test_what_cannot_be_updated(training: World, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        update(training, **changes)
    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize("stopped_for", [0, 10])
def test_only_a_job_in_progress_is_updated(training: World, stopped_for: float) -> None:
    training.call("stop_training_job", TrainingJobName="job")
    training.run(stopped_for)
    status = "Stopped" if stopped_for else "Stopping"
    for change in ({"ProfilerConfig": {}}, {"RemoteDebugConfig": {"EnableRemoteDebug": False}}):
        with pytest.raises(AwsError, match=f"is in status {status}: .* only be updated while it is InProgress"):
            update(training, **change)


def test_an_update_of_no_job(world: World) -> None:
    with pytest.raises(AwsError, match="not found"):
        update(world, ProfilerConfig={})


def test_an_experiment_is_kept(world: World) -> None:
    config = {"ExperimentName": "one", "TrialName": "two", "TrialComponentDisplayName": "three", "RunName": "four"}
    world.call("create_training_job", **training_request(ExperimentConfig=config))
    world.run(5)
    assert world.call("describe_training_job", TrainingJobName="job")["ExperimentConfig"] == config


def created(**changes: Any) -> None:
    validate(models.operation("sagemaker", "CreateTrainingJob"), training_request(**changes))


LIMITS = [
    ({"HyperParameters": {str(n): "" for n in range(101)}}, "'hyperParameters' .* length less than or equal to 100"),
    ({"HyperParameters": {"x": "1" * 2501}}, "'hyperParameters' .* length less than or equal to 2500"),
    ({"HyperParameters": {"x" * 257: ""}}, "'hyperParameters' .* length less than or equal to 256"),
    ({"ExperimentConfig": {"ExperimentName": "a_b"}}, "'experimentConfig.experimentName' .* regular expression"),
    ({"ExperimentConfig": {"RunName": "a" * 121}}, "'experimentConfig.runName' .* length less than or equal to 120"),
    ({"InputDataConfig": training_request()["InputDataConfig"] * 21}, "'inputDataConfig' .* less than or equal to 20"),
    ({"TrainingJobName": "a" * 64}, "'trainingJobName' .* length less than or equal to 63"),
    ({"Environment": {f"N{n}": "" for n in range(101)}}, "'environment' .* less than or equal to 100"),
]


@pytest.mark.parametrize(("changes", "message"), LIMITS)
def test_limits_of_the_model(changes: dict[str, Any], message: str) -> None:
    created()
    with pytest.raises(AwsError, match=message):
        created(**changes)


SPOT = {"EnableManagedSpotTraining": True, "StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 9}}
RESOURCES = training_request()["ResourceConfig"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ResourceConfig": {**RESOURCES, "InstanceCount": 0}}, "an InstanceCount of at least 1"),
        ({"ResourceConfig": {**RESOURCES, "KeepAlivePeriodInSeconds": 9}, **SPOT}, "cannot be used with managed spot"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 2419201}}, "cannot be greater than 2419200"),
    ],
)
def test_limits_beyond_the_model(world: World, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        world.call("create_training_job", **training_request(**changes))
    assert caught.value.code == "ValidationException"
