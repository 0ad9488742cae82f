"""Apache Parquet: every column a number, the label first. A null is a missing value (NaN)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from sagewright_algorithms.formats.blocks import LARGEST
from sagewright_algorithms.formats.examples import Examples, FormatError, ReadOptions

_MAGIC = b"PAR1"


def stream(file: BinaryIO, options: ReadOptions) -> Iterator[Examples]:
    """The rows, block by block. Raises FormatError, which names the column.

    A Parquet file says at its end where its columns are: of a FIFO, which may bring several files one after the other,
    one file at a time is in memory.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if options.weights:
        raise FormatError("weights are for CSV only; set csv_weights to 0")
    for whole in (file,) if file.seekable() else map(pa.BufferReader, _files(file)):
        try:
            found = parquet.ParquetFile(whole)
            rows = max(1, LARGEST // (4 * max(1, found.metadata.num_columns)))
            for batch in found.iter_batches(rows):
                yield _examples(batch, options.label_size)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise FormatError(f"not a Parquet file: {error}") from error


def _files(file: BinaryIO) -> Iterator[bytearray]:
    """Each begins and ends with the magic; before the end is the length of what describes the columns."""
    whole, searched = bytearray(), len(_MAGIC)
    while chunk := file.read(LARGEST):
        whole += chunk
        while (end := whole.find(_MAGIC + _MAGIC, searched)) >= 0:
            searched = end + len(_MAGIC)
            length = int.from_bytes(whole[end - 4 : end], "little")
            if len(_MAGIC) + length + 4 <= end:
                yield whole[:searched]
                del whole[:searched]
                searched = len(_MAGIC)
        searched = max(searched, len(whole) - 2 * len(_MAGIC) + 1)
    if whole:
        yield whole


def _examples(batch: Any, leading: int) -> Examples:
    import pyarrow as pa

    if batch.num_columns <= leading:
        raise FormatError(f"{batch.num_columns} columns, expected {leading} for the label and at least one feature")
    matrix = np.empty((batch.num_rows, batch.num_columns), np.float32)
    for index, (column, kind) in enumerate(zip(batch.columns, batch.schema, strict=True)):
        try:
            matrix[:, index] = column.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise FormatError(f"column {kind.name!r} ({kind.type}) is not a number: {error}") from error
    return Examples(matrix[:, leading:], matrix[:, 0].copy() if leading else None)
