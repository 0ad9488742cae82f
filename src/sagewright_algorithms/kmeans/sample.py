"""A random sample of a stream, whose rows stand for all rows.

P. Efraimidis and P. Spirakis, Weighted random sampling with a reservoir, 2006: each row has a key, and those with the
largest keys stay. A row's weight in the sample is its own divided by the probability with which it came in, as in
E. Cohen and H. Kaplan, Summarizing data using bottom-k sketches, 2007.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Examples, Features, concatenate

Array = NDArray[Any]


class _Part(NamedTuple):
    """times: (n,), how many rows there were up to and with each."""

    rows: Features
    keys: Array
    times: Array

    def over(self, bound: float) -> _Part:
        stay = self.keys > bound
        return self if stay.all() else _Part(self.rows[stay], self.keys[stay], self.times[stay])


class Sample:
    """size: rows that stay. half_life: observations after which a row counts half; 0 where all count the same."""

    def __init__(self, size: int, half_life: int, random: np.random.Generator) -> None:
        self._size = size
        self._decay = math.log(2) / half_life if half_life else 0.0
        self._random = random
        self._parts: list[_Part] = []
        self._rows = 0
        self._bound = -math.inf
        self._now = 0

    def add(self, rows: Features, observed: int) -> None:
        """rows: as they come; they are not copied. observed: rows up to and with these, on all instances."""
        self._now = observed
        times = np.full(rows.shape[0], observed, np.float64)
        keys = times * self._decay + self._random.gumbel(size=len(times))
        part = _Part(rows, keys, times).over(self._bound)
        self._parts.append(part)
        self._rows += len(part.keys)
        if self._rows > self._size + self._size // 2:
            self._cut()

    def rows(self) -> tuple[Features, Array]:
        """(rows in random order, (n,) float32 weights: how many rows each stands for). Ends the sample."""
        self._cut()
        times = np.concatenate([part.times for part in self._parts])
        # The key exceeds the bound with probability 1 - exp(-exp(own - bound)).
        chance = -np.expm1(-np.exp(np.minimum(times * self._decay - self._bound, 700.0)))
        weights = np.exp((times - self._now) * self._decay) / np.maximum(chance, 1e-300)
        whole = concatenate(Examples(part.rows) for part in self._parts)
        assert whole is not None
        self._parts.clear()
        order = self._random.permutation(len(weights))
        return whole.features[order], weights[order].astype(np.float32)

    def _cut(self) -> None:
        """Back to the rows with the largest keys."""
        if self._rows <= self._size:
            return
        keys = np.concatenate([part.keys for part in self._parts])
        last = len(keys) - self._size - 1
        self._bound = float(np.partition(keys, last)[last])
        parts = (part.over(self._bound) for part in self._parts)
        self._parts = [part for part in parts if len(part.keys)]
        self._rows = sum(len(part.keys) for part in self._parts)
