"""Who runs workloads: the seam between the platform and a machine, a cluster or a container engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sagewright.runtime.observation import LogLine, Observation
from sagewright.runtime.workload import Resources, Workload

Signal = Literal["stop", "kill", "interrupt"]


class UnknownWorkload(KeyError):
    """No workload of that id: never launched, or removed."""


class Unavailable(Exception):
    """A backend that cannot be had here; the text says why, and what to do."""


class Unsupported(ValueError):
    """The backend lacks a capability that the workload needs; the text names it."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do beyond running a command.

    sandbox: workloads see only their own files. network_isolation, service_isolation: a batch, a service can be cut off
    from the network. group_isolation: several batches can, and reach each other. memory_limit: enforces
    resources.memory. hostnames: Workload.hosts resolve inside.
    survives_restart: workloads go on while the server is away. processes: real processes run (False: scripted).
    """

    sandbox: bool = False
    network_isolation: bool = False
    service_isolation: bool = False
    group_isolation: bool = False
    memory_limit: bool = False
    hostnames: bool = False
    survives_restart: bool = True
    processes: bool = True
    input_modes: frozenset[str] = frozenset({"File", "FastFile", "Pipe"})


class Backend(Protocol):
    """Runs workloads. Every method may block for some milliseconds; none waits for a workload."""

    @property
    def capabilities(self) -> Capabilities: ...

    def capacity(self) -> Resources:
        """All there is for workloads, used or not."""

    def addresses(self, ids: Sequence[str], job: str = "", needs: Sequence[Resources] = ()) -> list[str]:
        """An address for each of these workloads-to-be, which must know of each other before they are launched.

        Nobody else gets it until they are removed. job, needs: what they are instances of, which has been admitted, and
        the resources of each; a backend of several machines goes by them. Raises OSError where there is none.
        """

    def launch(self, workload: Workload) -> None:
        """Start it, unless a workload of that id was started before. One that gathers others comes before them.

        Raises Unsupported.
        """

    def observe(self, id: str) -> Observation:
        """How it stands. Cheap: fit for calling many times a second. Raises UnknownWorkload."""

    def signal(self, id: str, signal: Signal) -> None:
        """``stop``: SIGTERM, and SIGKILL after its stop_grace. ``kill``: SIGKILL now. All end in a final step.

        ``interrupt``: as stop, of a spot instance that is taken away: of its uploads only continuous ones take place.

        Nothing happens to a finished one. Raises UnknownWorkload.
        """

    def logs(self, id: str, offset: int = 0) -> tuple[list[LogLine], int]:
        """Complete lines from offset on (some, where there are very many), and the offset that goes on from there.

        Offsets are opaque, begin at 0 and mean the same after a restart. Raises UnknownWorkload.
        """

    def recover(self) -> list[str]:
        """The ids it still knows, in any order; called once after a restart of the server."""

    def remove(self, id: str) -> None:
        """Kill what is left of it and delete its folder; nothing happens where there is none."""

    def close(self) -> None:
        """Let go of what the backend itself holds; workloads go on."""
