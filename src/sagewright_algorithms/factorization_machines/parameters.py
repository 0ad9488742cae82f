"""The model: a bias, a weight and some factors of each feature. Rendle, "Factorization Machines", ICDM 2010."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sagewright_algorithms.factorization_machines.settings import Settings, Term
from sagewright_algorithms.formats.examples import Features, Floats

_CHUNK = 1 << 22
"""Numbers of what is computed at a time."""


class Parameters(NamedTuple):
    """All float32. bias: (1, 1). linear: (d, 1). factors: (d, k)."""

    bias: Floats
    linear: Floats
    factors: Floats

    @classmethod
    def begin(cls, settings: Settings, random: np.random.Generator) -> Parameters:
        width = settings.width
        shapes = {"bias": (1, 1), "linear": (width, 1), "factors": (width, settings.factors)}
        return cls(**{name: _begin(settings.terms[name], shape, random) for name, shape in shapes.items()})

    @property
    def lengths(self) -> Floats:
        """(d,): the squared length of each feature's factors."""
        lengths: Floats = np.einsum("dk,dk->d", self.factors, self.factors)
        return lengths

    @property
    def finite(self) -> bool:
        return all(bool(np.isfinite(array).all()) for array in self)


def _begin(term: Term, shape: tuple[int, int], random: np.random.Generator) -> Floats:
    if not term.present:
        return np.zeros(shape, np.float32)
    if term.method == "constant":
        return np.full(shape, term.spread, np.float32)
    if term.method == "uniform":
        found = random.random(shape, np.float32)
        found -= np.float32(0.5)
        found *= np.float32(2 * term.spread)
        return found
    found = random.standard_normal(shape, np.float32)
    found *= np.float32(term.spread)
    return found


def scores(parameters: Parameters, lengths: Floats, rows: Features) -> Floats:
    """(n,): what the model says of rows (n, d), before a classifier's logistic function. lengths: the parameters'."""
    found = np.empty(rows.shape[0], np.float32)
    step = max(1, _CHUNK // max(parameters.factors.shape[1], rows.shape[1] if isinstance(rows, np.ndarray) else 1))
    for begin in range(0, len(found), step):
        found[begin : begin + step] = _scores(parameters, lengths, rows[begin : begin + step])
    return found


def _scores(parameters: Parameters, lengths: Floats, rows: Any) -> Floats:
    sums = rows @ parameters.factors
    pairs = np.einsum("nk,nk->n", sums, sums) - squared(rows) @ lengths
    found: Floats = (rows @ parameters.linear)[:, 0] + parameters.bias[0, 0] + pairs / 2
    return found


def squared(rows: Features) -> Features:
    """Each value's square."""
    if isinstance(rows, np.ndarray):
        return rows * rows
    found = rows.copy()
    found.data *= found.data
    return found
