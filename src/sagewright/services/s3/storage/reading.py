"""An object's bytes on their way out, each block verified before any of it leaves.

A reader that stalls holds three at most: one with the transport, one that waits for it, and one read ahead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from pathlib import Path

from sagewright.services.s3.storage.blocks import Block, Corrupt, Guard, Run, spread, stored_size
from sagewright.services.s3.storage.disk import SMALL, Disk, settle
from sagewright.services.s3.storage.ranges import Span

_STEP = 4
"""Blocks verified at once before the first of them goes out, and where none does."""

Report = Callable[[Corrupt], Exception]
"""Told of what was found; what to raise."""


class Reading:
    """A span of an open file, as chunks. The file stays readable when the object is deleted meanwhile.

    Raises what report makes of a Corrupt, from start() or in the middle of the chunks.
    """

    def __init__(self, file: int, runs: Sequence[Run], guard: Guard, span: Span, disk: Disk, report: Report) -> None:
        self.span = span
        self._file = file
        self._guard = guard
        self._disk = disk
        self._report = report
        self._least = stored_size(runs, guard.overhead)
        self._blocks = spread(runs, span.start, span.length, guard.overhead)
        self._first: list[bytes] | None = None

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()

    async def start(self) -> Reading:
        """Read and verify the first step, while an answer can still say that it failed."""
        try:
            if os.fstat(self._file).st_size < self._least:
                raise Corrupt("the file ends too early")
            step = list(islice(self._blocks, _STEP))
            if sum(block.stored for block in step) <= SMALL:
                self._first = self._read_all(step)
            else:
                self._first = await self._disk.run(self._read_all, step)
        except Corrupt as found:
            self.close()
            raise self._report(found) from None
        return self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            if self._first is None:
                await self.start()
            first = self._first or []
            ahead: asyncio.Future[bytes] | None = None
            try:
                while first:
                    yield first.pop(0)
                ahead = self._ahead()
                while ahead is not None:
                    chunk = await ahead
                    ahead = self._ahead()
                    yield chunk
            except Corrupt as found:
                raise self._report(found) from None
            finally:
                if ahead is not None:
                    await settle(ahead)
        finally:
            self.close()

    def _ahead(self) -> asyncio.Future[bytes] | None:
        block = next(self._blocks, None)
        return self._disk.start(self._read, block) if block is not None else None

    def _read_all(self, step: list[Block]) -> list[bytes]:
        return [self._read(block) for block in step]

    def _read(self, block: Block) -> bytes:
        """The body's bytes of a block, as far as they are in the span. Raises Corrupt."""
        opened = self._guard.open(block, memoryview(pread(self._file, [block])))
        begin = max(self.span.start - block.start, 0)
        return bytes(opened[begin : self.span.start + self.span.length - block.start])


def pread(file: int, step: list[Block]) -> bytes:
    """Some blocks that follow one another, as they lie in the file. Raises Corrupt."""
    at, size = step[0].at, sum(block.stored for block in step)
    pieces: list[bytes] = []
    try:
        while size and (piece := os.pread(file, size, at)):
            pieces.append(piece)
            at += len(piece)
            size -= len(piece)
    except OSError as error:
        raise Corrupt(str(error), step[0].number) from None
    if size:
        cut = next(block for block in step if block.at + block.stored > at)
        raise Corrupt("the file ends too early", cut.number)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def verify(path: Path, runs: Sequence[Run], guard: Guard) -> None:
    """Read a whole blob and compare. Blocks for the disk. Raises Corrupt."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Corrupt("its file is not there") from None
    try:
        if os.fstat(file).st_size != stored_size(runs, guard.overhead):
            raise Corrupt("the file has another size")
        blocks = spread(runs, 0, sum(run.size for run in runs), guard.overhead)
        while step := list(islice(blocks, _STEP)):
            data = memoryview(pread(file, step))
            for block in step:
                guard.open(block, data[block.at - step[0].at :][: block.stored])
    finally:
        os.close(file)
