"""Runs the user's program: what it writes is the job's log, and the end of that is kept, to say why it failed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

_BLOCK, _KEPT = 1 << 16, 1 << 19
_DRAIN = 5.0
"""Seconds for what is still in the pipe, which something that the process has left behind may hold open."""


def run(
    command: Sequence[str], env: Mapping[str, str], folder: Path | None = None, *, both: bool = False
) -> tuple[int, str]:
    """Exit status, 128 + n for signal n, and the end of what it wrote to standard error. SIGTERM is passed on.

    both: what it writes to standard output belongs to that, in the order in which it comes.
    """
    out, error = (subprocess.PIPE, subprocess.STDOUT) if both else (None, subprocess.PIPE)
    process = subprocess.Popen(command, cwd=folder, env=dict(env), stdout=out, stderr=error)

    def end(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, end)
    source = process.stdout or process.stderr
    assert source is not None
    tail = _Tail(source.fileno(), 1 if both else 2)
    try:
        status = process.wait()
        said = tail.text()
    finally:
        signal.signal(signal.SIGTERM, before)
    return status if status >= 0 else 128 - status, said


class _Tail:
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
