"""A training job as the workloads of its instances: command, environment, channels in, artifacts out.

The container's side of it:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from sagewright.runtime.capacity import Grant
from sagewright.runtime.workload import Channel, S3Input, Upload, Workload
from sagewright.services.sagemaker.images import Runner
from sagewright.services.sagemaker.jobs.identity import job_arn, job_id, workload_id
from sagewright.services.sagemaker.jobs.instances import host_names, resource_config
from sagewright.services.sagemaker.jobs.kind import Cluster
from sagewright.services.sagemaker.jobs.source import source
from sagewright.services.sagemaker.jobs.status import trained
from sagewright.services.sagemaker.training.folders import folder_input
from sagewright.services.sagemaker.training.request import OPT_ML, image_of
from sagewright.store import Document

_DISTRIBUTION = "S3DataDistributionType"


def cluster(request: Mapping[str, Any]) -> Cluster:
    """The instances that a request asks for."""
    return Cluster(request["ResourceConfig"]["InstanceType"], request["ResourceConfig"]["InstanceCount"])


def workloads(document: Document, runner: Runner, grant: Grant, credentials: Mapping[str, str]) -> list[Workload]:
    """One an instance, in order; the first stores what all have written.

    grant: the part of this machine that each gets. credentials: of a session of the job's role.
    """
    names = host_names(cluster(document.body["request"]).count)
    return [_workload(document, runner, grant, credentials, names, rank) for rank in range(len(names))]


def _workload(
    document: Document,
    runner: Runner,
    grant: Grant,
    credentials: Mapping[str, str],
    names: list[str],
    rank: int,
) -> Workload:
    request, space = document.body["request"], document.space
    host, addresses = names[rank], document.body["state"]["Hosts"]
    channels = [_channel(channel, document.body, rank, len(names)) for channel in request["InputDataConfig"]]
    if runner.kind != "algorithm" or request["AlgorithmSpecification"].get("ContainerEntrypoint"):
        channels = [_own(channel) for channel in channels]
    uploads = _uploads(document)
    return Workload(
        id=workload_id(document, host),
        kind="batch",
        command=command(request, runner),
        setup=() if request["AlgorithmSpecification"].get("ContainerEntrypoint") else runner.setup,
        env=_environment(document, grant),
        config=_config(request, host, names),
        channels=(*channels, *_checkpoints(request), *_source(request)),
        uploads=uploads if rank == 0 else tuple(upload for upload in uploads if upload.continuous),
        gathers={name: workload_id(document, name) for name in names[1:]} if rank == 0 else {},
        job=job_id(document),
        network=workload_id(document, names[0]) if len(names) > 1 else "",
        resources=grant.resources,
        max_runtime=max(1, request["StoppingCondition"]["MaxRuntimeInSeconds"] - trained(document.body["state"])),
        network_isolation=request["EnableNetworkIsolation"],
        hostname=host,
        address=addresses[host],
        hosts=addresses,
        log_header=grant.notes,
        region=space.region,
        account=space.account,
        credentials=credentials,
    )


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


def _environment(document: Document, grant: Grant) -> dict[str, str]:
    request, state, region = document.body["request"], document.body["state"], document.space.region
    threads = str(max(1, int(grant.resources.vcpus)))
    return {
        "OMP_NUM_THREADS": threads,
        **request.get("Environment", {}),
        "SAGEWRIGHT_IMAGE": image_of(document.body),
        "SAGEWRIGHT_HOSTS": json.dumps(state["Hosts"]),
        "SAGEWRIGHT_JOB_TOKEN": state["Token"],
        "TRAINING_JOB_NAME": document.key,
        "TRAINING_JOB_ARN": job_arn(document.space, document.key),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "SM_NUM_CPUS": threads,
        "SM_NUM_GPUS": str(grant.resources.gpus),
    }


def _config(request: Mapping[str, Any], host: str, names: list[str]) -> dict[str, Any]:
    """The documents of /opt/ml/input/config."""
    checkpoints = request.get("CheckpointConfig")
    return {
        **({"checkpointconfig": {"LocalPath": f"{OPT_ML}/checkpoints", **checkpoints}} if checkpoints else {}),
        "hyperparameters": request["HyperParameters"],
        "inputdataconfig": {c["ChannelName"]: _channel_config(c, request) for c in request["InputDataConfig"]},
        "resourceconfig": resource_config(host, names, request["ResourceConfig"]["InstanceType"]),
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


def _channel(channel: Mapping[str, Any], body: Mapping[str, Any], rank: int, count: int) -> Channel:
    request = body["request"]
    if "FileSystemDataSource" in channel["DataSource"]:
        return Channel(
            name=channel["ChannelName"],
            source=folder_input(channel, body),
            content_type=channel.get("ContentType", ""),
            read_only=channel["DataSource"]["FileSystemDataSource"]["FileSystemAccessMode"] == "ro",
        )
    source = channel["DataSource"]["S3DataSource"]
    sharded = source[_DISTRIBUTION] == "ShardedByS3Key"
    return Channel(
        name=channel["ChannelName"],
        source=S3Input(
            source["S3Uri"],
            source["S3DataType"],
            shard=rank if sharded else 0,
            shards=count if sharded else 1,
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
