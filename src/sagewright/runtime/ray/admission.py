"""Who may start on a cluster: a job's instances are a placement group there, and wait until it is placed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import suppress

from sagewright.runtime.backend import Backend
from sagewright.runtime.capacity import Grant
from sagewright.runtime.instances import lookup
from sagewright.runtime.ray.backend import RayBackend
from sagewright.runtime.ray.cluster import ClusterError
from sagewright.runtime.ray.placement import strategy, words
from sagewright.runtime.workload import NOTHING, Resources

_MOMENT = 0.1
"""Seconds that a job is asked to wait for the cluster's answer: it has its place at once where there is room."""
_UNCLAIMED = 60.0
"""Seconds after a start of the server until reservations of jobs that nobody has asked about are given back."""


class ClusterAdmission:
    """An Admission: the cluster keeps the line, and an instance has what its type has, or waits."""

    def __init__(self, backend: RayBackend) -> None:
        self._groups = backend.groups
        self._backend = backend
        self._claimed: set[str] = set()
        self._threads = ThreadPoolExecutor(4, "ray admission")

    def admit(self, job_id: str, asked: Sequence[tuple[str, int]]) -> list[Grant] | None:
        """Raises Unsupported where no node could hold a type, used or not."""
        self._claimed.add(job_id)
        names = [instance_type for instance_type, count in asked for _ in range(count)]
        needs = [lookup(name).resources for name in names]
        group = self._groups.of(job_id)
        known = None if group is None else sorted(group.needs, key=repr)
        if known != sorted(needs, key=repr):
            how = strategy(needs, self._backend.nodes, names)
            done = self._threads.submit(self._reserve, job_id, needs, how)
        else:
            done = self._threads.submit(self._placed, job_id)
        try:
            if not done.result(_MOMENT):
                strategy(needs, self._backend.nodes, names)  # a node may have gone for good
                return None
        except (Late, OSError):
            return None
        return [self.grant(instance_type) for instance_type, _ in asked]

    def grant(self, instance_type: str) -> Grant:
        resources = lookup(instance_type).resources
        strategy([resources], self._backend.nodes, [instance_type])
        return Grant(resources, (f"{instance_type}: {words(resources)}, reserved on a Ray cluster",))

    def hold(self, job_id: str, resources: Resources) -> None:
        self._claimed.add(job_id)

    def held(self, job_id: str) -> Resources:
        group = self._groups.of(job_id)
        return group.total if group is not None else NOTHING

    def transfer(self, job_id: str, other: str) -> None:
        self._claimed.add(other)
        self._groups.rename(job_id, other)

    def release(self, job_id: str) -> None:
        self._claimed.discard(job_id)
        self._groups.drop(job_id)

    def rebuild(self, backend: Backend) -> None:
        """Reservations are on the cluster still; those of jobs that are no more go when all others were asked about."""
        for workload in backend.recover():
            seen = backend.observe(workload)
            if not seen.finished:
                self._claimed.update((seen.job, workload))
        later = threading.Timer(_UNCLAIMED, self._sweep)
        later.daemon = True
        later.start()

    def _reserve(self, job_id: str, needs: Sequence[Resources], how: str) -> bool:
        group = self._groups.make(job_id, needs, how)
        for _ in range(5):
            if self._groups.nodes(group) is not None:
                return True
            time.sleep(0.01)
        return False

    def _placed(self, job_id: str) -> bool:
        group = self._groups.of(job_id)
        return group is not None and self._groups.nodes(group) is not None

    def _sweep(self) -> None:
        with suppress(ClusterError):
            self._groups.sweep({*self._claimed, *self._backend.recover()})
