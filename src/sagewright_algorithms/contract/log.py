"""The job's log: one line a write, at once, to the standard output that the platform follows."""

from __future__ import annotations

import os
import sys
import time

_STDOUT = 1


def write_line(line: str) -> None:
    """line: without its newline; may hold tabs, which CloudWatch shows as ``#011``."""
    sys.stdout.flush()
    data = f"{line}\n".encode(errors="replace")
    while data:
        data = data[os.write(_STDOUT, data) :]


def info(message: str) -> None:
    _write("INFO", message)


def warning(message: str) -> None:
    _write("WARNING", message)


def error(message: str) -> None:
    _write("ERROR", message)


def _write(level: str, message: str) -> None:
    write_line(f"[{time.strftime('%Y-%m-%d:%H:%M:%S')}:{level}] {message}")
