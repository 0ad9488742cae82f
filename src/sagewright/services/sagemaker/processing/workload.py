"""A processing job as the workloads of its instances: command, environment, inputs, outputs.

The container's side of it: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sagewright.runtime.backend import Unsupported
from sagewright.runtime.workload import Channel, S3Input, Upload, Workload
from sagewright.services.sagemaker.images import Runner
from sagewright.services.sagemaker.jobs.cluster import Cluster
from sagewright.services.sagemaker.jobs.identity import job_arn
from sagewright.services.sagemaker.jobs.launch import Launch
from sagewright.services.sagemaker.processing.request import inputs, outputs
from sagewright.store import Document

_NULLS = {"ContainerEntrypoint": None, "ContainerArguments": None}


def cluster(request: Mapping[str, Any]) -> Cluster:
    """The instances that a request asks for."""
    asked = request["ProcessingResources"]["ClusterConfig"]
    return Cluster.of_one(asked["InstanceType"], asked["InstanceCount"])


def workload(launch: Launch) -> Workload:
    """Each instance stores what it has written itself. Raises Unsupported."""
    request, host = launch.request, launch.host
    return launch.workload(
        command=command(request, launch.runner),
        entrypoint="ContainerEntrypoint" in request["AppSpecification"],
        setup=launch.runner.setup,
        env=launch.environment(request["AppSpecification"]["ImageUri"]),
        config={
            "processingjobconfig": _job_config(launch.document),
            "resourceconfig": {"current_host": host, "hosts": launch.cluster.hosts},
        },
        config_folder="config",
        channels=tuple(_channel(each, launch) for each in inputs(request) if not each["AppManaged"]),
        uploads=tuple(_upload(each) for each in outputs(request) if not each["AppManaged"]),
        exit_message=True,
        max_runtime=request["StoppingCondition"]["MaxRuntimeInSeconds"],
        network_isolation=request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
    )


def command(request: Mapping[str, Any], runner: Runner) -> tuple[str, ...]:
    """What the container runs: the request's entry point, or that of the image. Raises Unsupported for neither."""
    app = request["AppSpecification"]
    entry = tuple(app.get("ContainerEntrypoint", ())) or runner.process
    if not entry and not runner.image:
        raise Unsupported(
            f"The image {app['ImageUri']} has no entry point for processing: AppSpecification needs a "
            "ContainerEntrypoint."
        )
    return (*entry, *app.get("ContainerArguments", ()))


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


def _channel(each: Mapping[str, Any], launch: Launch) -> Channel:
    """An input; a script may write where it has its inputs, as on AWS, and so gets copies."""
    source = each["S3Input"]
    shard, shards = launch.share(source["S3DataDistributionType"], launch.cluster.hosts)
    role = launch.request["RoleArn"]
    return Channel(
        name=each["InputName"],
        source=S3Input(source["S3Uri"], source["S3DataType"], shard=shard, shards=shards, role=role),
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
