"""A gzip file that compresses what shrinks and only stores what does not: weights hardly do, and deflate is slow."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

_HEADER = b"\x1f\x8b\x08\0" + b"\0" * 4 + b"\0\xff"
"""Deflate, no name, no time: the same content gives the same bytes."""

_BLOCK = 256 * 1024
_SAMPLE = 8 * 1024
_WORTH = 0.9
"""A block whose sample shrinks to less than this share is compressed."""


class GzipWriter:
    """One gzip member (RFC 1952). A change of level begins a new deflate stream at a byte boundary, which readers do
    not notice."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._waiting = bytearray()
        self._level = -1
        self._packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._checksum = 0
        self._size = 0
        target.write(_HEADER)

    def write(self, data: bytes) -> int:
        """Take bytes; how many."""
        self._waiting += data
        while len(self._waiting) >= _BLOCK:
            self._block(bytes(self._waiting[:_BLOCK]))
            del self._waiting[:_BLOCK]
        return len(data)

    def close(self) -> None:
        """Write the end; the target stays open."""
        self._block(bytes(self._waiting))
        self._target.write(self._packer.flush(zlib.Z_FINISH))
        self._target.write(struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF))

    def _block(self, block: bytes) -> None:
        self._checksum = zlib.crc32(block, self._checksum)
        self._size += len(block)
        middle = len(block) // 2
        sample = block[middle : middle + _SAMPLE]
        level = 1 if len(zlib.compress(sample, 1)) < _WORTH * len(sample) else 0
        if level != self._level:
            self._target.write(self._packer.flush(zlib.Z_FULL_FLUSH))
            self._packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
            self._level = level
        self._target.write(self._packer.compress(block))
