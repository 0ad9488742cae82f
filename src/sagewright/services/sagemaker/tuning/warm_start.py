"""What a tuning job learns from earlier ones.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.sagemaker.tuning import trials
from sagewright.services.sagemaker.tuning.ranges import described
from sagewright.services.sagemaker.tuning.request import definitions
from sagewright.store import Document


def parent_names(request: Mapping[str, Any]) -> list[str]:
    """None without a warm start."""
    config = request.get("WarmStartConfig", {})
    return [each["HyperParameterTuningJobName"] for each in config.get("ParentHyperParameterTuningJobs", ())]


def check(request: Mapping[str, Any], parents: Iterable[Document]) -> None:
    """Raises AwsError where a parent does not fit."""
    if "TrainingJobDefinitions" in request:
        raise AwsError("ValidationException", "A warm start takes a single TrainingJobDefinition.")
    identical = request["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"
    (own,) = definitions(request)
    for parent in parents:
        if parent.status not in ("Completed", "Stopped", "Failed"):
            raise _unfit(parent, f"is in status {parent.status}; it must have ended")
        for problem in _differences(own, definitions(parent.body["request"])[0], identical=identical):
            raise _unfit(parent, problem)


def _unfit(parent: Document, problem: str) -> AwsError:
    return AwsError("ValidationException", f"The parent tuning job {parent.key} {problem}.")


def _differences(own: Mapping[str, Any], other: Mapping[str, Any], *, identical: bool) -> Iterable[str]:
    if own["TuningObjective"] != other["TuningObjective"]:
        yield f"has another objective metric: {other['TuningObjective']['MetricName']}"
    mine, theirs = _kinds(own), _kinds(other)
    if len(mine) != len(theirs):
        yield f"has {len(theirs)} hyperparameters, static and tuned ones together; this one has {len(mine)}"
    for name, kind in mine.items():
        if kind and theirs.get(name) and theirs[name] != kind:
            yield f"has {name} as {theirs[name]} hyperparameter; this one has it as {kind}"
    images = [each["AlgorithmSpecification"].get("TrainingImage", "").rpartition(":")[0] for each in (own, other)]
    if identical and images[0] != images[1]:
        yield "has another training image, which IdenticalDataAndAlgorithm does not allow"
    if identical and own.get("InputDataConfig") != other.get("InputDataConfig"):
        yield "has other input data, which IdenticalDataAndAlgorithm does not allow; TransferLearning does"


def _kinds(definition: Mapping[str, Any]) -> dict[str, str]:
    """Name to kind; empty for a static one."""
    static = dict.fromkeys(definition.get("StaticHyperParameters", {}), "")
    return static | {each["name"]: each["kind"] for each in described(definition.get("HyperParameterRanges", {}))}


def inherited(parent: Document) -> list[dict[str, Any]]:
    """The parent's own trials as the optimiser takes them; what it inherited itself is not among them."""
    (definition,) = definitions(parent.body["request"])
    static = definition.get("StaticHyperParameters", {})
    return [
        {"values": {**static, **trial["Values"]}, "objective": trial["Objective"], "ended": True, "parent": parent.key}
        for trial in parent.body["state"]["Trials"]
        if trials.succeeded(trial)
    ]
