"""The command's processes: started together, watched, signalled and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagewright.runtime.agent.container import Container

_PAGE = os.sysconf("SC_PAGE_SIZE")

TOKEN = "SAGEWRIGHT_WORKLOAD_TOKEN"  # noqa: S105
"""Environment variable that marks every process of a workload, wherever it moved to."""


class Process:
    """A running command. sandboxed: argv is bubblewrap's, which puts two processes before the command.

    container: argv is its engine's, which does not end it when it is killed itself.
    """

    def __init__(
        self,
        argv: list[str],
        env: dict[str, str],
        cwd: str | None,
        output: int,
        sandboxed: bool,
        container: Container | None = None,
    ) -> None:
        self._sandboxed = sandboxed
        self._container = container
        self._gone = False
        self._token = env.get(TOKEN, "")
        self._popen = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def poll(self) -> int | None:
        """Its exit status, 128 + n for signal n; None while it runs."""
        code = self._popen.poll()
        return code if code is None or code >= 0 else 128 - code

    def terminate(self) -> bool:
        """SIGTERM to the command itself, as a container engine does; False where it has not come up yet."""
        target = self._command()
        if target is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(target, signal.SIGTERM)
        return True

    def kill(self) -> None:
        """SIGKILL to everything it started. A sandbox's processes go with its first one."""
        self._end_container()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if not self._sandboxed:
            sweep(self._token)
        if self._popen.returncode is None:
            self._popen.wait()
        self._end_container()

    def _end_container(self) -> None:
        """A client that is killed leaves its container, or one that it was about to start."""
        code = self.poll()
        if self._container is not None and not self._gone:
            self._container.remove(ended=code == 0)
            self._gone = code is not None

    def memory(self, limit: int) -> int:
        """Bytes in use by all its processes.

        Resident sizes count shared pages once a process; only above limit are the dearer, exact shares summed up.
        0 for a container, whose engine looks after its memory.
        """
        if self._container is not None:
            return 0
        family = [self.pid, *descendants(self.pid)]
        resident = sum(_resident(pid) for pid in family)
        return resident if resident <= limit else sum(_share(pid) for pid in family)

    def _command(self) -> int | None:
        pid: int | None = self.pid
        for _ in range(2 if self._sandboxed else 0):
            pid = next(iter(children(pid)), None) if pid else None
        return pid


def children(pid: int) -> list[int]:
    """The pids whose parent is pid."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        if os.path.exists(f"/proc/{pid}") and not os.path.exists("/proc/self/task/self/children"):
            return [child for child in processes() if _parent(child) == pid]
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    found: list[int] = []
    front = [pid]
    while front:
        front = [child for parent in front for child in children(parent)]
        found += front
    return found


def processes() -> Iterable[int]:
    """Every pid there is."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def sweep(token: str) -> int:
    """SIGKILL whatever carries this token in its environment, until nothing does; how many there were."""
    if not token:
        return 0
    mark = f"{TOKEN}={token}".encode()
    killed = 0
    for _ in range(20):
        found = [pid for pid in processes() if pid != os.getpid() and mark in _environ(pid)]
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed += len(found)
        if not found:
            break
        time.sleep(0.002)
    return killed


def started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; with the pid and the boot id it names a process for good.

    None for one that is gone, or a zombie.
    """
    fields = _stat(pid)
    return None if fields is None or fields[0] in ("Z", "X") else int(fields[19])


@cache
def boot_id() -> str:
    """Which run of the kernel this is."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()
    return ""


def _stat(pid: int) -> list[str] | None:
    """The fields after the name, which may hold spaces and brackets."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _environ(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _share(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return _resident(pid)
