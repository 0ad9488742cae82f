"""The job's log: one line a write, at once, to the standard output that the platform follows."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass

_STDOUT = 1
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Form:
    """How a line begins. time: for strftime. head: with its ``{time}``, ``{level}`` and ``{thread}``."""

    time: str
    head: str


TOOLKIT = Form("%Y-%m-%d:%H:%M:%S", "[{time}:{level}]")
FIRST_PARTY = Form("%m/%d/%Y %H:%M:%S", "[{time} {level} {thread}]")


class _Log:
    form = TOOLKIT
    lowest = 1


def use(form: Form, level: str = "info") -> None:
    """From now on, in this process. level: the lowest that is written."""
    _Log.form, _Log.lowest = form, _LEVELS.index(level.upper())


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
    if _LEVELS.index(level) >= _Log.lowest:
        now = time.strftime(_Log.form.time)
        write_line(f"{_Log.form.head.format(time=now, level=level, thread=threading.get_ident())} {message}")
