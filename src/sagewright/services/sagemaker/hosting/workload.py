"""An endpoint's instance as a workload.

The container's side of it:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sagewright.runtime.capacity import Grant
from sagewright.runtime.workload import Channel, S3Input, Workload
from sagewright.services.sagemaker.hosting.fleet import Instance, Variant
from sagewright.services.sagemaker.images import Runner
from sagewright.services.sagemaker.jobs.source import source
from sagewright.store import Space

_STOP_GRACE = 30
"""Seconds between SIGTERM and SIGKILL, as SageMaker hosting has it."""

_STARTUP_TIMEOUT = 600
"""Seconds until the first healthy ping where the variant names none."""


def workload_id(space: Space, instance: str) -> str:
    """Instance ids are unique by themselves; the rest is for people."""
    return f"endpoint-{space.account}-{space.region}-{instance}"


def workload(
    space: Space,
    variant: Variant,
    instance: Instance,
    runner: Runner,
    grant: Grant,
    credentials: Mapping[str, str],
) -> Workload:
    """grant: the part of this machine that the instance gets. credentials: of a session of its model's role."""
    threads = str(max(1, int(grant.resources.vcpus)))
    script = variant.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "") if runner.kind == "framework" else ""
    channels = source(script, variant.role)
    if variant.model_data and not variant.packed:
        channels += (Channel("model", S3Input(variant.model_data, role=variant.role), path="model"),)
    return Workload(
        id=workload_id(space, instance.id),
        kind="service",
        command=runner.serve,
        setup=runner.setup,
        env={
            "OMP_NUM_THREADS": threads,
            **runner.env,
            **variant.environment,
            "SAGEWRIGHT_IMAGE": variant.image,
            "AWS_REGION": space.region,
            "AWS_DEFAULT_REGION": space.region,
            "SM_NUM_CPUS": threads,
            "SM_NUM_GPUS": str(grant.resources.gpus),
        },
        channels=channels,
        model_data=variant.model_data if variant.packed else "",
        resources=grant.resources,
        stop_grace=_STOP_GRACE,
        network_isolation=variant.network_isolation,
        hostname=instance.id,
        log_header=grant.notes,
        region=space.region,
        account=space.account,
        startup_timeout=variant.startup_timeout or _STARTUP_TIMEOUT,
        credentials=credentials,
        image=runner.image,
        folder=runner.folder,
    )
