"""A training job as the workloads of its instances: command, environment, channels in, artifacts out.

The container's side of it:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from sagewright.runtime.workload import Channel, S3Input, Upload, Workload
from sagewright.services.sagemaker.images import Runner
from sagewright.services.sagemaker.jobs.cluster import Cluster, Group
from sagewright.services.sagemaker.jobs.identity import job_arn, workload_id
from sagewright.services.sagemaker.jobs.instances import resource_config
from sagewright.services.sagemaker.jobs.launch import Launch
from sagewright.services.sagemaker.jobs.source import source
from sagewright.services.sagemaker.jobs.status import trained
from sagewright.services.sagemaker.training.folders import folder_input
from sagewright.services.sagemaker.training.request import OPT_ML, image_of
from sagewright.store import Document

_DISTRIBUTION = "S3DataDistributionType"


def cluster(request: Mapping[str, Any]) -> Cluster:
    """The instances that a request asks for."""
    resources = request["ResourceConfig"]
    if groups := resources.get("InstanceGroups"):
        return Cluster(tuple(Group(g["InstanceGroupName"], g["InstanceType"], g["InstanceCount"]) for g in groups))
    return Cluster.of_one(resources["InstanceType"], resources["InstanceCount"])


def workload(launch: Launch) -> Workload:
    """The first instance stores what all have written. Raises Unsupported."""
    request, document, hosts = launch.request, launch.document, launch.cluster.hosts
    own_code = bool(request["AlgorithmSpecification"].get("ContainerEntrypoint"))
    present = [each for each in request["InputDataConfig"] if launch.host in _receivers(each, launch.cluster)]
    channels = [_channel(channel, launch) for channel in present]
    if launch.runner.kind != "algorithm" or own_code:
        channels = [_own(channel) for channel in channels]
    uploads, first = _uploads(document), launch.host == hosts[0]
    return launch.workload(
        command=command(request, launch.runner),
        entrypoint=own_code,
        setup=() if own_code else launch.runner.setup,
        env=_environment(launch),
        config=_config(launch, present),
        channels=(*channels, *_checkpoints(request), *_source(request)),
        uploads=uploads if first else tuple(upload for upload in uploads if upload.continuous),
        gathers={name: workload_id(document, name) for name in hosts[1:]} if first else {},
        max_runtime=max(1, request["StoppingCondition"]["MaxRuntimeInSeconds"] - trained(document.body["state"])),
        network_isolation=request["EnableNetworkIsolation"],
    )


def _receivers(channel: Mapping[str, Any], cluster: Cluster) -> list[str]:
    """The hosts that get a channel."""
    return cluster.within(channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", []))


def command(request: Mapping[str, Any], runner: Runner) -> tuple[str, ...]:
    """What the container runs: the image's command, or that of the request in its place."""
    algorithm = request["AlgorithmSpecification"]
    return (*(algorithm.get("ContainerEntrypoint") or runner.train), *algorithm.get("ContainerArguments", ()))


def output_folder(document: Document) -> str:
    """Where the job's artifacts go: an s3 uri without a slash at its end."""
    return f"{document.body['request']['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{document.key}/output"


def model_artifacts(document: Document) -> str:
    """The s3 uri of the model: an object, or a prefix where the job asked for no compression."""
    plain = document.body["request"]["OutputDataConfig"]["CompressionType"] == "NONE"
    return f"{output_folder(document)}/{'model/' if plain else 'model.tar.gz'}"


def _environment(launch: Launch) -> dict[str, str]:
    document = launch.document
    return {
        **launch.environment(image_of(document.body)),
        "TRAINING_JOB_NAME": document.key,
        "TRAINING_JOB_ARN": job_arn(document.space, document.key),
        "SM_NUM_CPUS": launch.threads,
        "SM_NUM_GPUS": str(launch.grant.resources.gpus),
    }


def _config(launch: Launch, channels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The documents of /opt/ml/input/config. channels: those the instance gets."""
    request = launch.request
    checkpoints = request.get("CheckpointConfig")
    return {
        **({"checkpointconfig": {"LocalPath": f"{OPT_ML}/checkpoints", **checkpoints}} if checkpoints else {}),
        "hyperparameters": request["HyperParameters"],
        "inputdataconfig": {each["ChannelName"]: _channel_config(each, request) for each in channels},
        "resourceconfig": resource_config(launch.host, launch.cluster),
    }


def _input_mode(channel: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    return str(channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"]))


def _channel_config(channel: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, str]:
    mode = _input_mode(channel, request)
    described = {
        "TrainingInputMode": "File" if mode == "FastFile" else mode,  # to the container they are the same
        # Each instance sees all of a file system.
        "S3DistributionType": channel["DataSource"].get("S3DataSource", {}).get(_DISTRIBUTION, "FullyReplicated"),
        "RecordWrapperType": channel["RecordWrapperType"],
    }
    return {"ContentType": channel["ContentType"], **described} if "ContentType" in channel else described


def _channel(channel: Mapping[str, Any], launch: Launch) -> Channel:
    request = launch.request
    if "FileSystemDataSource" in channel["DataSource"]:
        return Channel(
            name=channel["ChannelName"],
            source=folder_input(channel, launch.document.body),
            content_type=channel.get("ContentType", ""),
            read_only=channel["DataSource"]["FileSystemDataSource"]["FileSystemAccessMode"] == "ro",
        )
    source = channel["DataSource"]["S3DataSource"]
    shard, shards = launch.share(source[_DISTRIBUTION], _receivers(channel, launch.cluster))
    return Channel(
        name=channel["ChannelName"],
        source=S3Input(
            source["S3Uri"],
            source["S3DataType"],
            shard=shard,
            shards=shards,
            role=request["RoleArn"],
            attributes=tuple(source.get("AttributeNames", ())),
            shuffle=channel["ShuffleConfig"]["Seed"] if "ShuffleConfig" in channel else None,
        ),
        content_type=channel.get("ContentType", ""),
        compression=channel["CompressionType"],
        input_mode=_input_mode(channel, request),
        record_wrapper=channel["RecordWrapperType"],
    )


def _own(channel: Channel) -> Channel:
    """A user's code may write to its channels in File mode, as on AWS, and so gets copies; FastFile has links."""
    writable = isinstance(channel.source, S3Input) and channel.input_mode == "File"
    return replace(channel, read_only=False) if writable else channel


def _source(request: Mapping[str, Any]) -> tuple[Channel, ...]:
    """A script's source, where it is in S3."""
    where = request["HyperParameters"].get("sagemaker_submit_directory", "")
    with suppress(ValueError):  # the SDK sends JSON, others a plain word
        where = str(json.loads(where))
    return source(where, request["RoleArn"])


def _checkpoints(request: Mapping[str, Any]) -> tuple[Channel, ...]:
    """What an earlier run left, for this one to go on from."""
    config = request.get("CheckpointConfig")
    if config is None:
        return ()
    folder = _below_opt_ml(config.get("LocalPath", f"{OPT_ML}/checkpoints"))
    source = S3Input(f"{config['S3Uri'].rstrip('/')}/", role=request["RoleArn"])
    return (Channel("checkpoints", source, path=folder, read_only=False, optional=True),)


def _uploads(document: Document) -> tuple[Upload, ...]:
    request, folder = document.body["request"], output_folder(document)
    plain = request["OutputDataConfig"]["CompressionType"] == "NONE"
    if plain:
        uploads = [
            Upload("model", f"{folder}/model", form="files"),
            Upload("output/data", f"{folder}/data", form="files", on_failure=True),
        ]
    else:
        uploads = [
            Upload("model", folder),
            Upload("output/data", folder, name="output.tar.gz", on_failure=True, skip_empty=True),
        ]
    if checkpoints := request.get("CheckpointConfig"):
        uploads.append(_synced(checkpoints.get("LocalPath", f"{OPT_ML}/checkpoints"), checkpoints["S3Uri"]))
    if board := request.get("TensorBoardOutputConfig"):
        target = f"{board['S3OutputPath'].rstrip('/')}/{document.key}/tensorboard-output"
        uploads.append(_synced(board.get("LocalPath", f"{OPT_ML}/output/tensorboard"), target))
    return tuple(uploads)


def _synced(path: str, uri: str) -> Upload:
    """A folder that goes to S3 while the job runs."""
    return Upload(_below_opt_ml(path), uri.rstrip("/"), form="files", on_failure=True, skip_empty=True, continuous=True)


def _below_opt_ml(path: str) -> str:
    return str(PurePosixPath(path).relative_to(OPT_ML))
