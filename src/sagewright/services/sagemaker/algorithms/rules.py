"""What an algorithm's TrainingSpecification promises: whether it is consistent, and whether a training job keeps to it.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrainingSpecification.html and
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterSpecification.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sagewright.core.errors import AwsError, validation_error

Specification = Mapping[str, Any]

_NUMBERS: Mapping[str, Callable[[str], float]] = {"Integer": int, "Continuous": float}
_MODES = ("Pipe", "File")
"""FastFile is in the model's enum, as other operations take it, and refused by this one."""
_OF_TUNING = "_tuning_objective_metric"
"""A hyperparameter that tuning jobs add to those of the algorithm."""


def check_specification(specification: Specification) -> None:
    """Raises AwsError for a TrainingSpecification that contradicts itself."""
    parameters = specification.get("SupportedHyperParameters", [])
    channels = specification["TrainingChannels"]
    _unique("hyperparameter", (each["Name"] for each in parameters))
    _unique("channel", (each["Name"] for each in channels))
    for parameter in parameters:
        for problem in _parameter_problems(parameter):
            raise _invalid(f"Hyperparameter {parameter['Name']}: {problem}")
    for number, channel in enumerate(channels, start=1):
        if any(mode not in _MODES for mode in channel["SupportedInputModes"]):
            raise validation_error(
                f"Value '[{', '.join(channel['SupportedInputModes'])}]' at 'trainingSpecification.trainingChannels."
                f"{number}.member.supportedInputModes' failed to satisfy constraint: Member must satisfy constraint: "
                f"[Member must satisfy enum value set: [{', '.join(_MODES)}]]"
            )
    if not specification["SupportedTrainingInstanceTypes"]:
        raise _invalid("SupportedTrainingInstanceTypes must have at least one instance type.")
    metrics = {each["Name"] for each in specification.get("MetricDefinitions", [])}
    for objective in specification.get("SupportedTuningJobObjectiveMetrics", []):
        if objective["MetricName"] not in metrics:
            raise _invalid(f"The objective metric {objective['MetricName']} is not in MetricDefinitions.")


def _unique(what: str, names: Iterable[str]) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise _invalid(f"The {what} {name} is there more than once.")
        seen.add(name)


def _parameter_problems(parameter: Mapping[str, Any]) -> Iterator[str]:
    kind, span = parameter["Type"], parameter.get("Range", {})
    if parameter.get("IsRequired") and "DefaultValue" in parameter:
        yield "a required hyperparameter cannot have a default value."
    allowed = f"{kind}ParameterRangeSpecification"
    for name in span:
        if name != allowed:
            yield f"its Type is {kind}, and a Range of {name} does not go with it."
    if kind in _NUMBERS and allowed in span:
        low, high = (_parse(kind, span[allowed][end]) for end in ("MinValue", "MaxValue"))
        if low is None or high is None or low > high:
            shown = span[allowed]
            yield f"its Range from {shown['MinValue']} to {shown['MaxValue']} is not one of the Type {kind}."
            return
    if "DefaultValue" in parameter and (problem := _value_problem(parameter, parameter["DefaultValue"])):
        yield f"its default value {problem}"


def applied(request: Mapping[str, Any], specification: Specification, name: str) -> dict[str, Any]:
    """A CreateTrainingJob request as the algorithm runs it: default values filled in.

    name: the algorithm's, for messages. Raises AwsError for a request that the algorithm does not support.
    """
    resources = request["ResourceConfig"]
    if resources.get("InstanceType") not in specification["SupportedTrainingInstanceTypes"]:
        raise _invalid(f"The instance type {resources.get('InstanceType')} is not supported by the algorithm {name}.")
    if resources.get("InstanceCount", 1) > 1 and not specification.get("SupportsDistributedTraining"):
        raise _invalid(f"The algorithm {name} does not support distributed training: InstanceCount must be 1.")
    _check_channels(request, specification, name)
    given = request.get("HyperParameters", {})
    parameters = specification.get("SupportedHyperParameters")
    if parameters is None:
        return dict(request)
    _check_hyperparameters(given, parameters, name)
    defaults = {each["Name"]: each["DefaultValue"] for each in parameters if "DefaultValue" in each}
    return {**request, "HyperParameters": {**defaults, **given}}


def _check_hyperparameters(given: Mapping[str, str], parameters: Iterable[Mapping[str, Any]], algorithm: str) -> None:
    known = {each["Name"]: each for each in parameters}
    for name, value in given.items():
        if name not in known:
            if name == _OF_TUNING:
                continue
            raise _invalid(f"The hyperparameter {name} is not supported by the algorithm {algorithm}.")
        if problem := _value_problem(known[name], value):
            raise _invalid(f"The value of the hyperparameter {name} {problem}")
    for name, parameter in known.items():
        if parameter.get("IsRequired") and name not in given:
            raise _invalid(f"The hyperparameter {name} is required by the algorithm {algorithm}.")


def _value_problem(parameter: Mapping[str, Any], value: str) -> str:
    """What is wrong with a value; empty for nothing."""
    kind = parameter["Type"]
    span = parameter.get("Range", {}).get(f"{kind}ParameterRangeSpecification")
    if kind in _NUMBERS:
        number = _parse(kind, value)
        if number is None:
            return f"must be of the type {kind}, and it is {value}."
        if span and not _parse(kind, span["MinValue"]) <= number <= _parse(kind, span["MaxValue"]):  # type: ignore[operator]
            return f"must be between {span['MinValue']} and {span['MaxValue']}, and it is {value}."
    elif kind == "Categorical" and span and value not in span["Values"]:
        return f"must be one of [{', '.join(span['Values'])}], and it is {value}."
    return ""


def _parse(kind: str, text: str) -> float | None:
    try:
        number = _NUMBERS[kind](text)
    except ValueError:
        return None
    return number if number == number else None  # NaN is no number


def _check_channels(request: Mapping[str, Any], specification: Specification, algorithm: str) -> None:
    known = {channel["Name"]: channel for channel in specification["TrainingChannels"]}
    given = request.get("InputDataConfig", [])
    for channel in given:
        name = channel["ChannelName"]
        if name not in known:
            raise _invalid(f"The channel {name} is not supported by the algorithm {algorithm}.")
        default = request["AlgorithmSpecification"]["TrainingInputMode"]
        for member, value, supported in (
            ("InputMode", channel.get("InputMode", default), "SupportedInputModes"),
            ("ContentType", channel.get("ContentType"), "SupportedContentTypes"),
            ("CompressionType", channel.get("CompressionType", "None"), "SupportedCompressionTypes"),
        ):
            allowed = known[name].get(supported) or [value]
            if value is not None and value not in allowed:
                raise _invalid(
                    f"The {member} {value} of the channel {name} is not supported by the algorithm {algorithm}: it "
                    f"must be one of [{', '.join(allowed)}]."
                )
    present = {channel["ChannelName"] for channel in given}
    for name, channel in known.items():
        if channel.get("IsRequired") and name not in present:
            raise _invalid(f"The channel {name} is required by the algorithm {algorithm}.")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
