"""libsvm: ``<label>[:<weight>] [qid:<query>] <index>:<value> ...`` a line; what follows ``#`` is a comment.

Training keeps indices as they are; requests without an index 0 are shifted by one, as AWS's container does.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Examples, FormatError, ReadOptions

_COMMENT = re.compile(rb"#[^\n]*")
_LABEL = re.compile(r"[^\s:]+(:[^\s:]+)?")
_PAIR = re.compile(r"(qid|\d+):([^\s:]+)")
_QUERY = -1.0
_LINE_BREAKS = bytes.maketrans(b": \t\r\v\f", b"\n" * 6)


def read(path: Path, options: ReadOptions) -> Examples:
    """path: a file. Raises FormatError, which names the row."""
    if options.weights:
        raise FormatError("weights are for CSV only; in libsvm write label:weight, and set csv_weights to 0")
    examples = _parse(path.read_bytes(), labelled=True)
    examples.sources = [(path.name, examples.rows)]
    return examples


def decode(body: bytes) -> scipy.sparse.csr_matrix:
    """(rows, d); labels, where rows have them, are passed over. Raises FormatError, which names the row."""
    examples = _parse(body.strip(), labelled=False)
    if not examples.rows:
        raise FormatError("no rows")
    matrix: Any = examples.features
    if len(matrix.indices) and matrix.indices.min() >= 1:
        shape = (matrix.shape[0], matrix.shape[1] - 1)
        matrix = scipy.sparse.csr_matrix((matrix.data, matrix.indices - 1, matrix.indptr), shape=shape)
    return matrix


def _parse(text: bytes, *, labelled: bool) -> Examples:
    """labelled: every row begins with a label; else each may."""
    if b"#" in text:
        text = _COMMENT.sub(b"", text)
    lines = [line for line in text.replace(b"qid:", b"-1:").split(b"\n") if line and not line.isspace()]
    if not lines:
        return Examples(scipy.sparse.csr_matrix((0, 0), dtype=np.float32), np.empty(0, np.float32))
    pairs = np.array([line.count(b":") for line in lines])
    heads = [line.split(None, 1)[0] for line in lines]
    weighted = np.array([b":" in head for head in heads]) if labelled else np.zeros(len(lines), bool)
    bare = np.ones(len(lines), bool) if labelled else np.array([b":" not in head for head in heads])
    try:
        numbers = _numbers(b"\n".join(lines))
    except ValueError as error:
        raise FormatError(_fault(text, labelled=labelled) or str(error)) from error
    sizes = 2 * pairs + bare - weighted
    if sizes.sum() != len(numbers):
        raise FormatError(_fault(text, labelled=labelled) or "the rows are not label and index:value pairs")
    starts = np.r_[0, np.cumsum(sizes)[:-1]]
    return _assemble(numbers, starts, pairs - weighted, bare.astype(int) + weighted, weighted, text, labelled=labelled)


def _assemble(
    numbers: NDArray[np.float64],
    starts: NDArray[Any],
    pairs: NDArray[Any],
    heads: NDArray[Any],
    weighted: NDArray[Any],
    text: bytes,
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
        groups[rows[queries]] = values[queries]
        indices, values, rows = indices[~queries], values[~queries], rows[~queries]
    if ((indices < 0) | (indices != np.floor(indices))).any():
        raise FormatError(_fault(text, labelled=labelled) or "an index is not a whole number of at least 0")
    indptr = np.r_[0, np.cumsum(np.bincount(rows, minlength=len(starts)))]
    width = int(indices.max()) + 1 if len(indices) else 0
    matrix = scipy.sparse.csr_matrix(
        (values.astype(np.float32), indices.astype(np.int64), indptr), shape=(len(starts), width)
    )
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


def _fault(text: bytes, *, labelled: bool) -> str | None:
    """Which row is wrong, and how. A slow pass: only for text that would not parse."""
    rows = (line.split() for line in text.decode(errors="replace").split("\n"))
    for number, tokens in enumerate((tokens for tokens in rows if tokens), 1):
        begin = 1 if labelled or ":" not in tokens[0] else 0
        if begin and not (_LABEL.fullmatch(tokens[0]) and all(map(_is_number, tokens[0].split(":")))):
            return f"row {number}: {tokens[0][:50]!r} is not a label or label:weight"
        for token in tokens[begin:]:
            pair = _PAIR.fullmatch(token)
            if pair is None or not _is_number(pair[2]):
                return f"row {number}: {token[:50]!r} is not index:value"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
