"""A training job as the workload of its instance: command, environment, channels in, artifacts out.

The container's side of it:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sagewright.runtime.capacity import Grant
from sagewright.runtime.workload import Channel, S3Input, Upload, Workload
from sagewright.services.sagemaker.images import Algorithm
from sagewright.services.sagemaker.training_request import OPT_ML
from sagewright.store import Document

HOST = "algo-1"


def workload(
    document: Document, arn: str, algorithm: Algorithm, grant: Grant, credentials: Mapping[str, str]
) -> Workload:
    """grant: the part of this machine that the job's instance gets. credentials: of a session of its role."""
    request, space = document.body["request"], document.space
    return Workload(
        id=workload_id(document),
        kind="batch",
        command=(sys.executable, *algorithm.train),
        env=_environment(document, arn, grant),
        config=_config(request),
        channels=(*(_channel(channel, request) for channel in request["InputDataConfig"]), *_checkpoints(request)),
        uploads=_uploads(document),
        resources=grant.resources,
        max_runtime=request["StoppingCondition"]["MaxRuntimeInSeconds"],
        network_isolation=request["EnableNetworkIsolation"],
        hostname=HOST,
        log_header=grant.notes,
        region=space.region,
        account=space.account,
        credentials=credentials,
    )


def workload_id(document: Document) -> str:
    """Unique for a job, and for a later job of the same name too."""
    space = document.space
    return f"training-{space.account}-{space.region}-{document.key}-{int(document.created * 1000):x}"


def output_folder(document: Document) -> str:
    """Where the job's artifacts go: an s3 uri without a slash at its end."""
    return f"{document.body['request']['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{document.key}/output"


def model_artifacts(document: Document) -> str:
    """The s3 uri of the model: an object, or a prefix where the job asked for no compression."""
    plain = document.body["request"]["OutputDataConfig"]["CompressionType"] == "NONE"
    return f"{output_folder(document)}/{'model/' if plain else 'model.tar.gz'}"


def _environment(document: Document, arn: str, grant: Grant) -> dict[str, str]:
    request, region = document.body["request"], document.space.region
    threads = str(max(1, int(grant.resources.vcpus)))
    return {
        "OMP_NUM_THREADS": threads,
        **request.get("Environment", {}),
        "SAGEWRIGHT_IMAGE": request["AlgorithmSpecification"]["TrainingImage"],
        "TRAINING_JOB_NAME": document.key,
        "TRAINING_JOB_ARN": arn,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "SM_NUM_CPUS": threads,
        "SM_NUM_GPUS": str(grant.resources.gpus),
    }


def _config(request: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of /opt/ml/input/config."""
    kind = request["ResourceConfig"]["InstanceType"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": [HOST]}
    checkpoints = request.get("CheckpointConfig")
    return {
        **({"checkpointconfig": {"LocalPath": f"{OPT_ML}/checkpoints", **checkpoints}} if checkpoints else {}),
        "hyperparameters": request["HyperParameters"],
        "inputdataconfig": {c["ChannelName"]: _channel_config(c, request) for c in request["InputDataConfig"]},
        "resourceconfig": {
            "current_host": HOST,
            "current_instance_type": kind,
            "current_group_name": group["instance_group_name"],
            "hosts": [HOST],
            "instance_groups": [group],
            "network_interface_name": "lo",
        },
    }


def _input_mode(channel: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    return str(channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"]))


def _channel_config(channel: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, str]:
    described = {
        "TrainingInputMode": _input_mode(channel, request),
        "S3DistributionType": channel["DataSource"]["S3DataSource"]["S3DataDistributionType"],
        "RecordWrapperType": channel["RecordWrapperType"],
    }
    return {"ContentType": channel["ContentType"], **described} if "ContentType" in channel else described


def _channel(channel: Mapping[str, Any], request: Mapping[str, Any]) -> Channel:
    source = channel["DataSource"]["S3DataSource"]
    return Channel(
        name=channel["ChannelName"],
        source=S3Input(source["S3Uri"], source["S3DataType"], role=request["RoleArn"]),
        content_type=channel.get("ContentType", ""),
        compression=channel["CompressionType"],
        input_mode=_input_mode(channel, request),
    )


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
