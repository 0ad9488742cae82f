"""Tuning jobs over a fake backend: what is taken, how they go and how they end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import World, training_request

from sagewright.core.errors import AwsError
from sagewright.runtime.fake import Script
from sagewright.runtime.observation import Failure
from sagewright.runtime.workload import Workload


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def ranges(**members: Any) -> dict[str, Any]:
    eta = {"Name": "eta", "MinValue": "0.01", "MaxValue": "1", "ScalingType": "Logarithmic"}
    return {"ContinuousParameterRanges": [eta], **members}


def grid(**values: list[str]) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": name, "Values": each} for name, each in values.items()]}


def tuning_request(name: str = "tune", jobs: int | None = 6, parallel: int = 2, **config: Any) -> dict[str, Any]:
    limits = {"MaxParallelTrainingJobs": parallel, **({"MaxNumberOfTrainingJobs": jobs} if jobs else {})}
    job = training_request()
    definition = {
        "StaticHyperParameters": job["HyperParameters"],
        **{
            member: job[member]
            for member in ("RoleArn", "AlgorithmSpecification", "InputDataConfig", "OutputDataConfig", "ResourceConfig")
        },
        "StoppingCondition": job["StoppingCondition"],
    }
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:rmse"},
            "ResourceLimits": limits,
            "ParameterRanges": ranges(),
            "RandomSeed": 7,
            **config,
        },
        "TrainingJobDefinition": definition,
    }


def printing(loss: Callable[[float, int], float], epochs: int = 3) -> Callable[[Workload], Script]:
    """A script whose validation rmse in an epoch, a second long, is loss(eta, epoch)."""

    def script(workload: Workload) -> Script:
        eta = float(workload.config["hyperparameters"].get("eta", 0.5))
        lines = ((e + 0.5, f"[{e}]\ttrain-rmse:1\tvalidation-rmse:{loss(eta, e):.6f}") for e in range(epochs))
        return Script(running=epochs, logs=tuple(lines))

    return script


def create(world: World, **changes: Any) -> None:
    world.call("create_hyper_parameter_tuning_job", **tuning_request(**changes))


def describe(world: World, name: str = "tune") -> dict[str, Any]:
    return world.call("describe_hyper_parameter_tuning_job", HyperParameterTuningJobName=name)


def trials(world: World, name: str = "tune", **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = world.call(
            "list_training_jobs_for_hyper_parameter_tuning_job", HyperParameterTuningJobName=name, **members, **token
        )
        found += answer["TrainingJobSummaries"]
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}


def test_a_job_launches_watches_and_keeps_the_best(world: World) -> None:
    world.script = printing(lambda eta, epoch: abs(eta - 0.1) + 1 / (epoch + 1))
    create(world)
    world.run(1)
    first = describe(world)
    assert first["HyperParameterTuningJobStatus"] == "InProgress"
    assert first["TrainingJobStatusCounters"]["InProgress"] == 2
    world.run(30)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 6
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}
    best = job["BestTrainingJob"]
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in trials(world)]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)
    assert re.fullmatch(r"tune-\d{3}-[0-9a-f]{8}", best["TrainingJobName"])
    training = world.call("describe_training_job", TrainingJobName=best["TrainingJobName"])
    assert training["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert training["HyperParameters"] == {
        "_tuning_objective_metric": "validation:rmse",
        "num_round": "3",
        **best["TunedHyperParameters"],
    }


def test_trials_are_listed_by_objective_and_status(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta)
    create(world)
    world.run(30)
    members = {"SortBy": "FinalObjectiveMetricValue", "SortOrder": "Descending", "MaxResults": 4}
    found = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in trials(world, **members)]
    assert found == sorted(found, reverse=True)
    assert len(found) == 6
    assert trials(world, StatusEquals="Failed") == []


def test_a_server_killed_half_way_goes_on_and_launches_none_twice(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta)
    create(world)
    world.run(4)
    before = {each["TrainingJobName"] for each in trials(world)}
    world.kill()
    world.start()
    world.run(30)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    after = [each["TrainingJobName"] for each in trials(world)]
    assert len(after) == len(set(after)) == 6
    assert before < set(after)
    assert len(world.call("list_training_jobs", MaxResults=100)["TrainingJobSummaries"]) == 6


def test_the_same_seed_gives_the_same_values(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta)
    for name in ("one", "two"):
        create(world, name=name, Strategy="Random")
    world.run(60)
    tried = [[each["TunedHyperParameters"] for each in trials(world, name, SortBy="Name")] for name in ("one", "two")]
    assert tried[0] == tried[1]


def test_a_grid_is_walked_through_once(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta)
    create(world, jobs=None, Strategy="Grid", ParameterRanges=grid(eta=["0.1", "0.2", "0.3"], max_depth=["3", "5"]))
    world.run(60)
    assert describe(world)["HyperParameterTuningJobStatus"] == "Completed"
    tried = {tuple(sorted(each["TunedHyperParameters"].items())) for each in trials(world)}
    assert len(tried) == 6


def test_stopping_stops_what_runs(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta, epochs=100)
    create(world)
    world.run(2)
    world.call("stop_hyper_parameter_tuning_job", HyperParameterTuningJobName="tune")
    assert describe(world)["HyperParameterTuningJobStatus"] == "Stopping"
    world.run(10)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2


def test_early_stopping_ends_the_worse_ones_by_the_median_rule(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta, epochs=20)
    create(world, jobs=12, TrainingJobEarlyStoppingType="Auto", Strategy="Random")
    world.run(200)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    stopped = [each for each in trials(world) if each["TrainingJobStatus"] == "Stopped"]
    assert stopped
    best = job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert all(each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] > best for each in stopped)


def test_hyperband_spends_fewer_epochs_than_it_might(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta / (epoch + 1), epochs=27)
    epochs = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 27}}
    create(world, jobs=16, parallel=4, Strategy="Hyperband", StrategyConfig=epochs)
    world.run(600)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Stopped"] >= 4
    assert job["BestTrainingJob"]["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("criteria", "most"),
    [
        ({"TargetObjectiveMetricValue": 5.0}, 4),
        ({"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}, 8),
    ],
)
def test_completion_criteria(world: World, criteria: dict[str, Any], most: int) -> None:
    world.script = printing(lambda eta, epoch: 1.0)
    create(world, jobs=50, TuningJobCompletionCriteria=criteria)
    world.run(60)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert len(trials(world)) <= most


def test_several_definitions_take_turns(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta)
    request = tuning_request()
    config = request["HyperParameterTuningJobConfig"]
    objective, tuned = config.pop("HyperParameterTuningJobObjective"), config.pop("ParameterRanges")
    one = {**request.pop("TrainingJobDefinition"), "TuningObjective": objective, "HyperParameterRanges": tuned}
    request["TrainingJobDefinitions"] = [{**one, "DefinitionName": "a"}, {**one, "DefinitionName": "b"}]
    world.call("create_hyper_parameter_tuning_job", **request)
    world.run(60)
    found = [each["TrainingJobDefinitionName"] for each in trials(world)]
    assert sorted(found) == ["a"] * 3 + ["b"] * 3


def test_a_warm_start_learns_from_its_parent(world: World) -> None:
    world.script = printing(lambda eta, epoch: abs(eta - 0.1))
    create(world, jobs=8)
    world.run(60)
    parents = [{"HyperParameterTuningJobName": "tune"}]
    child = tuning_request("child", jobs=2)
    config = {"ParentHyperParameterTuningJobs": parents, "WarmStartType": "IdenticalDataAndAlgorithm"}
    world.call("create_hyper_parameter_tuning_job", **child, WarmStartConfig=config)
    world.run(30)
    job = describe(world, "child")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    best = min(
        each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for n in ("tune", "child")
        for each in trials(world, n)
    )
    assert job["OverallBestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == best


def test_a_job_whose_trials_all_fail_says_the_commonest_reason(world: World) -> None:
    world.script = lambda workload: Script(running=1, failure=Failure("ClientError", "ClientError: no train channel"))
    create(world, jobs=20)
    world.run(60)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "no train channel" in job["FailureReason"]
    assert len(trials(world)) < 20


def test_a_metric_that_is_never_printed_fails_the_job(world: World) -> None:
    world.script = lambda workload: Script(running=1)
    create(world, jobs=20)
    world.run(60)
    job = describe(world)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No objective metrics found after running")


def _with(**changes: Any) -> dict[str, Any]:
    request = tuning_request()
    return {**request, "TrainingJobDefinition": {**request["TrainingJobDefinition"], **changes}}


OWN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (tuning_request(ParameterRanges={}), "At least one hyperparameter range"),
        (
            tuning_request(
                ParameterRanges={"IntegerParameterRanges": [{"Name": "d", "MinValue": "9", "MaxValue": "3"}]}
            ),
            "MinValue 9 of the hyperparameter d is above its MaxValue 3",
        ),
        (
            tuning_request(
                ParameterRanges={"IntegerParameterRanges": [{"Name": "d", "MinValue": "1.5", "MaxValue": "3"}]}
            ),
            "not an integer",
        ),
        (
            tuning_request(
                ParameterRanges={
                    "ContinuousParameterRanges": [
                        {"Name": "a", "MinValue": "0", "MaxValue": "3", "ScalingType": "Logarithmic"}
                    ]
                }
            ),
            "Logarithmic",
        ),
        (tuning_request(Strategy="Grid"), "CategoricalParameterRanges only"),
        (
            tuning_request(HyperParameterTuningJobObjective={"Type": "Minimize", "MetricName": "validation:speed"}),
            "objective metric validation:speed is none of",
        ),
        (tuning_request(jobs=800), "MaxNumberOfTrainingJobs is limited to 750"),
        (tuning_request(jobs=2, parallel=3), "MaxParallelTrainingJobs (3) must not exceed"),
        (
            _with(
                AlgorithmSpecification={
                    "TrainingImage": OWN,
                    "TrainingInputMode": "File",
                    "MetricDefinitions": [{"Name": "validation:rmse", "Regex": "rmse=[0-9.]+"}],
                }
            ),
            "has no group",
        ),
        (_with(AlgorithmSpecification={"TrainingImage": OWN, "TrainingInputMode": "File"}), "needs a MetricDefinition"),
        (_with(StaticHyperParameters={"eta": "1"}), "both static and tuned"),
        (
            {
                **tuning_request(),
                "WarmStartConfig": {
                    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "nobody"}],
                    "WarmStartType": "TransferLearning",
                },
            },
            "nobody",
        ),
    ],
)
def test_what_is_refused(world: World, request_: dict[str, Any], says: str) -> None:
    with pytest.raises(AwsError, match=re.escape(says)):
        world.call("create_hyper_parameter_tuning_job", **request_)
    assert world.call("list_hyper_parameter_tuning_jobs")["HyperParameterTuningJobSummaries"] == []


def test_a_parent_that_differs_is_refused(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta)
    create(world, jobs=2)
    world.run(20)
    other = {"Type": "Maximize", "MetricName": "validation:rmse"}
    child = tuning_request("child", HyperParameterTuningJobObjective=other)
    config = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "tune"}],
        "WarmStartType": "TransferLearning",
    }
    with pytest.raises(AwsError, match="another objective metric"):
        world.call("create_hyper_parameter_tuning_job", **child, WarmStartConfig=config)


def test_names_are_used_once_and_deleted_jobs_are_gone(world: World) -> None:
    world.script = printing(lambda eta, epoch: eta)
    create(world, jobs=2)
    with pytest.raises(AwsError, match="already exists"):
        create(world, jobs=2)
    with pytest.raises(AwsError, match="InProgress"):
        world.call("delete_hyper_parameter_tuning_job", HyperParameterTuningJobName="tune")
    world.run(20)
    world.call("delete_hyper_parameter_tuning_job", HyperParameterTuningJobName="tune")
    with pytest.raises(AwsError, match="tune"):
        describe(world)
