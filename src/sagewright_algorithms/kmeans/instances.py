"""Several instances: each has its own rows, and all move the same centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.formats.examples import Features, csr

Array = NDArray[Any]


class Step(NamedTuple):
    """A mini-batch of all instances. sums: (K, d). counts: (K,). stopped: whether an instance has a signal to stop."""

    sums: Array
    counts: Array
    stopped: bool


@dataclass(frozen=True)
class Instances:
    collective: Collective

    @property
    def first(self) -> bool:
        """Whether this is the instance that writes the model."""
        return self.collective.first

    @property
    def count(self) -> int:
        return self.collective.size

    def total(self, array: Array) -> Array:
        """The sum over the instances."""
        return self.collective.sum(array)

    def agree(self, array: Array | None) -> Array:
        """The first instance's. array: unused on the others."""
        return self.collective.broadcast(array)

    def any(self, *, value: bool) -> bool:
        return bool(self.total(np.array([float(value)]))[0])

    def rows(self, rows: Features) -> Features:
        """The rows of all instances, all dense or all sparse."""
        if self.count == 1:
            return rows
        if isinstance(rows, np.ndarray):
            return np.concatenate(self.collective.gather(rows))
        data, indices, lengths = (
            np.concatenate(self.collective.gather(array)) for array in (rows.data, rows.indices, np.diff(rows.indptr))
        )
        return csr((data, indices, np.r_[0, np.cumsum(lengths)]), (len(lengths), rows.shape[1]))

    def step(self, own: tuple[Array, Array] | None, shape: tuple[int, int], *, stop: bool) -> Step | None:
        """own: sums and counts of this instance's mini-batch; None where it has no more. shape: (K, d).

        None once no instance has any more.
        """
        if self.count == 1:
            return None if own is None else Step(*own, stop)
        clusters, width = shape
        flat = np.zeros(clusters * (width + 1) + 1)
        if own is not None:
            flat[:-1] = np.concatenate([own[0].reshape(-1), own[1]])
        flat[-1] = stop
        flat = self.total(flat)
        counts = flat[clusters * width : -1]
        if not counts.any() and not flat[-1]:
            return None
        return Step(flat[: clusters * width].reshape(shape), counts, bool(flat[-1]))
