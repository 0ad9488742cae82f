"""State machines of jobs as data.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
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

    def takes(self, state: str, event: str) -> bool:
        """Whether the event applies to the state."""
        return event in self.edges.get(state, {})


def advance(machine: Machine, state: str, event: str) -> str:
    """The state after an event. Raises IllegalTransition."""
    try:
        return machine.edges[state][event]
    except KeyError:
        raise IllegalTransition(f"{machine.name}: {event} does not apply to {state}") from None


def _to(*states: str) -> dict[str, str]:
    """Events named like the states they lead to."""
    return {state: state for state in states}


_LAST = ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded")

TRAINING_SECONDARY = Machine(
    "TrainingJob.SecondaryStatus",
    "Starting",
    {
        "Starting": _to("Starting", "Pending", "Downloading", "Training", "Stopping", "Interrupted", "Restarting")
        | _to("Failed", "Stopped", "MaxWaitTimeExceeded"),
        "Pending": _to("Pending", "Starting", "Stopping", "Failed", "Stopped", "MaxWaitTimeExceeded"),
        "Downloading": _to("Training", "Stopping", "Interrupted", "Restarting", "Failed", "Stopped"),
        "Training": _to("Uploading", "Stopping", "Interrupted", "Restarting", "Failed", "Stopped"),
        "Stopping": _to("Uploading", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded", "Failed", "Completed"),
        "Uploading": _to("Stopping", "Interrupted", "Restarting", *_LAST),
        "Interrupted": _to("Starting", "Pending", "Stopping", "Failed", "Stopped", "MaxWaitTimeExceeded"),
        "Restarting": _to("Starting", "Pending", "Stopping", "Failed", "Stopped", "MaxWaitTimeExceeded"),
    },
    frozenset(_LAST),
)
"""SecondaryStatus; an event is the status that comes next."""

_MOVING = ("Starting", "Pending", "Downloading", "Training", "Uploading", "Interrupted", "Restarting")

TRAINING_STATUS = {
    **dict.fromkeys(_MOVING, "InProgress"),
    "Stopping": "Stopping",
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
}
"""TrainingJobStatus of a SecondaryStatus. A job that uploads after a stop is still Stopping."""

FILE_SYSTEM = Machine("FileSystem", "creating", {"creating": {"made": "available"}}, frozenset(("available",)))
"""LifeCycleState of EFS's resources and, in capitals, Lifecycle of FSx's; what is deleted is gone."""
