"""Training files and Pipe mode's FIFOs, by their codec."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Examples, ReadOptions, Source

_PIPE_SIZE = 1 << 20


def stream(form: str, path: Path, options: ReadOptions) -> Iterator[Examples]:
    """The rows of a file, or of a FIFO, in blocks that say which rows of it they are. Raises FormatError, OSError."""
    rows = 0
    with opened(path) as file:
        for block in codec(form).stream(file, options):
            if block.rows:
                block.sources = [Source(path.name, block.rows, rows)]
                rows += block.rows
                yield block


def opened(path: Path) -> BinaryIO:
    """For reading. Waits for a FIFO's writer."""
    file: BinaryIO = path.open("rb", buffering=0)
    if path.is_fifo():
        # The writer goes on while a block is taken apart.
        with suppress(OSError):
            fcntl.fcntl(file, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    return file
