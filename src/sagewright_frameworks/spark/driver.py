"""Runs spark-submit, whose output is the job's log, and keeps the end of it: it may have to say why it failed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType

from sagewright_frameworks.tail import Tail


def run(command: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Exit status, 128 + n for signal n, and the end of what it wrote. SIGTERM is passed on.

    A Python application's traceback comes from Spark's standard output, a Java one's from its standard error.
    """
    process = subprocess.Popen(command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def end(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, end)
    assert process.stdout is not None
    tail = Tail(process.stdout.fileno(), 1)
    try:
        status = process.wait()
        said = tail.text()
    finally:
        signal.signal(signal.SIGTERM, before)
    return status if status >= 0 else 128 - status, said
