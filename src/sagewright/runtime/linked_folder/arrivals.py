"""Objects that are to come into a folder when they are first read, each once, several at a time."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.linked import Linked, Object

_AT_ONCE = 16
_LOOK = 0.1
"""Seconds between looks at whether who waits for an object was killed."""
_SIGKILL = 1 << 8


class Arrivals:
    """absent: the objects by their paths in the folder, which begin with a slash. linked: makes one for a thread.

    failed: is told why one did not come, once for each reason. caller: the pid of who waits, 0 where that is not known.
    """

    def __init__(
        self,
        absent: dict[str, Object],
        linked: Callable[[], Linked],
        failed: Callable[[Fault], None],
        caller: Callable[[], int],
    ) -> None:
        self._absent = absent
        self._names: dict[str, set[str]] = {}
        for path in absent:
            folder, _, name = path.rpartition("/")
            self._names.setdefault(folder or "/", set()).add(name)
        self._failed = failed
        self._caller = caller
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._coming: dict[str, Future[None]] = {}
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(_AT_ONCE, initializer=lambda: setattr(self._own, "linked", linked()))
        self._books = linked()
        self._booking = threading.Lock()

    def get(self, path: str) -> Object | None:
        return self._absent.get(path)

    def names(self, folder: str) -> frozenset[str]:
        """Of those in a folder."""
        with self._lock:
            return frozenset(self._names.get(folder, ()))

    def below(self, folder: str) -> list[str]:
        with self._lock:
            return [path for path in self._absent if path.startswith(f"{folder}/")]

    def settled(self, path: str) -> bool:
        """Whether it is not to come (any more): a file in its place may be what another job has brought in."""
        each = self._absent.get(path)
        if each is None:
            return True
        with self._booking:
            there = self._books.has(each)
        if there:
            self._forget(path)
        return there

    def bring(self, paths: Iterable[str]) -> None:
        """Until they are there. Raises OSError: EIO where one does not come, EINTR for a caller that was killed."""
        coming = [each for path in paths if path in self._absent and (each := self._start(path)) is not None]
        while coming:
            done, _ = wait(coming, _LOOK)
            for each in done:
                if each.exception() is not None:
                    raise OSError(errno.EIO, str(each.exception()))
            coming = [each for each in coming if each not in done]
            if coming and _killed(self._caller()):
                raise OSError(errno.EINTR, "killed")

    def _start(self, path: str) -> Future[None] | None:
        with self._lock:
            each = self._absent.get(path)
            if each is not None and path not in self._coming:
                self._coming[path] = self._pool.submit(self._take, path, each)
            return self._coming.get(path)

    def _take(self, path: str, each: Object) -> None:
        try:
            self._own.linked.take(each)
            self._forget(path)
        except Fault as fault:
            with self._lock:
                new = fault.text not in self._told
                self._told.add(fault.text)
            if new:
                self._failed(fault)
            raise
        finally:
            with self._lock:
                self._coming.pop(path, None)

    def rest(self, path: str) -> None:
        """Until it is not just coming."""
        if path in self._coming:
            self.bring([path])

    def replaced(self, path: str) -> None:
        """Something of the job's stands in the place of one that was to come."""
        each = self._absent.get(path)
        if each is not None:
            with self._booking:
                self._books.keep(each)
            self._forget(path)

    def deleted(self, path: str, target: str, *, folder: bool = False) -> None:
        """The job has deleted a file, or moved a file or folder away. target: it, below the file system's root."""
        with self._booking:
            self._books.delete(target, self._absent.get(path), folder=folder)
        self._forget(path)

    def _forget(self, path: str) -> None:
        with self._lock:
            if self._absent.pop(path, None) is not None:
                folder, _, name = path.rpartition("/")
                self._names[folder or "/"].discard(name)


def _killed(pid: int) -> bool:
    """Whether SIGKILL waits for a thread, which waits for us: the kernel lets it go only with our answer."""
    if not pid:
        return False
    try:
        with open(f"/proc/{pid}/status") as file:
            pending = [line.split()[1] for line in file if line.startswith(("SigPnd:", "ShdPnd:"))]
    except OSError:
        return not os.path.exists(f"/proc/{pid}")
    return any(int(mask, 16) & _SIGKILL for mask in pending)
