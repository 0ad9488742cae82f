"""The end of what a process writes, which may have to say why it failed; all of it goes to the job's log."""

from __future__ import annotations

import os
import threading

_BLOCK, _KEPT = 1 << 16, 1 << 19
_DRAIN = 5.0
"""Seconds for what is still in the pipe, which something that the process has left behind may hold open."""


class Tail:
    """Copies what comes from one file descriptor to another, in a thread, and keeps the end."""

    def __init__(self, source: int, target: int) -> None:
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._copy, args=(source, target), daemon=True)
        self._thread.start()

    def _copy(self, source: int, target: int) -> None:
        while block := os.read(source, _BLOCK):
            self._kept += block
            del self._kept[:-_KEPT]
            while block:
                block = block[os.write(target, block) :]

    def text(self) -> str:
        """When the process has ended."""
        self._thread.join(_DRAIN)
        return self._kept.decode("utf-8", "replace")
