"""Runs each workload under an agent of its own, which goes on when the server ends."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sagewright.core.clock import Clock, SystemClock
from sagewright.runtime import addresses, agent, engine, python, sandbox
from sagewright.runtime.agent.instance import PYTHON
from sagewright.runtime.agent.process import sweep
from sagewright.runtime.agent.signals import INTERRUPT, KILL, STOP
from sagewright.runtime.backend import Capabilities, Signal, UnknownWorkload, Unsupported
from sagewright.runtime.engine import Engine
from sagewright.runtime.local.folder import Folder, find, safe_name
from sagewright.runtime.local.machine import machine
from sagewright.runtime.observation import FINAL, LogLine, Observation, Step, observed
from sagewright.runtime.workload import FolderInput, Resources, Workload

_PATIENCE = 600.0
_COMING_UP = 15.0
"""Seconds an agent that another server started has until it is given up."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INHERITED = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "PYTHONPATH", "JAVA_HOME")


class LocalBackend:
    """Backend over <data_dir>/work.

    sandbox_mode: ``auto`` bubblewrap where it works, ``off`` plain processes. patience: seconds an agent tries to reach
    S3 again. script_python: what ``python`` is to commands. containers: the engine that runs workloads with an image,
    asked for when there is one. lifeline: agents end their workloads when this process ends. peers: gives the folder of
    a workload that another gathers, where it is none of ours. Safe to use from several threads as far as they work on
    different ids.
    """

    def __init__(
        self,
        data_dir: Path,
        clock: Clock | None = None,
        *,
        sandbox_mode: str = "auto",
        patience: float = _PATIENCE,
        script_python: str = sys.executable,
        containers: Callable[[], Engine | None] = lambda: None,
        lifeline: bool = False,
        peers: Callable[[str], Path] | None = None,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._clock = clock or SystemClock()
        self._work = self._data_dir / "work"
        self._patience = patience
        self._sandbox_mode = sandbox_mode
        self._python = script_python
        self._containers = containers
        self._lifeline = os.pipe2(os.O_CLOEXEC) if lifeline else None
        self._peer = peers or self._path
        self._folders: dict[str, Folder] = {}
        self._children: dict[str, int] = {}
        self._machine = machine()
        self._allocating = threading.Lock()
        self._promised: dict[str, str] = {}

    @cached_property
    def _probe(self) -> sandbox.Probe:
        """Taken when it is first needed: it costs a few processes, and a server that only starts needs it not."""
        return sandbox.probe() if self._sandbox_mode == "auto" else sandbox.Probe(why="it is switched off")

    @property
    def _engine(self) -> Engine | None:
        return self._containers()

    @property
    def capabilities(self) -> Capabilities:
        inside = bool(self._probe.program)
        return Capabilities(
            sandbox=inside,
            network_isolation=inside and self._probe.network,
            service_isolation=inside and self._probe.network,
            group_isolation=inside and self._probe.network and sandbox.shares_networks(),
            memory_limit=True,
            hostnames=inside,
        )

    def capacity(self) -> Resources:
        return self._machine

    def addresses(self, ids: Sequence[str], job: str = "", needs: Sequence[Resources] = ()) -> list[str]:
        with self._allocating:
            return [self._address(each) for each in ids]

    def launch(self, workload: Workload) -> None:
        folder = self._folders.get(workload.id) or Folder(self._path(workload.id))
        if not (folder.path / "launch.json").exists():
            self._check(workload)
            folder = Folder(folder.path)
            self._create(folder, workload)
        self._folders[workload.id] = folder
        if not folder.introduced() and not self._reap(workload.id):
            self._spawn(workload.id, folder)

    def observe(self, id: str) -> Observation:
        folder = self._folder(id)
        steps = folder.steps()
        if steps and steps[-1].name in FINAL:
            return observed(folder.workload, steps, alive=self._alive(id, folder))
        if self._alive(id, folder):
            return observed(folder.workload, steps, alive=True)
        # It may have written its last step between the two looks.
        steps = folder.steps()
        if not steps or steps[-1].name not in FINAL:
            self._bury(folder)
            steps = folder.steps()
        return observed(folder.workload, steps, alive=False)

    def signal(self, id: str, signal: Signal) -> None:
        folder = self._folder(id)
        pid = self._children.get(id) if self._reap(id) else folder.agent()
        if pid is not None:
            _send(pid, _SIGNALS[signal])

    def logs(self, id: str, offset: int = 0) -> tuple[list[LogLine], int]:
        return self._folder(id).logs(offset)

    def recover(self) -> list[str]:
        ids = []
        for folder in self._known():
            ids.append(folder.id)
            if not folder.introduced() and not self._reap(folder.id):
                self._spawn(folder.id, folder)
        return ids

    def remove(self, id: str) -> None:
        self._promised.pop(id, None)
        try:
            folder = self._folder(id)
        except UnknownWorkload:
            return
        pid = self._children.get(id) if self._reap(id) else folder.agent()
        if pid is not None:
            _send(pid, signal.SIGKILL)
            self._await_end(id, folder)
        engine.remove(folder.launch, str(folder.path))
        _unmount(folder)
        sweep(folder.launch["token"])
        self._folders.pop(id, None)
        folder.delete()

    def close(self) -> None:
        if self._lifeline is not None:
            for end in self._lifeline:
                os.close(end)
            self._lifeline = None

    def _folder(self, id: str) -> Folder:
        return find(self._folders, self._work, id)

    def _check(self, workload: Workload) -> None:
        able = self.capabilities
        if workload.image:
            self._check_container(workload)
        elif workload.network_isolation and not able.network_isolation:
            why = self._probe.why or "network namespaces are not available"
            raise Unsupported(f"network isolation needs bubblewrap: {why}")
        elif workload.network_isolation and workload.kind == "service" and not able.service_isolation:
            raise Unsupported("network isolation of services is not available on this backend")
        elif workload.network_isolation and workload.network and not able.group_isolation:
            raise Unsupported("network isolation of several instances needs nsenter (util-linux)")
        modes = {channel.input_mode for channel in workload.channels} - able.input_modes
        if modes:
            raise Unsupported(f"input mode {', '.join(sorted(modes))} is not available on this backend")

    def _check_container(self, workload: Workload) -> None:
        if self._engine is None:
            raise Unsupported(f"the image {workload.image} needs docker or podman, and this machine has neither")
        if workload.network_isolation and (workload.kind == "service" or workload.network):
            raise Unsupported(
                "network isolation is only there for batch jobs on one instance where a container engine runs the image"
            )

    def _launch(self, folder: Folder, workload: Workload) -> dict[str, Any]:
        """launch.json, as the agent's Instance reads it."""
        argv, scripts = None, self._scripts()
        warnings = [f"Running without a sandbox: {self._probe.why}."]
        if workload.image:
            warnings = []
        elif self._probe.program:
            argv = sandbox.argv(self._probe, folder.path, self._data_dir, workload, scripts["roots"])
            warnings = []
        token = secrets.token_hex(16)
        return {
            "workload": workload.to_json(),
            "data_dir": str(self._data_dir),
            "sandbox": argv,
            "env": self._environment(folder, workload, token, inside=argv is not None),
            "token": token,
            "peers": {host: str(self._peer(other)) for host, other in workload.gathers.items()},
            "network": self._network(workload),
            "warnings": warnings,
            "patience": self._patience,
            "lifeline": self._lifeline is not None,
            "python": scripts,
            "engine": self._engine.launch() if workload.image and self._engine else None,
        }

    def _scripts(self) -> dict[str, Any]:
        """What runs users' code."""
        try:
            return python.description(self._python)
        except (OSError, ValueError) as error:
            raise Unsupported(str(error)) from None

    def _network(self, workload: Workload) -> dict[str, Any] | None:
        if not workload.network_isolation or not workload.network:
            return None
        first, *others = workload.network
        holds = workload.id == first
        return {
            "folder": str(self._path(first)),
            "holder": sandbox.network_holder(self._probe) if holds else [],
            "others": {other: str(self._path(other)) for other in others} if holds else {},
            "enter": sandbox.network_entrance(self._probe),
        }

    def _environment(self, folder: Folder, workload: Workload, token: str, *, inside: bool) -> dict[str, str]:
        base = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        threads = str(max(1, int(workload.resources.vcpus)))
        own = PYTHON if inside else str(folder.path / "python")
        base |= {
            "PATH": f"{own}/bin:/opt/layer/bin:{os.path.dirname(self._python)}:{_PATH}",
            "HOME": "/root" if inside else str(folder.path / "tmp"),
            "TMPDIR": "/tmp" if inside else str(folder.path / "tmp"),  # noqa: S108
            "PYTHONUNBUFFERED": "1",
            "SAGEMAKER_BASE_DIR": "/opt/ml" if inside else str(folder.path / "opt" / "ml"),
            "OMP_NUM_THREADS": threads,
            agent.process.TOKEN: token,
        }
        base.setdefault("LANG", "C.UTF-8")
        if not workload.resources.gpus:
            base["CUDA_VISIBLE_DEVICES"] = ""
        return base

    def _create(self, folder: Folder, workload: Workload) -> None:
        """Two services launched at once must not get the same address, which is free until its server listens."""
        with self._allocating:
            if workload.kind == "service" and not workload.address:
                workload = replace(workload, address=self._address(workload.id))
            folder.create(self._launch(folder, workload))

    def _address(self, id: str) -> str:
        taken = {*self._promised.values(), *(folder.workload.address for folder in self._known())}
        self._promised[id] = addresses.allocate(str(self._path(id)), taken - {self._promised.get(id)})
        return self._promised[id]

    def _path(self, id: str) -> Path:
        return self._work / safe_name(id)

    def _known(self) -> list[Folder]:
        """Every folder there is, each time the same object for the same one."""
        before = {folder.path: folder for folder in list(self._folders.values())}
        known = []
        for path in sorted(self._work.glob("*/launch.json")):
            folder = before.get(path.parent) or Folder(path.parent)
            with suppress(FileNotFoundError):  # one that is removed meanwhile
                known.append(self._folders.setdefault(folder.id, folder))
        return known

    def _spawn(self, id: str, folder: Folder) -> None:
        """Start the agent in a session of its own, its own signals blocked until it has handlers for them."""
        script = Path(agent.__file__).with_name("__main__.py")
        errors = str(folder.path / "agent.err")
        source: tuple[Any, ...] = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        if self._lifeline is not None:
            source = (os.POSIX_SPAWN_DUP2, self._lifeline[0], 0)
        self._children[id] = os.posix_spawn(
            sys.executable,
            [sys.executable, "-S", "-E", "-P", str(script), str(folder.path)],
            {"PATH": _PATH, "LANG": "C.UTF-8", "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")},
            file_actions=[
                source,
                (os.POSIX_SPAWN_OPEN, 1, errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(STOP, KILL, INTERRUPT),
            setsigdef=(STOP, KILL, INTERRUPT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
        )

    def _reap(self, id: str) -> bool:
        """Whether the agent is our child and runs; one that has ended is waited for."""
        pid = self._children.get(id)
        if pid is None:
            return False
        with suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                return True
        self._children.pop(id, None)  # another thread may have been first
        return False

    def _alive(self, id: str, folder: Folder) -> bool:
        if self._reap(id) or folder.agent() is not None:
            return True
        if folder.introduced():
            return False
        age = time.time() - (folder.path / "launch.json").stat().st_mtime
        return age < _COMING_UP

    def _bury(self, folder: Folder) -> None:
        """End an agent's workload in its place: nothing runs on unseen, and the journal has its last word."""
        engine.remove(folder.launch, str(folder.path))
        _unmount(folder)
        sweep(folder.launch["token"])
        text = f"The agent of {folder.id} ended without a word; its processes were killed. {folder.complaint()}".strip()
        folder.append(Step(self._clock.now(), "Failed", text, {"kind": "InternalServerError"}))

    def _await_end(self, id: str, folder: Folder) -> None:
        for _ in range(500):
            if not self._reap(id) and folder.agent() is None:
                return
            time.sleep(0.002)


_SIGNALS = {"stop": STOP, "kill": KILL, "interrupt": INTERRUPT}


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _unmount(folder: Folder) -> None:
    """What an agent that was killed has left mounted."""
    for channel in folder.workload.channels:
        if isinstance(channel.source, FolderInput) and channel.source.links:
            from sagewright.runtime.agent.lazy import detach, place_of

            detach(place_of(str(folder.path), channel.name))
