"""What the codecs give and take: labelled examples in, columns of predictions out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Features: TypeAlias = Floats | Any  # Any: scipy.sparse.csr_matrix, which has no type information
"""(rows, columns), float32; dense with NaN where a value is missing, or CSR."""

Columns = Mapping[str, NDArray[Any]]
"""Name -> (rows,) or (rows, width): one row a prediction."""


class FormatError(ValueError):
    """Data that is not in its format; the text says at which row, record or byte."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """label_size: leading label columns (0 or 1). weights: the column after the label is the weight (CSV only)."""

    label_size: int = 1
    weights: bool = False


class Source(NamedTuple):
    """Consecutive rows of a file. first: how many rows of the file come before them."""

    file: str
    rows: int
    first: int = 0


@dataclass(slots=True)
class Examples:
    """features: (n, d). labels, weights, groups: (n,) or None. sources: the files of the rows, in their order."""

    features: Features
    labels: Floats | None = None
    weights: Floats | None = None
    groups: NDArray[np.int64] | None = None
    sources: Sequence[Source] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return int(self.features.shape[0])

    def where(self, row: int) -> str:
        """The file and row (from 1) of the example at this index."""
        for source in self.sources:
            if row < source.rows:
                return f"file {source.file}, row {source.first + row + 1}"
            row -= source.rows
        return f"row {row + 1}"

    def part(self, begin: int, end: int) -> Examples:
        """The rows from begin up to end."""
        rows = slice(begin, end)
        return Examples(
            self.features[rows],
            None if self.labels is None else self.labels[rows],
            None if self.weights is None else self.weights[rows],
            None if self.groups is None else self.groups[rows],
            list(_between(self.sources, begin, end)),
        )


def _between(sources: Sequence[Source], begin: int, end: int) -> Iterator[Source]:
    for source in sources:
        skipped, stop = max(0, begin), min(end, source.rows)
        if skipped < stop:
            yield Source(source.file, stop - skipped, source.first + skipped)
        begin, end = begin - source.rows, end - source.rows


def concatenate(parts: Iterable[Examples]) -> Examples | None:
    """None where there are no parts; sparse where one is. Raises FormatError where they do not fit together.

    The parts may come from a generator: dense rows are in memory once.
    """
    parts = iter(parts)
    first = next(parts, None)
    second = next(parts, None)
    if first is None or second is None:
        return first
    features, labels, weights, groups, sources = _Stack(), [], [], [], []
    weighted = False
    for part in chain((first, second), parts):
        check_alike(part, first)
        features.add(part.features)
        labels.append(part.labels)
        groups.append(part.groups)
        # A row without a weight weighs 1.
        weights.append(np.ones(part.rows, np.float32) if part.weights is None else part.weights)
        weighted = weighted or part.weights is not None
        sources.append(part.sources)
    return Examples(
        features.whole(), _join(labels), _join(weights) if weighted else None, _join(groups), list(_merged(sources))
    )


def check_alike(part: Examples, other: Examples) -> None:
    """Whether both can be rows of one channel. other: an earlier one. Raises FormatError."""
    if isinstance(part.features, np.ndarray) and isinstance(other.features, np.ndarray):
        width, expected = part.features.shape[1], other.features.shape[1]
        if width != expected:
            raise FormatError(f"{part.where(0)}: {width} features, but {_file(other)} has {expected} a row")
    for name in ("labels", "groups"):
        missing, without = getattr(part, name) is None, getattr(other, name) is None
        if missing != without:
            found, wanted = (f"no {name}", name) if missing else (name, "none")
            raise FormatError(f"{part.where(0)}: {found}, but {_file(other)} has {wanted}")


def _file(examples: Examples) -> str:
    return f"the file {examples.sources[0].file}" if examples.sources else "what comes before"


def _merged(parts: Iterable[Sequence[Source]]) -> Iterator[Source]:
    """Of all parts; what follows on in the same file is one."""
    last: Source | None = None
    for source in chain.from_iterable(parts):
        if last and last.file == source.file and last.first + last.rows == source.first:
            last = Source(last.file, last.rows + source.rows, last.first)
            continue
        if last:
            yield last
        last = source
    if last:
        yield last


def _join(arrays: Sequence[Any]) -> Any:
    return None if arrays[0] is None else np.concatenate(arrays)


class _Stack:
    """Rows upon rows. Dense ones go into one array that grows in place; with the first sparse ones all are sparse."""

    def __init__(self) -> None:
        self._table = np.empty((0, 0), np.float32)
        self._rows = 0
        self._sparse: list[Any] = []

    def add(self, features: Features) -> None:
        if self._sparse or not isinstance(features, np.ndarray):
            if self._rows:
                self._sparse.append(csr(self._table[: self._rows]))
                self._rows = 0
            self._sparse.append(csr(features))
            return
        end = self._rows + len(features)
        if end > len(self._table):
            self._table.resize((max(end, self._rows + self._rows // 8), features.shape[1]), refcheck=False)
        self._table[self._rows : end] = features
        self._rows = end

    def whole(self) -> Features:
        if self._sparse:
            from scipy.sparse import vstack

            width = max(part.shape[1] for part in self._sparse)
            return vstack([widen(part, width) for part in self._sparse], "csr")
        self._table.resize((self._rows, self._table.shape[1]), refcheck=False)
        return self._table


def csr(content: Any, shape: tuple[int, int] | None = None) -> Any:
    """A scipy.sparse.csr_matrix. scipy is imported for the first one only: that takes as long as much dense data."""
    from scipy.sparse import csr_matrix

    return csr_matrix(content, shape=shape)


def widen(matrix: Any, width: int) -> Any:
    """The same rows with at least width columns; libsvm files and sparse records say no width of their own."""
    if matrix.shape[1] >= width:
        return matrix
    return csr((matrix.data, matrix.indices, matrix.indptr), (matrix.shape[0], width))
