"""Principal components: right singular vectors of the data, the least of them first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_NOISE = 1e-6
"""Singular values of float32 rows that are smaller, beside the largest, are none."""
_SUBSET = 512
"""Columns from which on the largest eigenvectors alone are computed."""


@dataclass(frozen=True, slots=True)
class Components:
    """singular: (k,), ascending. vectors: (d, k), a column each. mean: (d,); None where it is not subtracted."""

    singular: Array
    vectors: Array
    mean: Array | None


def of_gram(gram: Array, count: int, mean: Array | None) -> Components:
    """gram: (d, d) float64, the sum of the rows' outer products; overwritten."""
    if len(gram) > _SUBSET:
        from scipy.linalg import eigh

        values, vectors = eigh(
            gram, subset_by_index=[len(gram) - count, len(gram) - 1], overwrite_a=True, check_finite=False
        )
    else:
        values, vectors = np.linalg.eigh(gram)
    return _signed(np.sqrt(np.maximum(values[-count:], 0)), vectors[:, -count:], mean)


def of_factor(factor: Array, count: int, mean: Array | None) -> Components:
    """factor: (r, d), orthogonal rows whose lengths are the singular values, ascending."""
    found = factor[::-1][:count].astype(np.float64)
    singular = np.zeros(count)
    singular[: len(found)] = np.linalg.norm(found, axis=1)
    singular[singular < _NOISE * singular.max()] = 0
    real = int((singular > 0).sum())
    # Fewer rows than components: any vectors orthogonal to the others will do.
    others = np.random.default_rng(0).normal(size=(count - real, factor.shape[1]))
    vectors = np.linalg.qr(np.vstack([found[:real], others]).T)[0]
    return _signed(singular[::-1], vectors[:, ::-1], mean)


def _signed(singular: Array, vectors: Array, mean: Array | None) -> Components:
    """Of each vector and its opposite, the one whose largest entry is positive."""
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return Components(singular, vectors * signs, mean)
