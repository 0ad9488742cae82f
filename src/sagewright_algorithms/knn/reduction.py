"""Random projections to fewer dimensions, which keep distances and inner products nearly.

``sign``: a matrix of random signs; D. Achlioptas, Database-friendly random projections, 2003. ``fjlt``: random signs, a
cosine transform and a choice of its coordinates; N. Ailon, B. Chazelle, The fast Johnson-Lindenstrauss transform and
approximate nearest neighbors, 2009. https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_how-it-works.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Features, Floats

Array = NDArray[Any]

_PIECE = 8192
"""Rows at a time."""


@dataclass(frozen=True)
class Reduction:
    """As the model's metadata has it. type: ``sign`` or ``fjlt``. seed: the projection is drawn from it again."""

    type: str
    seed: int
    target_dim: int
    input_dim: int

    def __call__(self, rows: Features) -> Floats:
        """rows: (n, input_dim). Returns (n, target_dim)."""
        found: Floats = np.empty((rows.shape[0], self.target_dim), np.float32)
        for begin in range(0, len(found), _PIECE):
            part = rows[begin : begin + _PIECE]
            found[begin : begin + _PIECE] = part @ self._signs if self.type == "sign" else self._transformed(part)
        return found

    @cached_property
    def _signs(self) -> Floats:
        """(input_dim, target_dim) of random signs, scaled so that lengths stay."""
        # numpy keeps this generator's numbers the same for ever: a model must be read by later versions.
        bits = np.random.RandomState(self.seed).randint(0, 2, (self.input_dim, self.target_dim), np.int8)
        return np.asarray((2 * bits - 1) / np.sqrt(self.target_dim), np.float32)

    @cached_property
    def _chosen(self) -> tuple[Floats, Array]:
        """Signs of the inputs, and which coordinates of their transform are taken."""
        random = np.random.RandomState(self.seed)
        width = max(self.input_dim, self.target_dim)
        signs = (2 * random.randint(0, 2, self.input_dim, np.int8) - 1) * np.sqrt(width / self.target_dim)
        return signs.astype(np.float32), np.sort(random.permutation(width)[: self.target_dim])

    def _transformed(self, rows: Features) -> Floats:
        from scipy.fft import dct

        signs, chosen = self._chosen
        part = rows if isinstance(rows, np.ndarray) else rows.toarray()
        return np.asarray(dct(part * signs, n=max(self.input_dim, self.target_dim), norm="ortho")[:, chosen])
