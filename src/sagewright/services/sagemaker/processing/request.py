"""What CreateProcessingJob takes: the checks beyond the model's, and the defaults AWS shows in Describe.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.runtime.backend import Capabilities
from sagewright.services.sagemaker.jobs import isolation

FOLDER = "/opt/ml/processing"
"""Where a container finds its inputs and leaves its outputs."""

_DEFAULT_MAX_RUNTIME = 86_400


def inputs(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = request.get("ProcessingInputs", ())
    return found


def outputs(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    return found


def check(request: Mapping[str, Any], can: Capabilities) -> None:
    """Raises AwsError for a request AWS would refuse, and for what Sagewright does not do yet.

    can: of the backend that will run the job.
    """
    for what in _unsupported(request, can):
        raise AwsError("ValidationException", f"Sagewright does not support {what} yet.")
    for problem in _problems(request):
        raise AwsError("ValidationException", problem)
    if request.get("NetworkConfig", {}).get("EnableNetworkIsolation"):
        isolation.check(can, several=request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] > 1)


def _unsupported(request: Mapping[str, Any], can: Capabilities) -> Iterator[str]:
    for each in inputs(request):
        where = f"(input {each['InputName']})"
        if "DatasetDefinition" in each:
            yield f"DatasetDefinition, data from Athena or Redshift {where}"
        mode = each.get("S3Input", {}).get("S3InputMode", "File")
        if mode not in can.input_modes:
            yield f"the S3InputMode {mode} {where}"
    for each in outputs(request):
        if "FeatureStoreOutput" in each:
            yield f"FeatureStoreOutput (output {each['OutputName']})"
    if request["ProcessingResources"]["ClusterConfig"].get("InstancePreferences"):
        yield "InstancePreferences"


def _problems(request: Mapping[str, Any]) -> Iterator[str]:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    for member in ("InstanceType", "InstanceCount"):
        if member not in cluster:
            yield f"ProcessingResources.ClusterConfig must have an {member}."
    yield from _repeated("Processing input names", (each["InputName"] for each in inputs(request)))
    yield from _repeated("Processing output names", (each["OutputName"] for each in outputs(request)))
    for each in inputs(request):
        yield from (f"Processing input {each['InputName']}: {problem}" for problem in _of_input(each))
    for each in outputs(request):
        yield from (f"Processing output {each['OutputName']}: {problem}" for problem in _of_place(each, "S3Output"))
    paths = [path for each in inputs(request) if (path := each["S3Input"].get("LocalPath"))]
    yield from _repeated("LocalPath values of processing inputs", (path.rstrip("/") for path in paths))


def _of_input(each: Mapping[str, Any]) -> Iterator[str]:
    yield from _of_place(each, "S3Input")
    source = each["S3Input"]
    if source.get("S3CompressionType", "None") != "None" and source.get("S3InputMode") != "Pipe":
        yield "S3CompressionType Gzip can only be used with the S3InputMode Pipe."


def _of_place(each: Mapping[str, Any], member: str) -> Iterator[str]:
    """What is wrong with an input's or an output's place in S3 or in the container."""
    place = each.get(member)
    if place is None:
        yield f"{member} is required."
    elif not re.match("s3://[^/]", place["S3Uri"]):
        yield f"S3Uri must begin with s3://, and it is {place['S3Uri']}."
    elif "LocalPath" not in place:
        if not each.get("AppManaged"):
            yield "LocalPath is required when AppManaged is False."
    elif not place["LocalPath"].startswith(f"{FOLDER}/") or ".." in place["LocalPath"].split("/"):
        yield f"LocalPath must begin with {FOLDER}/, and it is {place['LocalPath']}."


def _repeated(what: str, values: Iterable[str]) -> Iterator[str]:
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{what} must be unique, and {value} is there more than once."


def with_defaults(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as Describe gives it back."""
    kept = {name: value for name, value in request.items() if name != "Tags"}
    kept["StoppingCondition"] = {"MaxRuntimeInSeconds": _DEFAULT_MAX_RUNTIME, **request.get("StoppingCondition", {})}
    if "ProcessingInputs" in request:
        kept["ProcessingInputs"] = [_input(each) for each in inputs(request)]
    if "ProcessingOutputConfig" in request:
        described = [{"AppManaged": False, **each} for each in outputs(request)]
        kept["ProcessingOutputConfig"] = {**request["ProcessingOutputConfig"], "Outputs": described}
    return kept


def _input(each: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"S3InputMode": "File", "S3DataDistributionType": "FullyReplicated", "S3CompressionType": "None"}
    return {"AppManaged": False, **each, "S3Input": {**defaults, **each["S3Input"]}}
