"""A processing job as the workloads of its instances: command, environment, inputs, outputs.

The container's side of it: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sagewright.runtime.backend import Unsupported
from sagewright.runtime.capacity import Grant
from sagewright.runtime.workload import Channel, S3Input, Upload, Workload
from sagewright.services.sagemaker.images import Runner
from sagewright.services.sagemaker.jobs.identity import job_arn, job_id, workload_id
from sagewright.services.sagemaker.jobs.instances import host_names
from sagewright.services.sagemaker.jobs.kind import Cluster
from sagewright.services.sagemaker.processing.request import inputs, outputs
from sagewright.store import Document

_NULLS = {"ContainerEntrypoint": None, "ContainerArguments": None}


def cluster(request: Mapping[str, Any]) -> Cluster:
    """The instances that a request asks for."""
    asked = request["ProcessingResources"]["ClusterConfig"]
    return Cluster(asked["InstanceType"], asked["InstanceCount"])


def workloads(document: Document, runner: Runner, grant: Grant, credentials: Mapping[str, str]) -> list[Workload]:
    """One an instance, in order; each stores what it has written itself.

    grant: the part of this machine that each gets. credentials: of a session of the job's role. Raises Unsupported.
    """
    names = host_names(cluster(document.body["request"]).count)
    return [_workload(document, runner, grant, credentials, names, rank) for rank in range(len(names))]


def _workload(
    document: Document, runner: Runner, grant: Grant, credentials: Mapping[str, str], names: list[str], rank: int
) -> Workload:
    request, space = document.body["request"], document.space
    host, addresses = names[rank], document.body["state"]["Hosts"]
    return Workload(
        id=workload_id(document, host),
        kind="batch",
        command=command(request, runner),
        setup=runner.setup,
        env=_environment(document, grant),
        config={
            "processingjobconfig": _job_config(document),
            "resourceconfig": {"current_host": host, "hosts": names},
        },
        config_folder="config",
        channels=tuple(_channel(each, request, rank, len(names)) for each in inputs(request) if not each["AppManaged"]),
        uploads=tuple(_upload(each) for each in outputs(request) if not each["AppManaged"]),
        exit_message=True,
        job=job_id(document),
        network=workload_id(document, names[0]) if len(names) > 1 else "",
        resources=grant.resources,
        max_runtime=request["StoppingCondition"]["MaxRuntimeInSeconds"],
        network_isolation=request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
        hostname=host,
        address=addresses[host],
        hosts=addresses,
        log_header=grant.notes,
        region=space.region,
        account=space.account,
        credentials=credentials,
    )


def command(request: Mapping[str, Any], runner: Runner) -> tuple[str, ...]:
    """What the container runs: the request's entry point, or that of the image. Raises Unsupported for neither."""
    app = request["AppSpecification"]
    entry = tuple(app.get("ContainerEntrypoint", ())) or runner.process
    if not entry:
        raise Unsupported(
            f"The image {app['ImageUri']} has no entry point for processing: AppSpecification needs a "
            "ContainerEntrypoint."
        )
    return (*entry, *app.get("ContainerArguments", ()))


def _environment(document: Document, grant: Grant) -> dict[str, str]:
    request, state, region = document.body["request"], document.body["state"], document.space.region
    threads = str(max(1, int(grant.resources.vcpus)))
    return {
        "OMP_NUM_THREADS": threads,
        **request.get("Environment", {}),
        "SAGEWRIGHT_IMAGE": request["AppSpecification"]["ImageUri"],
        "SAGEWRIGHT_HOSTS": json.dumps(state["Hosts"]),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def _job_config(document: Document) -> dict[str, Any]:
    """processingjobconfig.json."""
    request = document.body["request"]
    return {
        "ProcessingJobArn": job_arn(document.space, document.key),
        "ProcessingJobName": document.key,
        **{name: value for name, value in request.items() if name != "ProcessingJobName"},
        "AppSpecification": {**_NULLS, **request["AppSpecification"]},
        "Environment": request.get("Environment", {}),
        "ProcessingInputs": list(inputs(request)),
    }


def _channel(each: Mapping[str, Any], request: Mapping[str, Any], rank: int, count: int) -> Channel:
    """An input; a script may write where it has its inputs, as on AWS, and so gets copies."""
    source = each["S3Input"]
    sharded = source["S3DataDistributionType"] == "ShardedByS3Key"
    shard, shards = (rank, count) if sharded else (0, 1)
    return Channel(
        name=each["InputName"],
        source=S3Input(source["S3Uri"], source["S3DataType"], shard=shard, shards=shards, role=request["RoleArn"]),
        compression=source["S3CompressionType"],
        input_mode=source["S3InputMode"],
        path=_below_opt_ml(source["LocalPath"]),
        read_only=False,
    )


def _upload(each: Mapping[str, Any]) -> Upload:
    target = each["S3Output"]
    continuous = target["S3UploadMode"] == "Continuous"
    source, uri = _below_opt_ml(target["LocalPath"]), target["S3Uri"].rstrip("/")
    return Upload(source, uri, form="files", on_failure=continuous, continuous=continuous)


def _below_opt_ml(path: str) -> str:
    return str(PurePosixPath(path).relative_to("/opt/ml"))
