"""What the codecs give and take: labelled examples in, columns of predictions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
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


@dataclass(slots=True)
class Examples:
    """features: (n, d). labels, weights, groups: (n,) or None. sources: (file name, rows) in the order of the rows.

    first: rows of the first source that come before these, where they are a part of it; its ``rows`` counts them too.
    """

    features: Features
    labels: Floats | None = None
    weights: Floats | None = None
    groups: NDArray[np.int64] | None = None
    sources: Sequence[tuple[str, int]] = field(default_factory=list)
    first: int = 0

    @property
    def rows(self) -> int:
        return int(self.features.shape[0])

    def where(self, row: int) -> str:
        """The file and row (from 1) of the example at this index."""
        row += self.first
        for name, rows in self.sources:
            if row < rows:
                return f"file {name}, row {row + 1}"
            row -= rows
        return f"row {row + 1}"

    def part(self, begin: int, end: int) -> Examples:
        """The rows from begin up to end. Only of examples of one source."""
        rows = slice(begin, end)
        return Examples(
            self.features[rows],
            None if self.labels is None else self.labels[rows],
            None if self.weights is None else self.weights[rows],
            None if self.groups is None else self.groups[rows],
            [(name, self.first + end) for name, _ in self.sources],
            self.first + begin,
        )


def concatenate(parts: Sequence[Examples]) -> Examples:
    """parts: at least one; sparse where one is. Raises FormatError where their columns do not fit together."""
    if len(parts) == 1:
        return parts[0]
    return Examples(
        features=_stack(parts),
        labels=_join(parts, "labels"),
        weights=_join(parts, "weights"),
        groups=_join(parts, "groups"),
        sources=[source for part in parts for source in part.sources],
        first=parts[0].first,
    )


def _stack(parts: Sequence[Examples]) -> Features:
    if any(scipy.sparse.issparse(part.features) for part in parts):
        width = max(part.features.shape[1] for part in parts)
        return scipy.sparse.vstack([widen(scipy.sparse.csr_matrix(part.features), width) for part in parts], "csr")
    widths = [part.features.shape[1] for part in parts]
    for part, width in zip(parts, widths, strict=True):
        if width != widths[0]:
            raise FormatError(
                f"{part.where(0)}: {width} features, but the file {parts[0].sources[0][0]} has {widths[0]} a row"
            )
    return np.concatenate([np.asarray(part.features) for part in parts])


def _join(parts: Sequence[Examples], name: str) -> Any:
    arrays = [getattr(part, name) for part in parts]
    missing = [array is None for array in arrays]
    if all(missing):
        return None
    if any(missing):
        raise FormatError(f"{parts[missing.index(True)].where(0)}: no {name}, but other files of the channel have them")
    return np.concatenate(arrays)


def widen(matrix: scipy.sparse.csr_matrix, width: int) -> scipy.sparse.csr_matrix:
    """The same rows with at least width columns; libsvm files and sparse records say no width of their own."""
    if matrix.shape[1] >= width:
        return matrix
    return scipy.sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], width))
