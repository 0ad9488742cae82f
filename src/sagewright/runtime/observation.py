"""What became of a workload, as its journal tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sagewright.runtime.workload import NOTHING, SERVICE_PORT, Kind, Resources, Workload

BATCH_STEPS = ("Starting", "Downloading", "Training", "Stopping", "Uploading", "Completed", "Failed", "Stopped")
"""A batch's steps, in order; ``MaxRuntimeExceeded`` comes before ``Stopping`` where the limit was the reason."""

SERVICE_STEPS = ("Starting", "Downloading", "Launching", "InService", "Unhealthy", "Stopping", "Failed", "Stopped")
"""A service's steps; Launching, InService and Unhealthy repeat."""

FINAL = frozenset({"Completed", "Failed", "Stopped"})
"""Steps after which nothing comes."""

MARKERS = frozenset({"MaxRuntimeExceeded"})
"""Steps that say why, and are no phase."""


@dataclass(frozen=True, slots=True)
class Step:
    """A journal entry. at: seconds since the epoch. message: for people. detail: for code."""

    at: float
    name: str
    message: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it failed. kind: ``ClientError``, ``AlgorithmError`` or ``InternalServerError``."""

    kind: str
    text: str

    @property
    def reason(self) -> str:
        """As a FailureReason says it."""
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line the workload printed, without its newline. at: milliseconds since the epoch."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A workload as it stands.

    phase: the name of its latest step that is no marker; ``Pending`` before the first.
    exit_code: the command's, 128 + n for signal n; None while it runs. alive: whether something still looks after it.
    address: where a service listens, with its port where that is not 8080. kind, job, resources: of its Workload.
    """

    id: str
    phase: str
    steps: tuple[Step, ...] = ()
    exit_code: int | None = None
    failure: Failure | None = None
    alive: bool = True
    address: str = ""
    kind: Kind = "batch"
    job: str = ""
    resources: Resources = NOTHING

    @property
    def finished(self) -> bool:
        """Whether it has come to its end."""
        return self.phase in FINAL

    @property
    def max_runtime_exceeded(self) -> bool:
        """Whether it was stopped for running longer than max_runtime."""
        return any(step.name == "MaxRuntimeExceeded" for step in self.steps)

    def step(self, name: str) -> Step | None:
        """The first step of that name."""
        return next((step for step in self.steps if step.name == name), None)


def endpoint(workload: Workload) -> str:
    """Where a service listens: ``10.0.0.5``, or ``10.0.0.5:20001`` where its port is not SageMaker's."""
    return workload.address if workload.port == SERVICE_PORT else f"{workload.address}:{workload.port}"


def observed(workload: Workload, steps: tuple[Step, ...], *, alive: bool) -> Observation:
    """The observation that a workload's journal amounts to."""
    phases = [step for step in steps if step.name not in MARKERS]
    failed = next((step for step in steps if step.name == "Failed"), None)
    code = next((step.detail["exit_code"] for step in reversed(steps) if "exit_code" in step.detail), None)
    return Observation(
        id=workload.id,
        phase=phases[-1].name if phases else "Pending",
        steps=steps,
        exit_code=code,
        failure=Failure(failed.detail.get("kind", "InternalServerError"), failed.message) if failed else None,
        alive=alive,
        address=endpoint(workload),
        kind=workload.kind,
        job=workload.job or workload.id,
        resources=workload.resources,
    )
