"""libsvm: ``<label>[:<weight>] [qid:<query>] <index>:<value> ...`` a line; what follows ``#`` is a comment.

Training keeps indices as they are; requests without an index 0 are shifted by one, as AWS's container does.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.blocks import lines
from sagewright_algorithms.formats.examples import Examples, Features, FormatError, ReadOptions, csr

_COMMENT = re.compile(rb"#[^\n]*")
_LABEL = re.compile(r"[^\s:]+(:[^\s:]+)?")
_PAIR = re.compile(r"(qid|\d+):([^\s:]+)")
_QUERY = -1.0
_LARGEST = (1 << 31) - 1
"""Columns of a sparse matrix whose indices are 32 bits."""
_LINE_BREAKS = bytes.maketrans(b": \t\r\v\f", b"\n" * 6)


def stream(file: BinaryIO, options: ReadOptions) -> Iterator[Examples]:
    """The rows, block by block, each as wide as its largest index says. Raises FormatError, which names the row."""
    if options.weights:
        raise FormatError("weights are for CSV only; in libsvm write label:weight, and set csv_weights to 0")
    rows = 0
    for block in lines(file):
        examples = _examples(bytes(block), labelled=True, before=rows)
        rows += examples.rows
        yield examples


def decode(body: bytes) -> Features:
    """(rows, d); labels, where rows have them, are passed over. Raises FormatError, which names the row."""
    examples = _examples(body.strip(), labelled=False, before=0)
    if not examples.rows:
        raise FormatError("no rows")
    matrix: Any = examples.features
    if len(matrix.indices) and matrix.indices.min() >= 1:
        shape = (matrix.shape[0], matrix.shape[1] - 1)
        matrix = csr((matrix.data, matrix.indices - 1, matrix.indptr), shape)
    return matrix


def _examples(text: bytes, *, labelled: bool, before: int) -> Examples:
    """labelled: every row begins with a label; else each may. before: rows of the file before these."""
    if b"#" in text:
        text = _COMMENT.sub(b"", text)
    try:
        # A number beyond float32 is infinite to the algorithms' checks.
        with np.errstate(over="ignore"):
            return _parse(text, labelled=labelled)
    except ValueError as error:
        raise FormatError(_fault(text, labelled=labelled, before=before) or str(error)) from error


def _parse(text: bytes, *, labelled: bool) -> Examples:
    """Raises ValueError."""
    rows = [line for line in text.replace(b"qid:", b"-1:").split(b"\n") if line and not line.isspace()]
    if not rows:
        return Examples(csr(np.empty((0, 0), np.float32)), np.empty(0, np.float32))
    pairs = np.array([line.count(b":") for line in rows])
    heads = [line.split(None, 1)[0] for line in rows]
    weighted = np.array([b":" in head for head in heads]) if labelled else np.zeros(len(rows), bool)
    bare = np.ones(len(rows), bool) if labelled else np.array([b":" not in head for head in heads])
    numbers = _numbers(b"\n".join(rows))
    sizes = 2 * pairs + bare - weighted
    if sizes.sum() != len(numbers):
        raise ValueError("the rows are not label and index:value pairs")
    starts = np.r_[0, np.cumsum(sizes)[:-1]]
    return _assemble(numbers, starts, pairs - weighted, bare.astype(int) + weighted, weighted, labelled=labelled)


def _assemble(
    numbers: NDArray[np.float64],
    starts: NDArray[Any],
    pairs: NDArray[Any],
    heads: NDArray[Any],
    weighted: NDArray[Any],
    *,
    labelled: bool,
) -> Examples:
    """numbers: of all rows in order. starts, pairs, heads: of each row, its first number, pairs, leading numbers."""
    labels = numbers[starts].astype(np.float32) if labelled else None
    weights = None
    if weighted.any():
        weights = np.where(weighted, numbers[np.minimum(starts + 1, len(numbers) - 1)], 1).astype(np.float32)
    rest = np.ones(len(numbers), bool)
    for offset in range(2):
        rest[(starts + offset)[heads > offset]] = False
    indices, values = numbers[rest].reshape(-1, 2).T
    rows = np.repeat(np.arange(len(starts)), pairs)
    groups = None
    if (queries := indices == _QUERY).any():
        groups = np.full(len(starts), -1)
        if not (np.abs(values[queries]) < _LARGEST).all():
            raise ValueError("a qid is out of range")
        groups[rows[queries]] = values[queries]
        indices, values, rows = indices[~queries], values[~queries], rows[~queries]
    if not ((indices >= 0) & (indices < _LARGEST) & (indices == np.floor(indices))).all():
        raise ValueError(f"an index is not a whole number from 0 to {_LARGEST - 1}")
    indptr = np.r_[0, np.cumsum(np.bincount(rows, minlength=len(starts)))]
    width = int(indices.max()) + 1 if len(indices) else 0
    matrix = csr((values.astype(np.float32), indices.astype(np.int32), indptr), (len(starts), width))
    return Examples(matrix, labels, weights, groups)


def _numbers(text: bytes) -> NDArray[np.float64]:
    """All numbers of the text, by Arrow's CSV reader: one number a line. Raises ValueError."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    column = text.translate(_LINE_BREAKS)
    table = arrow.read_csv(
        io.BytesIO(column),
        read_options=arrow.ReadOptions(column_names=["number"]),
        convert_options=arrow.ConvertOptions(column_types={"number": pa.float64()}, null_values=[]),
    )
    numbers: NDArray[np.float64] = table.column(0).to_numpy()
    return numbers


def _fault(text: bytes, *, labelled: bool, before: int) -> str | None:
    """Which row is wrong, and how. A slow pass: only for text that would not parse."""
    rows = (line.split() for line in text.decode(errors="replace").split("\n"))
    for number, tokens in enumerate((tokens for tokens in rows if tokens), before + 1):
        begin = 1 if labelled or ":" not in tokens[0] else 0
        if begin and not (_LABEL.fullmatch(tokens[0]) and all(map(_is_number, tokens[0].split(":")))):
            return f"row {number}: {tokens[0][:50]!r} is not a label or label:weight"
        for token in tokens[begin:]:
            pair = _PAIR.fullmatch(token)
            if pair is None or not _is_number(pair[2]):
                return f"row {number}: {token[:50]!r} is not index:value"
            if pair[1] != "qid" and float(pair[1]) >= _LARGEST:
                return f"row {number}: the index {pair[1][:50]} is out of range"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
