"""State machines of jobs and endpoints as data.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html and
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class IllegalTransition(ValueError):
    """The state does not take that event."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine. edges: state -> event -> next state. final: states that nothing leaves."""

    name: str
    initial: str
    edges: Mapping[str, Mapping[str, str]]
    final: frozenset[str]

    @property
    def states(self) -> frozenset[str]:
        """Every state there is."""
        ends = {end for events in self.edges.values() for end in events.values()}
        return frozenset(self.edges) | ends | self.final


def advance(machine: Machine, state: str, event: str) -> str:
    """The state after an event. Raises IllegalTransition."""
    try:
        return machine.edges[state][event]
    except KeyError:
        raise IllegalTransition(f"{machine.name}: {event} does not apply to {state}") from None


def _to(*states: str) -> dict[str, str]:
    """Events named like the states they lead to."""
    return {state: state for state in states}


_LAST = ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded")

TRAINING_SECONDARY = Machine(
    "TrainingJob.SecondaryStatus",
    "Starting",
    {
        "Starting": _to("Starting", "Pending", "Downloading", "Training", "Stopping", "Failed", "Stopped"),
        "Pending": _to("Pending", "Starting", "Stopping", "Failed", "Stopped"),
        "Downloading": _to("Training", "Stopping", "Failed", "Stopped"),
        "Training": _to("Uploading", "Stopping", "Failed", "Stopped"),
        "Stopping": _to("Uploading", "Stopped", "MaxRuntimeExceeded", "Failed", "Completed"),
        "Uploading": _to("Stopping", *_LAST),
    },
    frozenset(_LAST),
)
"""SecondaryStatus; an event is the status that comes next."""

TRAINING_STATUS = {
    **dict.fromkeys(("Starting", "Pending", "Downloading", "Training", "Uploading"), "InProgress"),
    "Stopping": "Stopping",
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
}
"""TrainingJobStatus of a SecondaryStatus. A job that uploads after a stop is still Stopping."""

JOB = Machine(
    "Job.Status",
    "InProgress",
    {
        "InProgress": {"stop": "Stopping", "complete": "Completed", "fail": "Failed", "expire": "Stopped"},
        "Stopping": {"stop": "Stopping", "complete": "Stopped", "stopped": "Stopped", "fail": "Failed"},
    },
    frozenset({"Completed", "Failed", "Stopped"}),
)
"""Processing, transform and training jobs as a whole. expire: the maximum runtime is over."""

ENDPOINT = Machine(
    "Endpoint.EndpointStatus",
    "Creating",
    {
        "Creating": {"ready": "InService", "fail": "Failed", "delete": "Deleting"},
        "InService": {"update": "Updating", "system_update": "SystemUpdating", "delete": "Deleting"},
        "Updating": {
            "ready": "InService",
            "roll_back": "RollingBack",
            "fail": "Failed",
            "fail_roll_back": "UpdateRollbackFailed",
            "delete": "Deleting",
        },
        "SystemUpdating": {"ready": "InService", "fail": "Failed", "delete": "Deleting"},
        "RollingBack": {"ready": "InService", "fail": "UpdateRollbackFailed", "delete": "Deleting"},
        "UpdateRollbackFailed": {"delete": "Deleting"},
        "Failed": {"delete": "Deleting", "update": "Updating"},
        "Deleting": {"gone": "Deleted", "fail": "Failed"},
    },
    frozenset({"Deleted"}),
)
"""EndpointStatus; Deleted stands for an endpoint that is no more."""
