"""Several instances: each has its own rows, and an update is along the gradient of a mini-batch from every one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.factorization_machines.gradients import Gradient
from sagewright_algorithms.factorization_machines.kernels import sparse

Array = NDArray[Any]


class Step(NamedTuple):
    """Of all instances. gradient: None where none has any more rows. sums: as metrics has them; the first is rows."""

    gradient: Gradient | None
    sums: NDArray[np.float64]
    stopped: bool


@dataclass(frozen=True)
class Instances:
    """What the instances of a job decide together; the same on all of them. factors: of a feature."""

    collective: Collective
    factors: int

    def total(self, array: Array) -> Array:
        """The sum over the instances."""
        return self.collective.sum(array)

    def step(self, gradient: Gradient | None, sums: NDArray[np.float64], *, stop: bool) -> Step:
        """gradient: None where this instance has no more rows. sums: of its batch. stop: whether it has a signal."""
        if self.collective.size == 1:
            return Step(gradient, sums, stop)
        bias = 0.0 if gradient is None else gradient.bias
        found = self.total(np.array([stop, bias, *sums]))
        stopped, bias, sums = bool(found[0]), float(found[1]), found[2:]
        if not sums[0]:
            return Step(None, sums, stopped)
        parts = self.collective.gather(self._packed(gradient))
        return Step(self._merged(bias, parts), sums, stopped)

    def _packed(self, gradient: Gradient | None) -> Array:
        """(used, 2 + k) int32: numbers of features, and the bits of their gradients."""
        found = np.empty((0 if gradient is None else len(gradient.used), 2 + self.factors), np.int32)
        if gradient is not None:
            found[:, 0] = gradient.used
            found[:, 1:2] = gradient.linear.view(np.int32)
            found[:, 2:] = gradient.factors.view(np.int32)
        return found

    def _merged(self, bias: float, parts: list[Array]) -> Gradient:
        features = np.concatenate([part[:, 0] for part in parts])
        used, slots = np.unique(features, return_inverse=True)
        changes = np.concatenate([part[:, 1:] for part in parts]).view(np.float32)
        whole = np.zeros((len(used), 1 + self.factors), np.float32)
        sparse.add(slots.astype(np.int32), changes, whole)
        return Gradient(bias, used, *(np.ascontiguousarray(part) for part in (whole[:, :1], whole[:, 1:])))
