"""Vectors that Adam changes, some rows at a time.

Rows without a gradient keep their moments: the lazy update of MXNet's ``Adam`` for sparse gradients. Kingma and Ba,
"Adam: A Method for Stochastic Optimization", ICLR 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.cores import shared
from sagewright_algorithms.ip_insights.kernels import vectors

Array = NDArray[Any]

_LEAST = 512
"""Rows a thread, at least."""
_FIRST, _SECOND = 0.9, 0.999


@dataclass(frozen=True, slots=True)
class Step:
    """number: from 1. rate: the learning rate. decay: of the weights."""

    number: int
    rate: float
    decay: float

    @property
    def corrected(self) -> float:
        """The rate for moments that began at zero."""
        return float(self.rate * np.sqrt(1 - _SECOND**self.number) / (1 - _FIRST**self.number))


class Table:
    """numbers: (rows, 3, k) float32, the vectors and their moments."""

    def __init__(self, values: Array) -> None:
        """values: (rows, k)."""
        self.numbers = np.zeros((len(values), 3, values.shape[1]), np.float32)
        self.numbers[:, 0] = values

    @property
    def values(self) -> Array:
        """(rows, k), not contiguous."""
        return self.numbers[:, 0]

    def update(self, rows: Array, gradients: Array, step: Step) -> None:
        """rows: (n,) int32. gradients: (n, k)."""
        rate, decay = np.float32(step.corrected), np.float32(step.decay)
        shared(
            lambda begin, end: vectors.adam(self.numbers, rows, gradients, rate, decay, begin, end), len(rows), _LEAST
        )

    def update_all(self, gradients: Array, step: Step) -> None:
        """gradients: of all rows, in any shape."""
        count = len(self.numbers)
        if count:
            self.update(np.arange(count, dtype=np.int32), gradients.reshape(count, -1), step)

    def widen(self, rows: int) -> int:
        """How many rows there were. At least so many are there afterwards, new ones zero."""
        before = len(self.numbers)
        if rows > before:
            size = max(rows, before + before // 2)
            # In place where the system can: a table may be most of the memory.
            self.numbers.resize((size, *self.numbers.shape[1:]), refcheck=False)
        return before
