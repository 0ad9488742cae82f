"""What UpdateTrainingJob may change, and when.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateTrainingJob.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/train-remote-debugging.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright.core.errors import AwsError

_MEMBERS = ("ProfilerConfig", "ProfilerRuleConfigurations", "ResourceConfig", "RemoteDebugConfig")


def updated(request: Mapping[str, Any], changes: Mapping[str, Any], status: str) -> dict[str, Any]:
    """A job's request with the changes that an update asks for.

    changes: UpdateTrainingJob's request. status: the job's. Raises AwsError for what cannot be changed (any more).
    """
    asked = [member for member in _MEMBERS if member in changes]
    if not asked:
        raise AwsError("ValidationException", f"At least one of {', '.join(_MEMBERS)} must be given.")
    if "ResourceConfig" in asked and not request["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
        raise AwsError("ValidationException", "The training job has no warm pool whose retention could be changed.")
    if asked == ["ResourceConfig"] and status != "InProgress":
        return {**request, "ResourceConfig": {**request["ResourceConfig"], **changes["ResourceConfig"]}}
    if status != "InProgress":
        raise AwsError(
            "ValidationException",
            f"The request was rejected because the training job is in status {status}: {', '.join(asked)} can only be "
            "updated while it is InProgress.",
        )
    if changes.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"):
        raise AwsError("ValidationException", "Sagewright does not support remote debugging yet.")
    made = dict(request)
    if "ResourceConfig" in asked:
        made["ResourceConfig"] = {**request["ResourceConfig"], **changes["ResourceConfig"]}
    if "RemoteDebugConfig" in asked:
        made["RemoteDebugConfig"] = dict(changes["RemoteDebugConfig"])
    if "ProfilerConfig" in asked:
        made["ProfilerConfig"] = {**request.get("ProfilerConfig", {}), **changes["ProfilerConfig"]}
    if "ProfilerRuleConfigurations" in asked:
        made["ProfilerRuleConfigurations"] = _rules(request, changes["ProfilerRuleConfigurations"])
    return made


def _rules(request: Mapping[str, Any], added: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules are added, and one of a name that is there takes its place."""
    present = {rule["RuleConfigurationName"]: rule for rule in request.get("ProfilerRuleConfigurations", [])}
    names = [rule["RuleConfigurationName"] for rule in added]
    for name in names:
        if names.count(name) > 1:
            raise AwsError("ValidationException", f"The profiler rule {name} is there more than once.")
    return list({**present, **dict(zip(names, added, strict=True))}.values())
