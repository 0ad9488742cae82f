"""Runs spark-submit, whose output is the job's log, and keeps the end of it: it may have to say why it failed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import FrameType

_BLOCK, _KEPT = 1 << 16, 1 << 19
_DRAIN = 5.0


def run(command: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Exit status, 128 + n for signal n, and the end of what it wrote. SIGTERM is passed on.

    A Python application's traceback comes from Spark's standard output, a Java one's from its standard error.
    """
    process = subprocess.Popen(command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def end(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, end)
    kept = bytearray()
    assert process.stdout is not None
    reader = threading.Thread(target=_copy, args=(process.stdout.fileno(), kept), daemon=True)
    reader.start()
    try:
        status = process.wait()
        reader.join(_DRAIN)
    finally:
        signal.signal(signal.SIGTERM, before)
    return status if status >= 0 else 128 - status, kept.decode("utf-8", "replace")


def _copy(source: int, kept: bytearray) -> None:
    while block := os.read(source, _BLOCK):
        kept += block
        del kept[:-_KEPT]
        while block:
            block = block[os.write(1, block) :]
