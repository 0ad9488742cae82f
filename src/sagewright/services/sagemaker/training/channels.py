"""What CreateTrainingJob takes for its input channels, beyond the model's constraints.

Which mode goes with which form of data:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Channel.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.sagemaker.training import folders

_S3_DATA_TYPES = ("S3Prefix", "ManifestFile", "AugmentedManifestFile")


def unsupported(request: Mapping[str, Any], modes: frozenset[str]) -> Iterator[str]:
    """What of the channels does not work here. modes: the input modes of the backend that will run the job."""
    for channel in request.get("InputDataConfig", []):
        where = f"(channel {channel['ChannelName']})"
        mode = _mode(channel, request)
        if mode not in modes:
            yield f"the input mode {mode} {where}"
        source = channel["DataSource"]
        if "DatasetSource" in source:
            yield f"DatasetSource {where}"
        kind = source.get("S3DataSource", {}).get("S3DataType", "S3Prefix")
        if kind not in _S3_DATA_TYPES:
            yield f"S3DataType {kind} {where}"


def check(request: Mapping[str, Any]) -> None:
    """Raises AwsError for what AWS does not do either."""
    channels = request.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    for name in names:
        if names.count(name) > 1:
            raise AwsError("ValidationException", f"Channel names must be unique, and {name} is there more than once.")
    for channel in channels:
        mode = _mode(channel, request)
        of_folders = "FileSystemDataSource" in channel["DataSource"]
        for problem in folders.problems(channel, mode, request) if of_folders else _problems(channel, mode):
            raise AwsError("ValidationException", f"Channel {channel['ChannelName']}: {problem}")


def _mode(channel: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    return str(channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"]))


def _problems(channel: Mapping[str, Any], mode: str) -> Iterator[str]:
    if not channel["DataSource"]:
        yield "its DataSource is empty."
    source = channel["DataSource"].get("S3DataSource", {})
    kind = source.get("S3DataType")
    if kind == "AugmentedManifestFile":
        if mode != "Pipe":
            yield f"AugmentedManifestFile can only be used if the channel's input mode is Pipe, and it is {mode}."
        if not source.get("AttributeNames"):
            yield "AugmentedManifestFile needs AttributeNames: the attributes of its lines that are to be streamed."
    elif source.get("AttributeNames"):
        yield f"AttributeNames can only be used with the S3DataType AugmentedManifestFile, and it is {kind}."
    if mode == "FastFile" and kind not in ("S3Prefix", None):
        yield f"the input mode FastFile must have the S3DataType S3Prefix, and it is {kind}."
    if mode == "FastFile" and channel.get("CompressionType", "None") != "None":
        yield f"CompressionType {channel['CompressionType']} cannot be used with the input mode FastFile."
    if mode != "Pipe" and channel.get("RecordWrapperType", "None") != "None":
        yield f"RecordWrapperType {channel['RecordWrapperType']} can only be used with the input mode Pipe."
