"""Pipe mode: a channel as FIFOs ``<channel>_0``, ``<channel>_1`` and so on, one a pass over the data.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import fcntl
import itertools
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.feed import Feed

_PIPE_SIZE = 1024 * 1024


class Pipe:
    """One channel. place: the FIFOs' names without their numbers. broken: told why, when the data cannot be read to
    their end. A reader may leave a pass early, and go on with the next."""

    def __init__(self, feed: Feed, place: str, broken: Callable[[Fault], None]) -> None:
        self._feed = feed
        self._place = place
        self._broken = broken
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.mkfifo(f"{place}_0", 0o644)

    def start(self) -> None:
        """Feed the FIFOs as long as someone opens the next one."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for epoch in itertools.count():
            if not self._pass(epoch):
                return

    def _pass(self, epoch: int) -> bool:
        """Wait for a reader and feed it once; False, and broken told, where it came to no good end."""
        path = f"{self._place}_{epoch}"
        writer = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):
                fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
            # The next one must be there when the reader has seen the end of this one.
            os.mkfifo(f"{self._place}_{epoch + 1}", 0o644)
            with suppress(BrokenPipeError):
                self._feed.write(epoch, writer)
        except Exception as error:
            # Told before the FIFO's end, which the command may take for the end of the data.
            fault = Fault("InternalServerError", f"We encountered an internal error: {error!r}")
            self._broken(error if isinstance(error, Fault) else fault)
            return False
        finally:
            os.close(writer)
        with suppress(FileNotFoundError):  # without a sandbox the command may have done that
            os.unlink(path)
        return True
