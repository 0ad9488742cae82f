"""The instances of a training job together: what their observations amount to for the job. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sagewright.runtime.observation import BATCH_STEPS, FINAL, Observation, Step
from sagewright.services.sagemaker.jobs.cluster import Cluster

_PHASES = [name for name in BATCH_STEPS if name not in FINAL]


def common_steps(observations: Sequence[Observation]) -> list[Step]:
    """The job is as far as the last of its instances; a step's time is when that one took it. Without final steps."""
    steps = []
    for name in _PHASES:
        found = [step for step in (observation.step(name) for observation in observations) if step is not None]
        if len(found) == len(observations):
            steps.append(max(found, key=lambda step: step.at))
    return steps


def ending(observations: Iterable[Observation]) -> bool:
    """Whether those still running are to be stopped: one has failed, or the job's time is over."""
    return any(each.phase == "Failed" or each.max_runtime_exceeded or _failing(each) for each in observations)


def _failing(observation: Observation) -> bool:
    step = observation.step("Uploading")
    return step is not None and bool(step.detail.get("failing"))


def cause(observations: Sequence[Observation]) -> Observation | None:
    """The instance whose failure is the job's, where all have ended: the first that failed.

    Where one was told to stop first, by the user or since its time was over, what the others' commands then died of
    is no failure of the job.
    """
    failed = [each for each in observations if each.phase == "Failed"]
    own = [each for each in failed if "since" not in each.steps[-1].detail or not _told_before(each, observations)]
    return min(own, key=_since, default=None)


def _told_before(failed: Observation, observations: Iterable[Observation]) -> bool:
    told = (each.step("Stopping") for each in observations if each is not failed)
    return any(step is not None and step.at <= _since(failed) for step in told)


def _since(failed: Observation) -> float:
    return float(failed.steps[-1].detail.get("since", failed.steps[-1].at))


def artifacts(observations: Iterable[Observation]) -> bool:
    """Whether anything was stored."""
    return any(each.steps[-1].detail.get("artifacts") for each in observations)


def resource_config(current: str, cluster: Cluster) -> Mapping[str, Any]:
    """resourceconfig.json of an instance.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
    The network interface is the one there really is between them.
    """
    groups = [
        {
            "instance_group_name": group.name,
            "instance_type": group.instance_type,
            "hosts": [host for host, its in cluster.members.items() if its is group],
        }
        for group in cluster.groups
    ]
    own = cluster.members[current]
    return {
        "current_host": current,
        "current_instance_type": own.instance_type,
        "current_group_name": own.name,
        "hosts": cluster.hosts,
        "instance_groups": groups,
        "network_interface_name": "lo",
    }
