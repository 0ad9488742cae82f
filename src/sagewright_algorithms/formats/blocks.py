"""Files and FIFOs block by block: in memory are a block and, where one is longer, a line or record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from sagewright_algorithms.formats.examples import FormatError

FIRST = 1 << 16
"""Bytes of the first block: the first rows are there before much has come through a FIFO."""
LARGEST = 1 << 22
LONGEST = 1 << 26
"""Bytes of a line or record at most; of a longer one no more than this is ever in memory."""


def fill(file: BinaryIO, head: bytes | bytearray | memoryview, size: int) -> bytearray:
    """head and up to ``size`` more bytes; fewer at the file's end only."""
    block = bytearray(len(head) + size)
    block[: len(head)] = head
    at = len(head)
    with memoryview(block) as view:
        while at < len(block) and (count := file.readinto(view[at:])):  # type: ignore[attr-defined]
            at += count
    del block[at:]
    return block


def sizes() -> Iterator[int]:
    """Of one block after another: each twice as large as the one before, up to the largest."""
    size = FIRST
    while True:
        yield size
        size = min(2 * size, LARGEST)


def lines(file: BinaryIO) -> Iterator[bytearray]:
    """Blocks of whole lines. Raises FormatError for a line that is too long."""
    left, offset = bytearray(), 0
    for size in sizes():
        block = fill(file, left, size)
        ended = len(block) < len(left) + size
        end = len(block) if ended else _end_of_lines(block, len(left))
        if end:
            left, offset = block[end:], offset + end
            del block[end:]
            yield block
        elif len(block) > LONGEST:
            raise FormatError(f"the line at byte {offset} is longer than {LONGEST} bytes")
        else:
            left = block
        if ended:
            return


def _end_of_lines(block: bytearray, begin: int) -> int:
    """After the last line break from begin on; 0 where there is none."""
    return 1 + block.rfind(b"\n", begin) or 1 + block.rfind(b"\r", begin)
