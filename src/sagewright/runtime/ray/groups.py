"""Reservations: a placement group a job, whose name is kept in a file, so that a server that starts again has them."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sagewright.runtime.agent.files import write_json
from sagewright.runtime.ray.cluster import Cluster, ClusterError
from sagewright.runtime.ray.placement import bundle
from sagewright.runtime.workload import NOTHING, Resources

_FRESH = 0.05
"""Seconds that what the cluster said of its groups holds."""


@dataclass(frozen=True, slots=True)
class Group:
    """name: of the placement group. needs: of its bundles."""

    name: str
    needs: tuple[Resources, ...]

    @property
    def total(self) -> Resources:
        return sum(self.needs, NOTHING)


class Groups:
    """Of one server. prefix: how the names of its groups begin. Safe to use from several threads."""

    def __init__(self, cluster: Cluster, file: Path, prefix: str) -> None:
        self._cluster = cluster
        self._file = file
        self._prefix = prefix
        self._lock = threading.Lock()
        self._jobs: dict[str, Group] = {}
        self._seen: dict[str, list[str] | None] = {}
        self._at = 0.0
        self._threads = ThreadPoolExecutor(2, "ray groups")
        with suppress(OSError, ValueError, TypeError, KeyError):
            for job, each in json.loads(file.read_text()).items():
                self._jobs[job] = Group(each["name"], tuple(Resources(**need) for need in each["needs"]))

    def of(self, job: str) -> Group | None:
        """What a job has reserved, placed or not."""
        return self._jobs.get(job)

    def make(self, job: str, needs: Sequence[Resources], strategy: str, address: str = "") -> Group:
        """Reserve as soon as there is room. address: of the node that it must be on. Raises ClusterError."""
        with self._lock:
            group = self._jobs.get(job)
            if group is None:
                group = self._jobs[job] = Group(f"{self._prefix}{job}-{secrets.token_hex(3)}", tuple(needs))
                self._write()
        self._cluster.make_group(group.name, [bundle(need, address) for need in needs], strategy)
        self._at = 0.0
        return group

    def nodes(self, group: Group) -> list[str] | None:
        """The nodes of its bundles; None while there is no room. Raises ClusterError."""
        with self._lock:
            if time.monotonic() - self._at > _FRESH:
                self._seen = self._cluster.groups()
                self._at = time.monotonic()
            return self._seen.get(group.name)

    def rename(self, job: str, other: str) -> None:
        """Have a job's reservation be another's."""
        if job in self._jobs:
            self.drop(other)
        with self._lock:
            if job in self._jobs:
                self._jobs[other] = self._jobs.pop(job)
                self._write()

    def drop(self, job: str) -> None:
        """Give back what a job has reserved, if anything; the cluster is told soon."""
        with self._lock:
            group = self._jobs.pop(job, None)
            if group is None:
                return
            self._write()
        self._threads.submit(self._give_back, group)

    def _give_back(self, group: Group) -> None:
        with suppress(ClusterError):  # else sweep finds it
            self._cluster.drop_group(group.name)

    def jobs(self) -> list[str]:
        """That have reserved something."""
        return list(self._jobs)

    def sweep(self, keep: Iterable[str]) -> None:
        """Drop what nobody but these jobs has reserved, of this server's. Raises ClusterError."""
        kept, there = set(keep), self._cluster.groups()
        for job in self.jobs():
            if job not in kept:
                self.drop(job)
        known = {group.name for group in self._jobs.values()}
        for name in there:
            if name.startswith(self._prefix) and name not in known:
                self._cluster.drop_group(name)

    def _write(self) -> None:
        write_json(self._file, {job: asdict(group) for job, group in self._jobs.items()})
