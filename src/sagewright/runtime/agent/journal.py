"""The files the server follows: steps as JSON lines, and the log with a time on each line."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from typing import Any

LINE_LIMIT = 256 * 1024 - 26
"""Bytes of a log line: CloudWatch takes 256 KiB an event, 26 of them its own."""

_CHUNK = 256 * 1024
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\udc80-\udcff]")


class Journal:
    """Steps, each one write and on the disk before step() returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def step(self, name: str, message: str = "", **detail: Any) -> None:
        entry = {"at": round(time.time(), 3), "name": name, "message": message, "detail": detail}
        os.write(self._file, json.dumps(entry).encode() + b"\n")
        os.fdatasync(self._file)


def printable(line: bytes) -> str:
    """The line as in SageMaker's logs: control characters and bytes that are no UTF-8 as ``#`` and octal digits."""
    text = line.decode("utf-8", "surrogateescape")
    return text if text.isprintable() else _UNPRINTABLE.sub(_octal, text)


def _octal(match: re.Match[str]) -> str:
    return f"#{ord(match.group()) & 0xFF:03o}"


class Log:
    """The log file: ``<milliseconds since the epoch> <text>`` a line, times never going back."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._lock = threading.Lock()
        self._last = 0

    def write(self, *lines: bytes) -> None:
        """Append lines, given without their newlines; one above the limit becomes several."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // 1_000_000)
            stamp = b"%d " % self._last
            out = bytearray()
            for line in lines:
                for piece in _pieces(printable(line).encode()):
                    out += stamp + piece + b"\n"
            view = memoryview(out)
            while view:
                view = view[os.write(self._file, view) :]

    def say(self, text: str) -> None:
        """A line of our own."""
        self.write(*text.encode().split(b"\n"))

    def pump(self, source: int) -> None:
        """Copy what comes out of a pipe, until its last writer is gone; then the partial last line."""
        rest = b""
        with open(source, "rb", buffering=0) as pipe:
            while chunk := pipe.read(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) >= LINE_LIMIT:
                    lines.append(rest)
                    rest = b""
                if lines:
                    self.write(*lines)
        if rest:
            self.write(rest)


def _pieces(line: bytes) -> list[bytes]:
    pieces = []
    while len(line) > LINE_LIMIT:
        cut = LINE_LIMIT
        while line[cut] & 0xC0 == 0x80:
            cut -= 1
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]
