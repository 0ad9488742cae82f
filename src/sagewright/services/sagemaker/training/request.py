"""What CreateTrainingJob takes: the checks beyond the model's, and the defaults AWS shows in Describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagewright.core.errors import AwsError, validation_error
from sagewright.runtime.backend import Capabilities
from sagewright.services.sagemaker.images import Images, Runner, has_script
from sagewright.services.sagemaker.jobs import isolation
from sagewright.services.sagemaker.training import channels

OPT_ML = "/opt/ml"
"""Where a container finds everything; the agent gives each instance its own."""

_UNSUPPORTED = {
    "DebugRuleConfigurations": "Debugger rules",
    "MlflowConfig": "MLflow",
    "ModelPackageConfig": "model packages as a job's output",
    "ServerlessJobConfig": "serverless jobs",
}
"""Members that would have to do something here. Others that have no effect on one's own machine are kept as sent:
VpcConfig, KMS keys, profiler and hook settings."""

_DEFAULT_MAX_RUNTIME = 86_400
_LONGEST_RUNTIME = 28 * 86_400
"""Seconds; https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html"""


def check(request: Mapping[str, Any], can: Capabilities) -> None:
    """Raises AwsError for a request AWS would refuse, and for what Sagewright does not do yet.

    can: of the backend that will run the job.
    """
    for member, shown in (("ResourceConfig", "resourceConfig"), ("StoppingCondition", "stoppingCondition")):
        if member not in request and "ServerlessJobConfig" not in request:
            raise validation_error(f"Value null at '{shown}' failed to satisfy constraint: Member must not be null")
    for what in (*_unsupported(request), *channels.unsupported(request, can.input_modes)):
        raise AwsError("ValidationException", f"Sagewright does not support {what} yet.")
    if request.get("EnableNetworkIsolation"):
        isolation.check(can, several=_several(request.get("ResourceConfig", {})))
    _check_algorithm(request.get("AlgorithmSpecification", {}))
    channels.check(request)
    _check_stopping(request)
    for problem in _of_instances(request):
        raise AwsError("ValidationException", problem)
    if request["ResourceConfig"].get("KeepAlivePeriodInSeconds") and request.get("EnableManagedSpotTraining"):
        raise AwsError("ValidationException", "KeepAlivePeriodInSeconds cannot be used with managed spot training.")


def _unsupported(request: Mapping[str, Any]) -> Iterator[str]:
    yield from (why for member, why in _UNSUPPORTED.items() if request.get(member))
    resources = request.get("ResourceConfig", {})
    for member in ("TrainingPlanArn", "InstancePreferences", "InstancePlacementConfig"):
        if resources.get(member):
            yield member
    if request.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"):
        yield "remote debugging"
    for member in ("CheckpointConfig", "TensorBoardOutputConfig"):
        path = request.get(member, {}).get("LocalPath")
        if path is not None and (not path.startswith(f"{OPT_ML}/") or ".." in path.split("/")):
            yield f"the LocalPath {path} ({member}): it must be a folder below {OPT_ML}"


def _several(resources: Mapping[str, Any]) -> bool:
    counts = [group["InstanceCount"] for group in resources.get("InstanceGroups", [])]
    total: int = sum(counts or [resources.get("InstanceCount", 1)])
    return total > 1


def _of_instances(request: Mapping[str, Any]) -> Iterator[str]:
    resources = request["ResourceConfig"]
    groups = [group["InstanceGroupName"] for group in resources.get("InstanceGroups", [])]
    if not groups:
        if resources.get("InstanceType") is None:
            yield "ResourceConfig must have an InstanceType."
        if resources.get("InstanceCount", 0) < 1:
            yield "ResourceConfig must have an InstanceCount of at least 1."
    elif resources.get("InstanceType") or resources.get("InstanceCount"):
        yield "ResourceConfig can have InstanceGroups, or InstanceType and InstanceCount, not both."
    for name in groups:
        if groups.count(name) > 1:
            yield f"Instance group names must be unique, and {name} is there more than once."
    for channel in request.get("InputDataConfig", []):
        for name in channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", []):
            if name not in groups:
                yield f"Channel {channel['ChannelName']}: there is no instance group {name} in ResourceConfig."


def _check_algorithm(algorithm: Mapping[str, Any]) -> None:
    if bool(algorithm.get("TrainingImage")) == bool(algorithm.get("AlgorithmName")):
        either = "either a TrainingImage or an AlgorithmName"
        both = ", not both" if algorithm.get("TrainingImage") else ""
        raise AwsError("ValidationException", f"AlgorithmSpecification must have {either}{both}.")


def image_of(body: Mapping[str, Any]) -> str:
    """The image that a job's document runs: the one it names, or that of its algorithm when it was created."""
    image: str = body.get("image") or body["request"]["AlgorithmSpecification"]["TrainingImage"]
    return image


def runner_of(images: Images, body: Mapping[str, Any]) -> Runner:
    """Of a job's document. Raises UnknownImage."""
    return images.runner(image_of(body), script=runs_script(body["request"]))


def runs_script(request: Mapping[str, Any]) -> bool:
    """Whether the user's own code runs in the job, whatever the image has."""
    own = request["AlgorithmSpecification"].get("ContainerEntrypoint")
    return bool(own) or has_script(request.get("HyperParameters", {}), request.get("Environment", {}))


def _check_stopping(request: Mapping[str, Any]) -> None:
    condition = request["StoppingCondition"]
    wait = condition.get("MaxWaitTimeInSeconds")
    if condition.get("MaxRuntimeInSeconds", 0) > _LONGEST_RUNTIME:
        raise AwsError(
            "ValidationException", f"MaxRuntimeInSeconds cannot be greater than {_LONGEST_RUNTIME}: 28 days."
        )
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise AwsError("ValidationException", "MaxWaitTimeInSeconds is only for jobs with managed spot training.")
    elif wait is None or wait < condition.get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME):
        raise AwsError(
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
        )


def check_metrics(request: Mapping[str, Any], *, built_in: bool) -> None:
    """A built-in algorithm's metrics are its own. built_in: such a one runs, not a script of the user's."""
    if built_in and request["AlgorithmSpecification"].get("MetricDefinitions"):
        raise AwsError(
            "ValidationException",
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions.",
        )


def with_defaults(request: Mapping[str, Any], metrics: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The request as Describe gives it back. metrics: the image's own MetricDefinitions."""
    algorithm = dict(request["AlgorithmSpecification"])
    algorithm.setdefault("EnableSageMakerMetricsTimeSeries", False)
    if metrics and "MetricDefinitions" not in algorithm:
        algorithm["MetricDefinitions"] = [dict(metric) for metric in metrics]
    return {
        "HyperParameters": {},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **{name: value for name, value in request.items() if name != "Tags"},
        "AlgorithmSpecification": algorithm,
        "InputDataConfig": [_channel(channel) for channel in request.get("InputDataConfig", [])],
        "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **request["OutputDataConfig"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": _DEFAULT_MAX_RUNTIME, **request["StoppingCondition"]},
    }


def _channel(channel: Mapping[str, Any]) -> dict[str, Any]:
    source = dict(channel["DataSource"])
    if "S3DataSource" in source:
        source["S3DataSource"] = {"S3DataDistributionType": "FullyReplicated", **source["S3DataSource"]}
    return {"CompressionType": "None", "RecordWrapperType": "None", **channel, "DataSource": source}
