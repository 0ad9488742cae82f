"""CSV: numbers only, no header; the label first where there is one. An empty cell is a missing value (NaN).

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html#cdf-csv-format
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from sagewright_algorithms.formats.examples import Columns, Examples, Floats, FormatError, ReadOptions

_DELIMITERS = ",\t;| :"
_MISSING = ("", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL")


def delimiter_of(line: str) -> str:
    """The delimiter of a line of numbers: the most usual one that occurs in it, a comma where none does."""
    return next((candidate for candidate in _DELIMITERS if candidate in line.strip()), ",")


def read(path: Path, options: ReadOptions) -> Examples:
    """path: a file, or a FIFO that is read once. Raises FormatError, which names the row."""
    source: Path | bytes = path.read_bytes() if path.is_fifo() else path
    line = _first_line(source)
    delimiter = delimiter_of(line)
    width = len(next(csv.reader([line], delimiter=delimiter), []))
    leading = options.label_size + options.weights
    if width <= leading:
        raise FormatError(f"row 1: {width} columns, expected {leading} for label and weight and at least one feature")
    try:
        matrix = _parse(source, delimiter, width)
    except ValueError as error:
        raise FormatError(_fault(source, delimiter, width) or str(error)) from error
    return Examples(
        features=matrix[:, leading:],
        labels=matrix[:, 0].copy() if options.label_size else None,
        weights=matrix[:, options.label_size].copy() if options.weights else None,
        sources=[(path.name, len(matrix))],
    )


def _text(source: Path | bytes) -> IO[str]:
    stream = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")


def _first_line(source: Path | bytes) -> str:
    with _text(source) as stream:
        return next((line.rstrip("\r\n") for line in stream if line.strip()), "")


def _parse(source: Path | bytes, delimiter: str, width: int) -> Floats:
    """(rows, width) float32. Arrow parses column by column on all its threads; the rows are filled block by block."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    names = [str(index) for index in range(width)]
    table = arrow.read_csv(
        io.BytesIO(source) if isinstance(source, bytes) else source,
        read_options=arrow.ReadOptions(column_names=names),
        parse_options=arrow.ParseOptions(delimiter=delimiter),
        convert_options=arrow.ConvertOptions(
            column_types=dict.fromkeys(names, pa.float32()), null_values=list(_MISSING), strings_can_be_null=True
        ),
    )
    matrix = np.empty((table.num_rows, width), np.float32)
    at = 0
    for batch in table.to_batches():
        block = matrix[at : at + batch.num_rows]
        for index, column in enumerate(batch.columns):
            block[:, index] = column.to_numpy(zero_copy_only=False)
        at += batch.num_rows
    return matrix


def _fault(source: Path | bytes, delimiter: str, width: int) -> str | None:
    """Which row is wrong, and how. A second, slow pass: only for text that would not parse."""
    with _text(source) as stream:
        for number, cells in enumerate(_rows(stream, delimiter), 1):
            if len(cells) != width:
                return f"row {number}: expected {width} columns as in row 1, found {len(cells)}"
            for column, cell in enumerate(cells, 1):
                if _number(cell) is None:
                    header = ". The file seems to begin with a header; remove it" if number == 1 else ""
                    return f"row {number}, column {column}: {cell[:50]!r} is not a number{header}"
    return None


def _rows(stream: IO[str], delimiter: str) -> Iterator[list[str]]:
    return (cells for cells in csv.reader(stream, delimiter=delimiter) if cells)


def _number(cell: str) -> float | None:
    text = cell.strip()
    if text in _MISSING:
        return math.nan
    try:
        return float(text)
    except ValueError:
        return None


def decode(body: bytes) -> Floats:
    """Rows of features, no label. body: (rows, d) as text. Raises FormatError, which names the row."""
    text = body.strip(b" \r\n")
    several = b"\n" in text
    if not several:
        try:
            return np.array([[float(cell) for cell in text.split(b",")]], np.float32)
        except ValueError:
            pass
    line = _first_line(text)
    delimiter = delimiter_of(line)
    cells = next(_rows(io.StringIO(line), delimiter), [])
    try:
        if several:
            return _parse(text, delimiter, len(cells))
        return np.array([[math.nan if cell.strip() in _MISSING else float(cell) for cell in cells]], np.float32)
    except ValueError as error:
        raise FormatError(_fault(text, delimiter, len(cells)) or str(error)) from error


def encode(columns: Columns) -> bytes:
    """One line a prediction; the columns and their members separated by commas."""
    parts = [column.tolist() for column in columns.values()]
    if len(parts) == 1 and columns[next(iter(columns))].ndim == 1:
        return ("\n".join(map(str, parts[0])) + "\n").encode()
    return "".join(f"{','.join(_cells(row))}\n" for row in zip(*parts, strict=True)).encode()


def _cells(row: tuple[Any, ...]) -> Iterator[str]:
    for value in row:
        if isinstance(value, list):
            yield from map(str, value)
        else:
            yield str(value)
