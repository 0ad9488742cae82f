"""A body on its way in: to a blob on disk, hashed as it passes, verified before it is kept.

The event loop gathers about a step of bytes; meanwhile two threads take the step before, one for MD5, which is the
slowest, and one for the disk and the other hashes.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sagewright.core.errors import request_timeout
from sagewright.services.s3 import errors
from sagewright.services.s3.storage.blobs import Unnamed
from sagewright.services.s3.storage.blocks import PlainWriter, Run, RunWriter, told
from sagewright.services.s3.storage.checksums import ALGORITHMS, DEFAULT, Algorithm, encode
from sagewright.services.s3.storage.disk import SMALL, Disk, settle
from sagewright.services.s3.storage.expected import MAX_PUT, Expected, too_large
from sagewright.services.s3.storage.sealed import Cipher, SealedWriter
from sagewright.store import Store
from sagewright.store.blobs import BlobWriter
from sagewright.wire.signing.aws_chunked import BadChunks

_MOST, _LEAST = 4 << 20, 1 << 20
"""Bytes handed to the threads at once: the more the fewer trips, and many uploads at a time share the most."""


@dataclass(frozen=True, slots=True)
class Received:
    """A body on disk, verified, under a blob that no document names yet."""

    blob: str
    run: Run
    etag: str
    checksums: dict[str, str]
    at: int | None = None
    """Where in the blob it lies, if that is not the body's alone."""

    def described(self) -> dict[str, Any]:
        """Its members of an object's or a part's document."""
        run = told(self.run)
        found = {"Blob": self.blob, "Size": run[0], "Runs": [run], "ETag": self.etag, "Checksums": self.checksums}
        return found if self.at is None else found | {"At": self.at}


class _Hashes:
    """All digests over one body."""

    def __init__(self, expected: Expected, algorithms: Sequence[Algorithm]) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256() if expected.sha256 is not None else None
        self.checksums = {algorithm.name: algorithm.new() for algorithm in algorithms}

    def others(self, step: bytes) -> None:
        if self.sha256 is not None:
            self.sha256.update(step)
        for checksum in self.checksums.values():
            checksum.update(step)


class Intake:
    """Bodies into blobs. stall: seconds a client may be silent in the middle of its body."""

    def __init__(self, store: Store, disk: Disk, unnamed: Unnamed, stall: float = 60.0) -> None:
        self._store = store
        self._disk = disk
        self._unnamed = unnamed
        self._stall = stall
        self._active = 0

    @asynccontextmanager
    async def receive(
        self,
        expected: Expected,
        algorithm: Algorithm | None = None,
        cipher: Cipher | None = None,
        place: tuple[str, int] | None = None,
    ) -> AsyncIterator[Received]:
        """Take a body in; the block gives its blob a name, else the blob goes. Raises AwsError.

        algorithm: a checksum to keep besides the one the client sent; S3's default where there is neither.
        cipher: encrypts what is kept. place: a blob and where in it to write, instead of a blob of its own.
        """
        wanted = [item for item in (expected.algorithm, algorithm) if item is not None]
        hashes = _Hashes(expected, wanted or [ALGORITHMS[DEFAULT]])
        if place is None:
            blob, at = self._unnamed.reserve(), None
            writer = self._store.blobs.writer(blob)
        else:
            blob, at = place
            writer = self._store.blobs.piece_writer(blob, at)
        target = SealedWriter(writer, cipher) if cipher is not None else PlainWriter(writer)
        self._active += 1
        try:
            rest = await self._pass(expected, target, hashes)
            if len(rest) <= SMALL:
                run, found = _finish(writer, target, expected, hashes, rest)
            else:
                run, found = await self._disk.run(_finish, writer, target, expected, hashes, rest)
            del rest  # however long the block goes on
            etag = secrets.token_hex(16) if cipher is not None and cipher.opaque else hashes.md5.hexdigest()
            yield Received(blob, run, etag, found, at)
        except BaseException as error:
            writer.abort()
            await self._unnamed.empty(blob)
            if isinstance(error, BadChunks):
                raise errors.incomplete_body() from None
            raise
        finally:
            self._active -= 1

    async def _pass(self, expected: Expected, target: RunWriter, hashes: _Hashes) -> bytes:
        """Write and hash all but the last step, which comes back."""
        size = 0
        lanes: tuple[asyncio.Future[None], ...] = ()
        limit = expected.length if expected.length is not None else MAX_PUT
        step: list[bytes | memoryview] = []
        try:
            gathered = 0
            async with _Patience(self._stall) as patience:
                async for piece in expected.chunks:
                    patience.renew()
                    size += len(piece)
                    if size > limit:
                        raise errors.incomplete_body() if expected.length is not None else too_large(size)
                    step.append(piece)
                    gathered += len(piece)
                    if gathered >= max(_LEAST, _MOST // self._active):
                        patience.pause()
                        await _all(lanes)
                        # In one piece: each call on a thread waits its turn for the interpreter.
                        whole = b"".join(step)
                        lanes = (
                            self._disk.start(hashes.md5.update, whole),
                            self._disk.start(_write_and_hash, target, whole, hashes),
                        )
                        step, gathered = [], 0
                        patience.renew()
            await _all(lanes)
        except BaseException:
            await settle(*lanes)
            raise
        return b"".join(step)


class _Patience:
    """Ends the block with RequestTimeout when a client is silent for so many seconds.

    A timer of its own for each piece of a body would cost more than all else that is done for it here.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._clock = asyncio.get_running_loop().time
        self._renewed: float | None = self._clock()
        self._timeout = asyncio.timeout_at(self._renewed + seconds)

    async def __aenter__(self) -> _Patience:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await self._timeout.__aexit__(*raised)
        except TimeoutError:
            raise request_timeout() from None

    def renew(self) -> None:
        """The client sent something."""
        now = self._clock()
        if self._renewed is None or now - self._renewed > self._seconds / 16:
            self._renewed = now
            self._timeout.reschedule(now + self._seconds)

    def pause(self) -> None:
        """Now it is not the client who is waited for."""
        self._renewed = None
        self._timeout.reschedule(None)


def _finish(
    writer: BlobWriter, target: RunWriter, expected: Expected, hashes: _Hashes, rest: bytes
) -> tuple[Run, dict[str, str]]:
    """Take the last step, verify the whole, make it durable; the checksums in base64. Raises AwsError."""
    _write_and_hash(target, rest, hashes)
    hashes.md5.update(rest)
    run = target.end()
    found = {name: checksum.digest() for name, checksum in hashes.checksums.items()}
    sha256 = hashes.sha256.hexdigest() if hashes.sha256 is not None else None
    sent = found[expected.algorithm.name] if expected.algorithm is not None else None
    expected.verify(run.size, hashes.md5.digest(), sha256, sent)
    writer.commit()
    return run, {name: encode(value) for name, value in found.items()}


def _write_and_hash(target: RunWriter, step: bytes, hashes: _Hashes) -> None:
    target.write(step)
    hashes.others(step)


async def _all(lanes: tuple[asyncio.Future[None], ...]) -> None:
    for lane in lanes:
        await lane
