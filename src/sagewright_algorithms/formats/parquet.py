"""Apache Parquet: every column a number, the label first. A null is a missing value (NaN)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sagewright_algorithms.formats.examples import Examples, FormatError, ReadOptions


def read(path: Path, options: ReadOptions) -> Examples:
    """path: a file, or a FIFO with one whole file. Raises FormatError, which names the column."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(
            pa.BufferReader(path.read_bytes()) if path.is_fifo() else str(path), partitioning=None
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"not a Parquet file: {error}") from error
    if options.weights:
        raise FormatError("weights are for CSV only; set csv_weights to 0")
    leading = options.label_size
    if table.num_columns <= leading:
        raise FormatError(f"{table.num_columns} columns, expected {leading} for the label and at least one feature")
    matrix = np.empty((table.num_rows, table.num_columns), np.float32)
    for index, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        try:
            matrix[:, index] = column.cast(pa.float32(), safe=False).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise FormatError(f"column {name!r} ({column.type}) is not a number: {error}") from error
    return Examples(
        features=matrix[:, leading:],
        labels=matrix[:, 0].copy() if leading else None,
        sources=[(path.name, table.num_rows)],
    )
