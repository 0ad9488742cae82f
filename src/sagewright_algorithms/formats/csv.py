"""CSV: numbers only, no header; the label first where there is one. An empty cell is a missing value (NaN).

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html#cdf-csv-format
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

import numpy as np

from sagewright_algorithms.formats.blocks import lines
from sagewright_algorithms.formats.examples import Columns, Examples, Floats, FormatError, ReadOptions

_DELIMITERS = ",\t;| :"
_MISSING = ("", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL")


def delimiter_of(line: str) -> str:
    """The delimiter of a line of numbers: the most usual one that occurs in it, a comma where none does."""
    return next((candidate for candidate in _DELIMITERS if candidate in line.strip()), ",")


def stream(file: BinaryIO, options: ReadOptions) -> Iterator[Examples]:
    """The rows, block by block. Raises FormatError, which names the row."""
    leading = options.label_size + options.weights
    delimiter, width, rows = "", 0, 0
    for block in lines(file):
        if not width:
            line = _first_line(block)
            delimiter = delimiter_of(line)
            width = len(_cells(line, delimiter))
            if not width:
                continue
            if width <= leading:
                raise FormatError(
                    f"row 1: {width} columns, expected {leading} for label and weight and at least one feature"
                )
        matrix = _parse(block, delimiter, width, rows)
        rows += len(matrix)
        yield Examples(
            features=matrix[:, leading:],
            labels=matrix[:, 0].copy() if options.label_size else None,
            weights=matrix[:, options.label_size].copy() if options.weights else None,
        )


def _text(data: bytes | bytearray) -> IO[str]:
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="replace", newline="")


def _first_line(data: bytes | bytearray) -> str:
    with _text(data) as text:
        return next((line.rstrip("\r\n") for line in text if line.strip()), "")


def _parse(data: bytes | bytearray, delimiter: str, width: int, before: int = 0) -> Floats:
    """(rows, width). before: rows of the file before these. Raises FormatError, which names the row."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    names = [str(index) for index in range(width)]
    try:
        table = arrow.read_csv(
            pa.BufferReader(data),
            read_options=arrow.ReadOptions(column_names=names),
            parse_options=arrow.ParseOptions(delimiter=delimiter),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float32()), null_values=list(_MISSING), strings_can_be_null=True
            ),
        )
    except ValueError as error:
        raise FormatError(_fault(data, delimiter, width, before) or str(error)) from error
    matrix = np.empty((table.num_rows, width), np.float32)
    at = 0
    for batch in table.to_batches():
        block = matrix[at : at + batch.num_rows]
        for index, column in enumerate(batch.columns):
            block[:, index] = column.to_numpy(zero_copy_only=False)
        at += batch.num_rows
    return matrix


def _fault(data: bytes | bytearray, delimiter: str, width: int, before: int) -> str | None:
    """Which row is wrong, and how. A second, slow pass: only for text that would not parse."""
    number = before
    try:
        for number, cells in enumerate(_rows(_text(data), delimiter), before + 1):
            if len(cells) != width:
                return f"row {number}: expected {width} columns as in row 1, found {len(cells)}"
            for column, cell in enumerate(cells, 1):
                if _number(cell) is None:
                    header = ". The file seems to begin with a header; remove it" if number == 1 else ""
                    return f"row {number}, column {column}: {cell[:50]!r} is not a number{header}"
    except csv.Error as error:
        return f"row {number + 1}: {error}"
    return None


def _rows(text: IO[str], delimiter: str) -> Iterator[list[str]]:
    return (cells for cells in csv.reader(text, delimiter=delimiter) if cells)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(_rows(io.StringIO(line), delimiter), [])
    except csv.Error as error:
        raise FormatError(f"row 1: {error}") from error


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
            return _row([float(cell) for cell in text.split(b",")])
        except ValueError:
            pass
    line = _first_line(text)
    delimiter = delimiter_of(line)
    cells = _cells(line, delimiter)
    if several:
        return _parse(text, delimiter, len(cells))
    try:
        return _row([math.nan if cell.strip() in _MISSING else float(cell) for cell in cells])
    except ValueError as error:
        raise FormatError(_fault(text, delimiter, len(cells), 0) or str(error)) from error


def _row(numbers: list[float]) -> Floats:
    # A number beyond float32 is infinite, as it is in a file.
    with np.errstate(over="ignore"):
        return np.array([numbers], np.float32)


def encode(columns: Columns) -> bytes:
    """One line a prediction; the columns and their members separated by commas."""
    parts = [column.tolist() for column in columns.values()]
    if len(parts) == 1 and columns[next(iter(columns))].ndim == 1:
        return ("\n".join(map(str, parts[0])) + "\n").encode()
    return "".join(f"{','.join(_members(row))}\n" for row in zip(*parts, strict=True)).encode()


def _members(row: tuple[Any, ...]) -> Iterator[str]:
    for value in row:
        if isinstance(value, list):
            yield from map(str, value)
        else:
            yield str(value)
