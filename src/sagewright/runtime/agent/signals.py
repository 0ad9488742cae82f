"""What the server tells the agent: SIGUSR2 stop, SIGUSR1 kill, SIGRTMIN interrupt. All come through whatever it does.

SIGTERM is not the server's: it comes when the machine goes down, and ends the workload without anyone having asked.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from sagewright.runtime.agent.fault import Fault

STOP = signal.SIGUSR2
KILL = signal.SIGUSR1
INTERRUPT = signal.SIGRTMIN
LOST = signal.SIGRTMIN + 1


_FROM_OUTSIDE = {
    signal.SIGTERM: "The agent was terminated from outside (SIGTERM).",
    LOST: "What looked after the agent on its node has ended.",
}


class Interrupted(Exception):
    """A stop or kill came in an interruptible stretch."""


class Signals:
    """stop, kill: whether one came. interrupted: whether the stop was an interruption.

    The server starts the agent with all of them blocked, so that none is lost before this.
    """

    def __init__(self) -> None:
        self.stop = False
        self.kill = False
        self.interrupted = False
        self._terminated = ""
        self._interruptible = False
        self._reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (STOP, KILL, INTERRUPT, LOST, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, self._handle)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (STOP, KILL, INTERRUPT))
        self._poll = select.poll()
        self._poll.register(self._reader, select.POLLIN)

    def hang_on(self, lifeline: int) -> None:
        """Kill the workload when the last writer of that pipe is gone: whoever launched it on this node."""

        def wait() -> None:
            os.read(lifeline, 1)
            os.kill(os.getpid(), LOST)

        threading.Thread(target=wait, daemon=True).start()

    def any(self) -> bool:
        """Whether either came."""
        return self.stop or self.kill

    def check(self) -> None:
        """Raises Fault where the end that comes was not the server's wish."""
        if self._terminated:
            raise Fault("InternalServerError", self._terminated)

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
        self._terminated = self._terminated or _FROM_OUTSIDE.get(number, "")
        self.kill = self.kill or number in (KILL, LOST)
        self.interrupted = self.interrupted or number == INTERRUPT
        if self._interruptible:
            self._interruptible = False
            raise Interrupted
