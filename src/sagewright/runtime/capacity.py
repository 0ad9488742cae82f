"""Who may start: batch jobs reserve their share of the machine, and wait in line for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sagewright.runtime.backend import Backend, Unsupported
from sagewright.runtime.instances import describe_fit, fit, lookup
from sagewright.runtime.workload import NOTHING, Resources

_LEAST = 128 * 2**20
"""Bytes of memory without which an instance could not even start an algorithm."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What each instance of an admitted job gets; notes are lines for its log."""

    resources: Resources
    notes: tuple[str, ...]


class Admission(Protocol):
    """Who may start, and what is reserved for whom. A job's id is whatever its instances share."""

    def admit(self, job_id: str, asked: Sequence[tuple[str, int]]) -> list[Grant] | None:
        """Reserve for counts of instances of SageMaker's types, all or none; None where the job must ask again.

        A job that has its reservation gets the same again. Raises Unsupported where it could never start.
        """

    def grant(self, instance_type: str) -> Grant:
        """What an endpoint's instance of a type gets; nothing is reserved. Raises Unsupported, UnknownInstanceType."""

    def hold(self, job_id: str, resources: Resources) -> None:
        """Reserve for what runs, or is kept, already."""

    def held(self, job_id: str) -> Resources:
        """What is reserved for a job."""

    def transfer(self, job_id: str, other: str) -> None:
        """Have one job's reservation be another's."""

    def release(self, job_id: str) -> None:
        """Give back what a job has reserved, or its place in the line."""

    def rebuild(self, backend: Backend) -> None:
        """After a restart of the server: reserve again for the batch workloads that are still running."""


class MachineAdmission:
    """The reservations of one machine, first come first served.

    capacity: all there is. strict: refuse instance types that the machine cannot give, instead of capping them.
    Services are not asked for: they are idle most of the time, so they are always admitted.
    """

    def __init__(self, capacity: Resources, *, strict: bool = False) -> None:
        self._capacity = capacity
        self._strict = strict
        self._held: dict[str, Resources] = {}
        self._waiting: dict[str, Resources] = {}

    def try_admit(self, job_id: str, instances: Sequence[Resources]) -> bool:
        """Reserve for all instances of a job, or for none and keep its place in the line.

        Nobody overtakes: while an earlier job waits, later ones do too, so large jobs are not starved by small ones.
        A job above the capacity runs alone. Asking again is how a waiting job gets its turn.
        """
        if job_id in self._held:
            return True
        wanted = sum(instances, NOTHING)
        self._waiting[job_id] = wanted
        if next(iter(self._waiting)) != job_id:
            return False
        if self._held and not (self.used() + wanted).within(self._capacity):
            return False
        self._held[job_id] = self._waiting.pop(job_id)
        return True

    def admit(self, job_id: str, asked: Sequence[tuple[str, int]]) -> list[Grant] | None:
        """Instances are capped to the machine. Raises Unsupported: under strict, where it has less than a type; where
        so many are too many for it.
        """
        total, grants, wanted = sum(count for _, count in asked), [], []
        for instance_type, count in asked:
            resources = fit(instance_type, total, self._capacity)
            note = describe_fit(instance_type, count, resources)
            if resources.memory < _LEAST:
                raise Unsupported(f"This machine is too small for {total} instances. {note}")
            if self._strict and not lookup(instance_type).resources.within(resources):
                raise Unsupported(f"This machine cannot give the instance asked for (strict_hardware is on). {note}")
            grants.append(Grant(resources, (note,)))
            wanted += [resources] * count
        return grants if self.try_admit(job_id, wanted) else None

    def grant(self, instance_type: str) -> Grant:
        resources = fit(instance_type, 1, self._capacity)
        note = describe_fit(instance_type, 1, resources)
        if self._strict and not lookup(instance_type).resources.within(resources):
            raise Unsupported(f"This machine cannot give the instance asked for (strict_hardware is on). {note}")
        return Grant(resources, (note,))

    def hold(self, job_id: str, resources: Resources) -> None:
        self._held[job_id] = resources

    def held(self, job_id: str) -> Resources:
        return self._held.get(job_id, NOTHING)

    def transfer(self, job_id: str, other: str) -> None:
        if job_id in self._held:
            self._waiting.pop(other, None)
            self._held[other] = self._held.pop(job_id)

    def release(self, job_id: str) -> None:
        self._held.pop(job_id, None)
        self._waiting.pop(job_id, None)

    def used(self) -> Resources:
        """The sum of what is reserved."""
        return sum(self._held.values(), NOTHING)

    def rebuild(self, backend: Backend) -> None:
        for workload in backend.recover():
            observation = backend.observe(workload)
            if observation.kind == "batch" and not observation.finished:
                held = self._held.get(observation.job, NOTHING)
                self._held[observation.job] = held + observation.resources
