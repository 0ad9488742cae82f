"""What CreateHyperParameterTuningJob takes, beyond the model's constraints, and its training jobs' requests.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.sagemaker.tuning import ranges

_MOST_PARALLEL = 100
_MOST_JOBS = {"Bayesian": 750, "Hyperband": 10_000, "Random": 10_000, "Grid": 10_000}
"""As high as AWS raises its quotas."""

_CARRIED = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
)
"""Members of a training job definition that are a training job's own."""

Metrics = Callable[[str], Sequence[Mapping[str, str]] | None]
"""The MetricDefinitions of an image's algorithm; None for an image that has none of its own, or no runner."""


def definitions(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The job's training job definitions, each whole: with its objective and its ranges."""
    config = request["HyperParameterTuningJobConfig"]
    if "TrainingJobDefinitions" in request:
        return [dict(each) for each in request["TrainingJobDefinitions"]]
    whole = dict(request["TrainingJobDefinition"])
    whole.setdefault("TuningObjective", config.get("HyperParameterTuningJobObjective"))
    whole.setdefault("HyperParameterRanges", config.get("ParameterRanges", {}))
    return [whole]


def check(request: Mapping[str, Any], metrics: Metrics) -> None:
    """Raises AwsError for a request AWS would refuse; the training jobs' own requests are not looked at."""
    _check_definitions(request)
    _check_limits(request)
    strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
    for definition in definitions(request):
        if definition.get("TuningObjective") is None:
            raise _invalid("A tuning job needs an objective metric: HyperParameterTuningJobObjective.")
        tuned = definition.get("HyperParameterRanges", {})
        ranges.check(tuned, definition.get("StaticHyperParameters", {}))
        if strategy == "Grid" and not ranges.only_categorical(tuned):
            raise _invalid("The Grid strategy takes CategoricalParameterRanges only.")
        _check_objective(definition, metrics)
    if strategy == "Grid":
        _check_grid(request)


def _check_definitions(request: Mapping[str, Any]) -> None:
    single, several = "TrainingJobDefinition" in request, "TrainingJobDefinitions" in request
    if single == several:
        raise _invalid("Exactly one of TrainingJobDefinition and TrainingJobDefinitions must be given.")
    config = request["HyperParameterTuningJobConfig"]
    if several:
        names = [each.get("DefinitionName") for each in request["TrainingJobDefinitions"]]
        if None in names or len(set(names)) < len(names):
            raise _invalid("Each of the TrainingJobDefinitions must have a DefinitionName of its own.")
        if "ParameterRanges" in config or "HyperParameterTuningJobObjective" in config:
            raise _invalid(
                "With TrainingJobDefinitions, ranges and objectives are each definition's: HyperParameterRanges and "
                "TuningObjective."
            )
    for each in definitions(request):
        if "ResourceConfig" not in each and "HyperParameterTuningResourceConfig" not in each:
            raise _invalid("A training job definition needs a ResourceConfig.")


def _check_limits(request: Mapping[str, Any]) -> None:
    config = request["HyperParameterTuningJobConfig"]
    limits, strategy = config["ResourceLimits"], config["Strategy"]
    jobs, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    if parallel > _MOST_PARALLEL:
        raise _exceeded("MaxParallelTrainingJobs", _MOST_PARALLEL, parallel)
    if jobs is not None and jobs > _MOST_JOBS[strategy]:
        raise _exceeded("MaxNumberOfTrainingJobs", _MOST_JOBS[strategy], jobs)
    if jobs is not None and parallel > jobs:
        raise _invalid(f"MaxParallelTrainingJobs ({parallel}) must not exceed MaxNumberOfTrainingJobs ({jobs}).")
    if jobs is None and strategy != "Grid" and "MaxRuntimeInSeconds" not in limits and "Autotune" not in request:
        raise _invalid("MaxNumberOfTrainingJobs or MaxRuntimeInSeconds must be given.")
    if strategy == "Hyperband":
        if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
            raise _invalid(
                "TrainingJobEarlyStoppingType must be Off with the Hyperband strategy, which stops by itself."
            )
        epochs = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
        if epochs.get("MinResource", 1) >= epochs.get("MaxResource", 10**9):
            raise _invalid("MinResource must be below MaxResource in the HyperbandStrategyConfig.")
    elif "StrategyConfig" in config:
        raise _invalid("StrategyConfig is for the Hyperband strategy.")


def _check_objective(definition: Mapping[str, Any], metrics: Metrics) -> None:
    """The objective must be a metric that the training jobs' logs can give."""
    algorithm = definition["AlgorithmSpecification"]
    own, objective = algorithm.get("MetricDefinitions", ()), definition["TuningObjective"]["MetricName"]
    for each in own:
        try:
            groups = re.compile(each["Regex"]).groups
        except re.error as error:
            raise _invalid(f"The Regex of the metric {each['Name']} is not valid: {error}.") from None
        if not groups:
            raise _invalid(f"The Regex of the metric {each['Name']} has no group to take the value from.")
    built_in = metrics(algorithm["TrainingImage"]) if "TrainingImage" in algorithm else ()
    names = [each["Name"] for each in (*own, *(built_in or ()))]
    if names and objective not in names:
        raise _invalid(
            f"The objective metric {objective} is none of the training job's metrics: {', '.join(sorted(names))}."
        )
    if not names and built_in is None and "TrainingImage" in algorithm:
        raise _invalid(f"The objective metric {objective} needs a MetricDefinition with that name.")


def _check_grid(request: Mapping[str, Any]) -> None:
    points = sum(ranges.size(each.get("HyperParameterRanges", {})) for each in definitions(request))
    jobs = request["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs", points)
    if jobs != points:
        raise _invalid(
            f"With the Grid strategy MaxNumberOfTrainingJobs must be left out, or be the number of points: {points}."
        )
    if points > _MOST_JOBS["Grid"]:
        raise _exceeded("The number of the grid's points", _MOST_JOBS["Grid"], points)


def kept(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with what AWS fills in: the objective among the static hyperparameters, for the algorithm, and a
    ResourceConfig of each definition."""

    def told(definition: Mapping[str, Any], objective: Mapping[str, str]) -> dict[str, Any]:
        own = {"_tuning_objective_metric": objective["MetricName"]}
        static = {**definition.get("StaticHyperParameters", {}), **own}
        resources = definition.get("ResourceConfig") or _resources(definition["HyperParameterTuningResourceConfig"])
        return {**definition, "StaticHyperParameters": static, "ResourceConfig": resources}

    answer = {name: value for name, value in request.items() if name != "Tags"}
    if "TrainingJobDefinition" in request:
        (whole,) = definitions(request)
        answer["TrainingJobDefinition"] = told(request["TrainingJobDefinition"], whole["TuningObjective"])
    else:
        several = request["TrainingJobDefinitions"]
        answer["TrainingJobDefinitions"] = [told(each, each["TuningObjective"]) for each in several]
    return answer


def shown(request: Mapping[str, Any], metrics: Metrics) -> dict[str, Any]:
    """What was kept, as Describe gives it back: built-in algorithms have their metrics."""

    def measured(definition: Mapping[str, Any]) -> dict[str, Any]:
        algorithm = definition["AlgorithmSpecification"]
        built_in = metrics(algorithm["TrainingImage"]) if "TrainingImage" in algorithm else None
        own = {"MetricDefinitions": [dict(each) for each in built_in]} if built_in else {}
        return {**definition, "AlgorithmSpecification": {**own, **algorithm}}

    if "TrainingJobDefinition" in request:
        return {**request, "TrainingJobDefinition": measured(request["TrainingJobDefinition"])}
    return {**request, "TrainingJobDefinitions": [measured(each) for each in request["TrainingJobDefinitions"]]}


def training_request(name: str, definition: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """CreateTrainingJob's for one choice of values."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": definition["AlgorithmSpecification"],
        "HyperParameters": {
            **definition.get("StaticHyperParameters", {}),
            **values,
        },
        **{member: definition[member] for member in _CARRIED if member in definition},
    }


def _resources(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of several types the first is taken: there is always capacity for it."""
    several = config.get("InstanceConfigs")
    chosen = several[0] if several else config
    names = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
    return {"InstanceCount": 1, "VolumeSizeInGB": 30, **{name: chosen[name] for name in names if name in chosen}}


def example(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A training job's request of each definition, so that what is wrong with them shows before any is launched."""
    found = []
    for definition in definitions(request):
        tuned = ranges.described(definition.get("HyperParameterRanges", {}))
        values = {each["name"]: str(each.get("low", each.get("values", [""])[0])) for each in tuned}
        found.append(training_request("example", definition, values))
    return found


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _exceeded(what: str, most: int, asked: int) -> AwsError:
    return AwsError("ResourceLimitExceeded", f"{what} is limited to {most}, and {asked} were requested.")
