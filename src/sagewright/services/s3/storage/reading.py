"""An object's bytes on their way out, in steps that never hold more than two of them in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from sagewright.services.s3.storage.disk import Disk, settle
from sagewright.services.s3.storage.ranges import Span

STEP = 1 << 20
_SMALL = 1 << 16
"""Bytes that are read on the event loop: less than the trip to a thread costs."""


class Reading:
    """A span of an open file, as chunks. The file stays readable when the object is deleted meanwhile."""

    def __init__(self, path: Path, span: Span, disk: Disk) -> None:
        self.span = span
        self._disk = disk
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            if self.span.length <= _SMALL:
                yield self._read(self.span.start, self.span.length)
                return
            async for chunk in self._steps():
                yield chunk
        finally:
            self.close()

    async def _steps(self) -> AsyncIterator[bytes]:
        at, end = self.span.start, self.span.start + self.span.length
        ahead = self._disk.start(self._read, at, min(STEP, end - at))
        try:
            while at < end:
                chunk = await ahead
                at += len(chunk)
                if at < end:
                    ahead = self._disk.start(self._read, at, min(STEP, end - at))
                yield chunk
        finally:
            await settle(ahead)

    def _read(self, at: int, size: int) -> bytes:
        """Raises OSError where the file ends early: a broken connection rather than a part passed off as the whole."""
        chunk = os.pread(self._file, size, at)
        while len(chunk) < size:
            more = os.pread(self._file, size - len(chunk), at + len(chunk))
            if not more:
                raise OSError("a stored object is shorter than it should be")
            chunk += more
        return chunk
