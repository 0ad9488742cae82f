"""Bodies in blocks, each with what tells whether its bytes are still those that came in.

A blob is a run of blocks, or, from a multipart upload, one run a part, end to end. Every block of a run holds BLOCK
bytes of the body, but for the last. The proof of a plain run is the CRC-32C of each block; sealed.py says what that of
an encrypted run is. A document lists the runs of its blob: ``Runs: [[bytes of body, proof in base64], ...]``; where
that is long it lies in a document of its own, ``s3:blocks`` under the blob's id, so that listings do not read it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from sagewright.store import Space, Store
from sagewright.store.blobs import BlobWriter

BLOCK = 1 << 18
_BLOCKS = Space("s3:blocks")
_CRC = 4
_INLINE = 24
"""Most characters of a proof beside what a listing reads: blocks of 1 MiB."""


class Corrupt(Exception):
    """Stored bytes are not what they were. block: its number in the object, from 0; None for all of it."""

    def __init__(self, why: str, block: int | None = None) -> None:
        super().__init__(why if block is None else f"block {block}: {why}")
        self.block = block


class Run(NamedTuple):
    """size: bytes of body, of which each block has BLOCK but the last."""

    size: int
    proof: bytes

    @property
    def blocks(self) -> int:
        return -(-self.size // BLOCK)

    def block_size(self, index: int) -> int:
        return min(BLOCK, self.size - index * BLOCK)

    def is_last(self, index: int) -> bool:
        return (index + 1) * BLOCK >= self.size


class Block(NamedTuple):
    """A block in its file. nth: in its run; number: over all runs. at, stored: where it lies in the file, and its bytes
    there. start: its place in the body."""

    run: Run
    nth: int
    number: int
    at: int
    stored: int
    start: int


class Guard(Protocol):
    """How the bytes of a run are kept. overhead: bytes in the file beyond those of the body, for each block."""

    overhead: int

    def open(self, block: Block, data: memoryview) -> bytes | memoryview:
        """The body's bytes of a block in the file. Raises Corrupt."""


class Plain:
    """Bytes as they came; unverified where there is no proof of them (see listed)."""

    overhead = 0

    def __init__(self) -> None:
        from awscrt.checksums import crc32c

        self._crc = crc32c

    def open(self, block: Block, data: memoryview) -> memoryview:
        if not block.run.proof:
            return data
        wanted = block.run.proof[block.nth * _CRC : (block.nth + 1) * _CRC]
        if self._crc(data).to_bytes(_CRC, "big") != wanted:
            raise Corrupt("the checksum does not match", block.number)
        return data


class RunWriter(Protocol):
    """Takes one body to its blob; end() comes once, after all of it."""

    def write(self, piece: bytes | memoryview) -> None: ...

    def end(self) -> Run: ...


class PlainWriter:
    """Writes the bytes as they are."""

    def __init__(self, writer: BlobWriter) -> None:
        from awscrt.checksums import crc32c

        self._writer = writer
        self._crc = crc32c
        self._size = 0
        self._value = 0
        self._proof = bytearray()

    def write(self, piece: bytes | memoryview) -> None:
        self._writer.write(piece)
        view = memoryview(piece)
        while view:
            chunk = view[: BLOCK - self._size % BLOCK]
            view = view[len(chunk) :]
            self._value = self._crc(chunk, self._value)
            self._size += len(chunk)
            if self._size % BLOCK == 0:
                self._close_block()

    def end(self) -> Run:
        if self._size % BLOCK:
            self._close_block()
        return Run(self._size, bytes(self._proof))

    def _close_block(self) -> None:
        self._proof += self._value.to_bytes(_CRC, "big")
        self._value = 0


def spread(runs: Sequence[Run], start: int, length: int, overhead: int) -> Iterator[Block]:
    """The blocks with the body's bytes from start, in order. overhead: see Guard."""
    end = start + length
    body = at = number = 0
    for run in runs:
        after = body + run.size
        if after > start and body < end:
            first = max(start - body, 0) // BLOCK
            last = -(-(min(end, after) - body) // BLOCK)
            for index in range(first, last):
                stored = run.block_size(index) + overhead
                place = at + index * (BLOCK + overhead)
                yield Block(run, index, number + index, place, stored, body + index * BLOCK)
        body = after
        at += run.size + run.blocks * overhead
        number += run.blocks


def stored_size(runs: Sequence[Run], overhead: int) -> int:
    """Bytes of the file."""
    return sum(run.size + run.blocks * overhead for run in runs)


def told(run: Run) -> list[Any]:
    """A run as documents list it."""
    return [run.size, base64.b64encode(run.proof).decode()]


def keep(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    """An object's document, its runs put where they belong; inside a transaction."""
    runs = body.get("Runs")
    if runs is None or (len(runs) == 1 and len(runs[0][1]) <= _INLINE):
        return body
    store.documents.put(_BLOCKS, body["Blob"], {"Runs": runs})
    return {name: value for name, value in body.items() if name != "Runs"}


def forget(store: Store, body: dict[str, Any]) -> None:
    """The object goes; inside a transaction."""
    if "Runs" not in body:
        store.documents.delete(_BLOCKS, body["Blob"])


def listed(store: Store, body: dict[str, Any]) -> list[list[Any]]:
    """The runs of an object's or part's document, as documents list them.

    Data folders from before there were runs have neither: all bytes of the object are one run then, without a proof.
    """
    if "Runs" in body:
        found: list[list[Any]] = body["Runs"]
        return found
    document = store.documents.get(_BLOCKS, body["Blob"])
    return [[body["Size"], ""]] if document is None else list(document.body["Runs"])


def runs_of(store: Store, body: dict[str, Any]) -> list[Run]:
    """The runs of an object's or part's document."""
    return [Run(size, base64.b64decode(proof)) for size, proof in listed(store, body)]
