"""A body on its way in: to a blob on disk, hashed as it passes, verified before it is kept.

The event loop gathers about a step of bytes; meanwhile two threads take the step before, one for MD5, which is the
slowest, and one for the disk and the other hashes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors
from sagewright.services.s3.storage.blobs import Unnamed
from sagewright.services.s3.storage.checksums import ALGORITHMS, DEFAULT, Algorithm, encode
from sagewright.services.s3.storage.disk import Disk, settle
from sagewright.services.s3.storage.expected import MAX_PUT, Expected, too_large
from sagewright.store import Store
from sagewright.store.blobs import BlobWriter
from sagewright.wire.aws_chunked import BadChunks

_MOST, _LEAST = 4 << 20, 1 << 20
"""Bytes handed to the threads at once: the more the fewer trips, and many uploads at a time share the most."""

_Step = Sequence[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Received:
    """A body on disk, verified, under a blob that no document names yet: announced is its entry."""

    blob: str
    announced: str
    size: int
    md5: bytes
    checksums: dict[str, str]

    def described(self) -> dict[str, Any]:
        """Its members of an object's or a part's document."""
        return {"Blob": self.blob, "Size": self.size, "ETag": self.md5.hex(), "Checksums": self.checksums}


class _Hashes:
    """All digests over one body."""

    def __init__(self, expected: Expected, algorithms: Sequence[Algorithm]) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256() if expected.sha256 is not None else None
        self.checksums = {algorithm.name: algorithm.new() for algorithm in algorithms}

    def others(self, step: _Step) -> None:
        for piece in step:
            if self.sha256 is not None:
                self.sha256.update(piece)
            for checksum in self.checksums.values():
                checksum.update(piece)

    def main(self, step: _Step) -> None:
        for piece in step:
            self.md5.update(piece)


class Intake:
    """Bodies into blobs. stall: seconds a client may be silent in the middle of its body."""

    def __init__(self, store: Store, disk: Disk, unnamed: Unnamed, stall: float = 60.0) -> None:
        self._store = store
        self._disk = disk
        self._unnamed = unnamed
        self._stall = stall
        self._active = 0

    @asynccontextmanager
    async def receive(self, expected: Expected, algorithm: Algorithm | None = None) -> AsyncIterator[Received]:
        """Take a body in; the block gives its blob a name, else the blob goes. Raises AwsError.

        algorithm: a checksum to keep besides the one the client sent; S3's default where there is neither.
        """
        wanted = [item for item in (expected.algorithm, algorithm) if item is not None]
        hashes = _Hashes(expected, wanted or [ALGORITHMS[DEFAULT]])
        writer = self._store.blobs.writer()
        announced: str | None = None
        self._active += 1
        try:
            size, rest = await self._pass(expected, writer, hashes)
            announced = self._unnamed.announce([writer.id])
            found = await self._disk.run(_finish, writer, expected, hashes, size, rest)
            del rest
            yield Received(writer.id, announced, size, hashes.md5.digest(), found)
        except BaseException as error:
            writer.abort()
            await self._unnamed.empty(announced)
            if isinstance(error, BadChunks):
                raise errors.incomplete_body() from None
            raise
        finally:
            self._active -= 1

    async def _pass(self, expected: Expected, writer: BlobWriter, hashes: _Hashes) -> tuple[int, _Step]:
        """Write and hash all but the last step; the whole size, and that step."""
        size = 0
        lanes: tuple[asyncio.Future[None], ...] = ()
        limit = expected.length if expected.length is not None else MAX_PUT
        step: list[bytes | memoryview] = []
        try:
            gathered = 0
            async for piece in self._patiently(expected.chunks):
                size += len(piece)
                if size > limit:
                    raise errors.incomplete_body() if expected.length is not None else too_large(size)
                step.append(piece)
                gathered += len(piece)
                if gathered >= max(_LEAST, _MOST // self._active):
                    await _all(lanes)
                    lanes = (
                        self._disk.start(hashes.main, step),
                        self._disk.start(_write_and, writer, step, hashes.others),
                    )
                    step, gathered = [], 0
            await _all(lanes)
        except BaseException:
            await settle(*lanes)
            raise
        return size, step

    async def _patiently(self, chunks: Any) -> AsyncIterator[bytes | memoryview]:
        stream = chunks.__aiter__()
        while True:
            try:
                async with asyncio.timeout(self._stall):
                    piece = await anext(stream, None)
            except TimeoutError:
                message = "Your socket connection to the server was not read from or written to within the timeout "
                raise AwsError("RequestTimeout", f"{message}period. Idle connections will be closed.") from None
            if piece is None:
                return
            yield piece


def _finish(writer: BlobWriter, expected: Expected, hashes: _Hashes, size: int, rest: _Step) -> dict[str, str]:
    """Take the last step, verify the whole, make it durable; the checksums, in base64. Raises AwsError."""
    _write(writer, rest)
    hashes.main(rest)
    hashes.others(rest)
    found = {name: checksum.digest() for name, checksum in hashes.checksums.items()}
    sha256 = hashes.sha256.hexdigest() if hashes.sha256 is not None else None
    sent = found[expected.algorithm.name] if expected.algorithm is not None else None
    expected.verify(size, hashes.md5.digest(), sha256, sent)
    writer.commit()
    return {name: encode(value) for name, value in found.items()}


def _write(writer: BlobWriter, step: _Step) -> None:
    for piece in step:
        writer.write(piece)


def _write_and(writer: BlobWriter, step: _Step, hash_: Callable[[_Step], None]) -> None:
    _write(writer, step)
    hash_(step)


async def _all(lanes: tuple[asyncio.Future[None], ...]) -> None:
    for lane in lanes:
        await lane
