"""RecordIO framing: magic, length word, payload, padding to four bytes.

A payload that holds the magic at an aligned place may come split in parts, as MXNet's writer does: the length word's
upper three bits say which part it is, and the magic goes back between them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sagewright_algorithms.formats.examples import FormatError

MAGIC = 0xCED7230A
HEADER = struct.Struct("<II")
_MAGIC_BYTES = struct.pack("<I", MAGIC)
_LENGTH = (1 << 29) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


def padded(length: int) -> int:
    return (length + 3) & ~3


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(byte offset, payload) of each record. Raises FormatError, which names record and offset."""
    at, number, parts, begin = 0, 0, [], 0
    while len(data) - at >= 4:
        length, part = _header(data, at, number)
        end = at + HEADER.size + length
        payload = data[at + HEADER.size : end]
        if part in (_WHOLE, _FIRST):
            parts, begin = [payload], at
        else:
            parts += [_MAGIC_BYTES, payload]
        if part in (_WHOLE, _LAST):
            yield begin, b"".join(parts)
            number, parts = number + 1, []
        at += HEADER.size + padded(length)
    if parts:
        raise FormatError(f"record {number + 1} at byte {begin}: its last part is missing; the file is truncated")


def _header(data: bytes, at: int, number: int) -> tuple[int, int]:
    if len(data) - at < HEADER.size:
        raise FormatError(f"record {number + 1} at byte {at}: the file ends within its header; it is truncated")
    magic, word = HEADER.unpack_from(data, at)
    if magic != MAGIC:
        raise FormatError(f"record {number + 1} at byte {at}: not RecordIO, found {magic:#010x} for {MAGIC:#010x}")
    length = word & _LENGTH
    if at + HEADER.size + length > len(data):
        raise FormatError(
            f"record {number + 1} at byte {at}: {length} bytes long, but the file ends after "
            f"{len(data) - at - HEADER.size}; it is truncated"
        )
    return length, word >> 29


def frame(payload: bytes) -> bytes:
    """One whole record."""
    return HEADER.pack(MAGIC, len(payload)) + payload + bytes(padded(len(payload)) - len(payload))
