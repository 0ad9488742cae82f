"""RecordIO framing: magic, length word, payload, padding to four bytes.

A payload that holds the magic at an aligned place may come split in parts, as MXNet's writer does: the length word's
upper three bits say which part it is, and the magic goes back between them.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.blocks import LONGEST, fill, sizes
from sagewright_algorithms.formats.examples import FormatError

MAGIC = 0xCED7230A
HEADER = struct.Struct("<II")
_MAGIC_BYTES = struct.pack("<I", MAGIC)
_LENGTH = (1 << 29) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records. starts, lengths: of each payload in ``data``. offsets: of each record in the file, in bytes.

    number: records of the file before these.
    """

    data: bytes | bytearray
    starts: Indices
    lengths: Indices
    offsets: Indices
    number: int

    def payload(self, index: int) -> bytes:
        start = int(self.starts[index])
        return bytes(memoryview(self.data)[start : start + int(self.lengths[index])])

    def name(self, index: int) -> str:
        return _name(self.number + index, int(self.offsets[index]))


def padded(length: int) -> int:
    return (length + 3) & ~3


def frame(payload: bytes) -> bytes:
    """One whole record."""
    return HEADER.pack(MAGIC, len(payload)) + payload + bytes(padded(len(payload)) - len(payload))


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(byte offset, payload) of each record. Raises FormatError, which names record and offset."""
    for block in blocks(io.BytesIO(data)):
        for index in range(len(block.starts)):
            yield int(block.offsets[index]), block.payload(index)


def blocks(file: BinaryIO) -> Iterator[Block]:
    """The records in their order. Raises FormatError, which names record and byte offset."""
    left, number, offset = bytearray(), 0, 0
    for size in sizes():
        data = fill(file, left, size)
        ended = len(data) < len(left) + size
        block, end = _aligned(data, number, offset) or _one_by_one(data, number, offset, ended=ended)
        left, number, offset = data[end:], number + len(block.starts), offset + end
        if len(block.starts):
            yield block
        if ended:
            break
    if left:
        block, _ = _one_by_one(left, number, offset, ended=True)
        yield block


def _aligned(data: bytearray, number: int, offset: int) -> tuple[Block, int] | None:
    """The block's records and where they end, found by the magic of each; None where it does not tell them."""
    words = np.frombuffer(data, "<u4", len(data) // 4)
    marks = np.flatnonzero(words == MAGIC)
    starts = marks[:-1] if len(marks) and marks[-1] == len(words) - 1 else marks
    if not len(starts) or starts[0]:
        return None
    lengths = words[starts + 1].astype(np.int64)
    # A split record's flags are above the length's bits.
    if lengths.max() > LONGEST:
        return None
    ends = 4 * starts + HEADER.size + ((lengths + 3) & ~3)
    whole = len(ends) - (ends[-1] > len(data))
    following = 4 * marks[1:]
    if (ends[: len(following)] != following).any() or (whole == len(marks) and len(data) - ends[-1] >= 4):
        return None
    at = 4 * starts[:whole]
    return Block(data, at + HEADER.size, lengths[:whole], at + offset, number), int(ends[whole - 1]) if whole else 0


def _one_by_one(data: bytearray, number: int, offset: int, *, ended: bool) -> tuple[Block, int]:
    """The same by each record's length, parts joined. ended: the data is the file's last."""
    payloads: list[bytes] = []
    offsets: list[int] = []
    parts: list[bytes] = []
    at = begin = 0
    while len(data) - at >= HEADER.size:
        name = _name(number + len(payloads), offset + begin)
        length, part = _header(data, at, name)
        stop = at + HEADER.size + length
        if stop > len(data) or (not ended and stop + -length % 4 > len(data)):
            break
        payload = bytes(memoryview(data)[at + HEADER.size : stop])
        at = min(len(data), stop + -length % 4)
        _check_part(part, at - begin, name, begun=bool(parts))
        parts += [payload] if part in (_WHOLE, _FIRST) else [_MAGIC_BYTES, payload]
        if part in (_WHOLE, _LAST):
            payloads.append(b"".join(parts))
            offsets.append(offset + begin)
            parts, begin = [], at
    if ended and begin < len(data):
        _refuse_rest(data, at, _name(number + len(payloads), offset + begin))
    lengths = np.array([len(payload) for payload in payloads], np.int64)
    starts = np.cumsum(lengths) - lengths
    return Block(b"".join(payloads), starts, lengths, np.array(offsets, np.int64), number), begin


def _check_part(part: int, size: int, name: str, *, begun: bool) -> None:
    """size: bytes of the record's parts so far. begun: whether this is not its first."""
    if part > _LAST:
        raise FormatError(f"{name}: part {part} of a record is not RecordIO")
    if begun and part in (_WHOLE, _FIRST):
        raise FormatError(f"{name}: its last part is missing")
    if not begun and part in (_MIDDLE, _LAST):
        raise FormatError(f"{name}: its first part is missing")
    if size > LONGEST + HEADER.size + 3:
        raise FormatError(f"{name}: longer than {LONGEST} bytes")


def _header(data: bytearray, at: int, name: str) -> tuple[int, int]:
    """(payload's length, which part). name: of the record."""
    magic, word = HEADER.unpack_from(data, at)
    if magic != MAGIC:
        raise FormatError(f"{name}: not RecordIO, found {magic:#010x} for {MAGIC:#010x}")
    length, part = word & _LENGTH, word >> 29
    if length > LONGEST:
        raise FormatError(f"{name}: declared to be {length} bytes long; a record has {LONGEST} at most")
    return length, part


def _refuse_rest(data: bytearray, at: int, name: str) -> None:
    """Raises FormatError: the file ends within a record. at: where its first part that is not whole begins."""
    left = len(data) - at
    if not left:
        raise FormatError(f"{name}: its last part is missing; the file is truncated")
    if left < HEADER.size:
        raise FormatError(f"{name}: the file ends within its header; it is truncated")
    length, _ = _header(data, at, name)
    raise FormatError(f"{name}: {length} bytes long, but the file ends after {left - HEADER.size}; it is truncated")


def _name(index: int, offset: int) -> str:
    return f"record {index + 1} at byte {offset}"
