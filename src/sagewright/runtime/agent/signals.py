"""What the server tells the agent: SIGTERM stop, SIGUSR1 kill. Both come through whatever it is doing."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

KILL = signal.SIGUSR1


class Interrupted(Exception):
    """A stop or kill came in an interruptible stretch."""


class Signals:
    """stop, kill: whether one came. The server starts the agent with both blocked, so that none is lost before this."""

    def __init__(self) -> None:
        self.stop = False
        self.kill = False
        self._interruptible = False
        self._reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, KILL, signal.SIGCHLD):
            signal.signal(number, self._handle)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, KILL))
        self._poll = select.poll()
        self._poll.register(self._reader, select.POLLIN)

    def any(self) -> bool:
        """Whether either came."""
        return self.stop or self.kill

    def wait(self, seconds: float) -> None:
        """Sleep until a signal came, a child's end among them."""
        if self._poll.poll(max(0, seconds) * 1000):
            with suppress(BlockingIOError):
                os.read(self._reader, 4096)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A stretch that a stop ends with Interrupted."""
        self._interruptible = True
        try:
            if self.any():
                raise Interrupted
            yield
        finally:
            self._interruptible = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            return
        self.stop = True
        self.kill = self.kill or number == KILL
        if self._interruptible:
            self._interruptible = False
            raise Interrupted
