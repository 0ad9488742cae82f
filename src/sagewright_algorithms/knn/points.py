"""Rows as the index has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sagewright_algorithms.formats.examples import Features, Floats
from sagewright_algorithms.knn.reduction import Reduction


@dataclass(frozen=True, slots=True)
class Points:
    """width: of a row. dimensions: of the index. normalize: rows to unit length."""

    width: int
    dimensions: int
    reduction: Reduction | None
    normalize: bool

    def __call__(self, rows: Features) -> Floats:
        """rows: (n, width). Returns (n, dimensions): reduced, or with zeros besides."""
        points: Floats
        if self.reduction is not None:
            points = self.reduction(rows)
        else:
            points = rows if isinstance(rows, np.ndarray) else rows.toarray()
            if self.dimensions > self.width:
                points = np.pad(points, ((0, 0), (0, self.dimensions - self.width)))
        if self.normalize:
            lengths = np.linalg.norm(points, axis=1, keepdims=True)
            points = np.asarray(points / np.where(lengths > 0, lengths, 1), np.float32)
        return points
