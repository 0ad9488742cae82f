"""Workloads on the nodes of a Ray cluster.

Each has a folder here, ``<data_dir>/work/<id>``, that follows the one on its node: the keeper there sends journal and
log (``reports``), and what is asked here is answered from them. One thread brings the cluster into line: it places what
waits for room, tells keepers where the server is, and notices nodes that are lost.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sagewright.core.clock import Clock, SystemClock
from sagewright.runtime.agent.files import write_json
from sagewright.runtime.backend import Capabilities, Signal, UnknownWorkload, Unsupported
from sagewright.runtime.local.folder import Folder, find, safe_name
from sagewright.runtime.observation import FINAL, LogLine, Observation, Step, observed
from sagewright.runtime.ray.cluster import Cluster, ClusterError, Node
from sagewright.runtime.ray.groups import Groups
from sagewright.runtime.ray.nodes import Nodes
from sagewright.runtime.ray.placement import assign, strategy
from sagewright.runtime.ray.reports import LOST, Reports
from sagewright.runtime.workload import Resources, Workload

_log = logging.getLogger(__name__)

_THREADS = 16
_TURN, _TURN_WAITING = 0.2, 0.05
"""Seconds between turns of the thread: while nothing waits for room, and while something does."""
_LOOK = 1.0
_TELL = 2.0
_PATIENCE = 30.0
"""Seconds that a node is asked again to take a workload."""
_REMOVE = 20.0
DEFAULTS: Mapping[str, Any] = {
    "sandbox": "auto",
    "patience": 600.0,
    "script_python": "",
    "engine": "auto",
    "engine_args": "",
    "engine_pull": False,
}


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a workload is. shown: the node, for people. address: of a service."""

    node: str
    shown: str
    address: str


class RayBackend:
    """cluster: where. settings: see DEFAULTS. host: where the server listens. reports: see Nodes.

    Safe to use from several threads. Raises Unavailable where there is no cluster, or one that cannot reach the host.
    """

    def __init__(
        self,
        data_dir: Path,
        cluster: Cluster,
        clock: Clock | None = None,
        *,
        settings: Mapping[str, Any] = DEFAULTS,
        host: str = "127.0.0.1",
        reports: tuple[str, int] | None = None,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._work = self._data_dir / "work"
        self._work.mkdir(parents=True, exist_ok=True)
        self._clock = clock or SystemClock()
        self._cluster = cluster
        self._nodes = Nodes(cluster, self._data_dir, {**DEFAULTS, **settings}, reports)
        self.groups = Groups(cluster, self._data_dir / "ray-groups.json", f"sagewright-{self._nodes.key}-")
        self.reports = Reports(self._work, self._nodes.key)
        self._folders: dict[str, Folder] = {}
        self._placed: dict[str, Placed] = {}
        self._waiting: dict[str, float] = {}
        self._promised: dict[str, str] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._threads = ThreadPoolExecutor(_THREADS, "ray")
        self._thread = threading.Thread(target=self._run, daemon=True, name="ray backend")
        self._connect(host)

    def _connect(self, host: str) -> None:
        self._cluster.connect()
        self._nodes.look()
        self._nodes.check_reach(host)
        self._nodes.moved()
        self._nodes.tell({}, self._threads)
        self._thread.start()

    @property
    def capabilities(self) -> Capabilities:
        return self._nodes.capabilities()

    @property
    def nodes(self) -> list[Node]:
        """Those that are there."""
        return self._nodes.alive()

    def has_engine(self) -> bool:
        """Whether any node can run images of the user's own."""
        return self._nodes.engines()

    def capacity(self) -> Resources:
        return self._nodes.total()

    def addresses(self, ids: Sequence[str], job: str = "", needs: Sequence[Resources] = ()) -> list[str]:
        group = self.groups.of(job) if job else None
        if group is None:
            node = max(self.nodes, key=lambda node: node.resources.vcpus, default=None)
            if node is None:
                raise ClusterError("the Ray cluster has no node")
            self._promised.update(dict.fromkeys(ids, node.id))
            return self._own_addresses(node.id, ids)
        nodes = self.groups.nodes(group)
        if nodes is None:
            raise ClusterError(f"the Ray cluster has no room for {job} any more")
        if len(set(nodes)) == 1:
            return self._own_addresses(nodes[0], ids)
        return self._nodes.names(assign(needs, group.needs, nodes))

    def _own_addresses(self, node: str, ids: Sequence[str]) -> list[str]:
        found: list[str] = self._nodes.call(node, "addresses", ids=list(ids))
        return found

    def launch(self, workload: Workload) -> None:
        if (self._path(workload.id) / "launch.json").exists():
            return
        self._check(workload)
        group = self.groups.of(workload.job or workload.id)
        if group is None:
            strategy([workload.resources], self.nodes)
        launch = {
            "workload": workload.to_json(),
            "report": secrets.token_hex(16),
            "group": workload.job or workload.id if group is not None else "",
            "at": self._promised.get(workload.id, ""),
        }
        folder = Folder(self._path(workload.id))
        folder.create(launch)
        with self._lock:
            self._folders[workload.id] = folder
            self._waiting[workload.id] = time.monotonic()
        self._wake.set()

    def observe(self, id: str) -> Observation:
        folder = self._folder(id)
        placed = self._place_of(id)
        steps = folder.steps()
        if not (steps and steps[-1].name in FINAL) and placed is not None:
            why = self._nodes.lost(placed.node)
            if why:
                self._bury(folder, why.format(placed.shown))
                steps = folder.steps()
        ended = bool(steps) and steps[-1].name in FINAL
        if ended and self.groups.of(id) is not None:
            self.groups.drop(id)
        seen = observed(folder.workload, steps, alive=not ended)
        return replace(seen, address=placed.address) if placed is not None and seen.kind == "service" else seen

    def signal(self, id: str, signal: Signal) -> None:
        folder = self._folder(id)
        steps = folder.steps()
        if steps and steps[-1].name in FINAL:
            return
        with self._lock:
            file = folder.path / "signals"
            file.write_text(f"{file.read_text() if file.exists() else ''}{signal}\n")
        if self._place_of(id) is not None:
            self._threads.submit(self._send, id, signal)
        else:
            self._wake.set()

    def logs(self, id: str, offset: int = 0) -> tuple[list[LogLine], int]:
        return self._folder(id).logs(offset)

    def recover(self) -> list[str]:
        ids = []
        for path in sorted(self._work.glob("*/launch.json")):
            folder = Folder(path.parent)
            with self._lock:
                known = self._folders.setdefault(folder.id, folder)
            ids.append(known.id)
            if known is folder and not self.observe(known.id).finished:
                if self._place_of(known.id) is None:
                    self._waiting.setdefault(known.id, time.monotonic())
                for signal in self._signals(folder):
                    self.signal(known.id, signal)
        self._wake.set()
        return ids

    def remove(self, id: str) -> None:
        try:
            folder = self._folder(id)
        except UnknownWorkload:
            return
        with self._lock_of(id):
            self._waiting.pop(id, None)
            placed = self._place_of(id)
            if placed is not None and not self._nodes.lost(placed.node):
                with suppress(ClusterError):  # else its courier hears of it
                    self._nodes.call(placed.node, "remove", id=id)
            self.groups.drop(id)
            folder.delete()
            for known in (self._folders, self._placed, self._promised, self._locks):
                known.pop(id, None)

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._thread.join(_TELL)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._cluster.close()

    def _folder(self, id: str) -> Folder:
        return find(self._folders, self._work, id)

    def _path(self, id: str) -> Path:
        return self._work / safe_name(id)

    def _lock_of(self, id: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(id, threading.Lock())

    def _place_of(self, id: str) -> Placed | None:
        if id not in self._placed:
            with suppress(OSError, ValueError):
                self._placed[id] = Placed(**json.loads((self._path(id) / "placed.json").read_text()))
        return self._placed.get(id)

    def _check(self, workload: Workload) -> None:
        able = self.capabilities
        if workload.network_isolation and not able.network_isolation:
            raise Unsupported("network isolation needs bubblewrap on every node of the Ray cluster")
        if workload.network_isolation and workload.kind == "service" and not able.service_isolation:
            raise Unsupported("network isolation of services needs bubblewrap on every node of the Ray cluster")
        if workload.network_isolation and workload.network:
            raise Unsupported("network isolation of several instances is not available on a Ray cluster")
        modes = {channel.input_mode for channel in workload.channels} - able.input_modes
        if modes:
            raise Unsupported(f"input mode {', '.join(sorted(modes))} is not available on this backend")

    def _bury(self, folder: Folder, text: str, kind: str = "InternalServerError") -> None:
        """End a workload in the place of its agent; nothing more is taken from that one."""
        (folder.path / LOST).touch()
        folder.append(Step(self._clock.now(), "Failed", text, {"kind": kind}))

    # The thread

    def _run(self) -> None:
        looked = told = 0.0
        while not self._closed:
            self._wake.wait(_TURN_WAITING if self._waiting else _TURN)
            self._wake.clear()
            now = time.monotonic()
            try:
                if now - looked >= _LOOK:
                    looked = now
                    self._nodes.look()
                if self._nodes.moved() or now - told >= _TELL:
                    told = now
                    self._tell()
                self._place_all()
            except ClusterError as error:
                _log.debug("%s", error)
            except Exception:
                if not self._closed:
                    _log.exception("A look at the Ray cluster failed; the next one follows")

    def _tell(self) -> None:
        running: dict[str, list[str]] = {}
        for work, placed in list(self._placed.items()):
            with suppress(UnknownWorkload):
                if not self.observe(work).finished:
                    running.setdefault(placed.node, []).append(work)
        for node, work in self._nodes.tell(running, self._threads):
            folder, there = self._folders.get(work), self._placed.get(work)
            if folder is not None and there is not None and there.node == node and not self.observe(work).finished:
                self._bury(folder, f"The node {there.shown} of the Ray cluster has lost this instance.")

    def _place_all(self) -> None:
        for work in list(self._waiting):
            self._threads.submit(self._place, work)

    def _place(self, id: str) -> None:
        """Start a workload where there is room for it by now."""
        lock = self._lock_of(id)
        if not lock.acquire(blocking=False):
            return
        try:
            begun = self._waiting.get(id)
            if begun is None or self._closed:
                return
            folder = self._folder(id)
            if self._signals(folder):
                self._drop(folder)
                return
            try:
                self._start(folder)
            except ClusterError as error:
                if time.monotonic() - begun > _PATIENCE:
                    self._waiting.pop(id, None)
                    self._bury(folder, f"The Ray cluster cannot start this instance: {error}")
        except UnknownWorkload:
            self._waiting.pop(id, None)
        finally:
            lock.release()

    def _drop(self, folder: Folder) -> None:
        """It was stopped before there was room for it."""
        self._waiting.pop(folder.id, None)
        folder.append(Step(self._clock.now(), "Stopped"))
        self.groups.drop(folder.id)

    def _start(self, folder: Folder) -> None:
        """Raises ClusterError."""
        workload, launch = folder.workload, folder.launch
        if launch["group"]:
            group = self.groups.of(launch["group"])
            if group is None:
                raise ClusterError("what was reserved for it is gone")
        else:
            at = self._nodes.get(launch["at"])
            group = self.groups.of(workload.id) or self.groups.make(
                workload.id, [workload.resources], "PACK", at.address if at is not None else ""
            )
        nodes = self.groups.nodes(group)
        if nodes is None:
            self._waiting[workload.id] = time.monotonic()
            return
        position = self._position(workload, nodes)
        node = self._nodes.get(nodes[position])
        if node is None:
            raise ClusterError("its node is gone")
        gpus = self._cluster.gpus(group.name, position, workload.resources.gpus) if workload.resources.gpus else []
        apart = len(set(nodes)) > 1
        answer = self._nodes.call(
            node.id,
            "launch",
            workload=launch["workload"],
            token=launch["report"],
            address=node.address,
            away=list(workload.gathers.values()) if apart else [],
            share=self._shared(workload) if apart else [],
            gpus=gpus,
        )
        self._waiting.pop(workload.id, None)
        if "refused" in answer:
            kind, _, text = answer["refused"].partition(": ")
            self._bury(folder, text, kind)
            return
        self._note(folder, Placed(node.id, str(node), answer["address"]))

    def _position(self, workload: Workload, nodes: Sequence[str]) -> int:
        """Which bundle of its job's it has: the one on the node whose address it was given."""
        if len(set(nodes)) == 1:
            return 0
        addresses = self._nodes.names(nodes)
        if workload.address not in addresses:
            raise ClusterError(f"the node {workload.address} is gone")
        return addresses.index(workload.address)

    def _shared(self, workload: Workload) -> list[str]:
        """The folders of it that another workload of its job stores."""
        for folder in list(self._folders.values()):
            other = folder.workload
            if other.job == workload.job and workload.id in other.gathers.values():
                return [upload.source for upload in other.uploads if not upload.continuous]
        return []

    def _note(self, folder: Folder, placed: Placed) -> None:
        write_json(folder.path / "placed.json", {"node": placed.node, "shown": placed.shown, "address": placed.address})
        with self._lock:
            self._placed[folder.id] = placed
            signals = self._signals(folder)
        for signal in signals:
            self._threads.submit(self._send, folder.id, signal)

    def _signals(self, folder: Folder) -> list[Signal]:
        """What came for it so far."""
        with suppress(FileNotFoundError):
            return (folder.path / "signals").read_text().split()  # type: ignore[return-value]
        return []

    def _send(self, id: str, signal: Signal) -> None:
        placed = self._place_of(id)
        if placed is None:
            return
        for _ in range(3):
            try:
                self._nodes.call(placed.node, "signal", id=id, signal=signal)
                return
            except ClusterError:
                if self._nodes.lost(placed.node):
                    return
                time.sleep(_LOOK)
