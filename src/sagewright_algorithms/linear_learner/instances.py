"""Data-parallel training: each instance has its own rows, and every update is along the mean over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.linear_learner.ensemble import Ensemble

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One mini-batch of all instances. gradients: summed over its rows. sums: (2, models), losses and their weights."""

    gradients: Array
    rows: float
    sums: Array
    stopped: bool


@dataclass(frozen=True)
class Instances:
    """What the instances of a job decide together, each on its own rows; the same on all of them."""

    collective: Collective

    @property
    def first(self) -> bool:
        """Whether this is the instance that writes the model."""
        return self.collective.first

    def total(self, array: Array) -> Array:
        """The sum over the instances."""
        return self.collective.sum(array)

    def rows(self, array: Array) -> Array:
        """The rows of all instances."""
        return np.concatenate(self.collective.gather(array))

    def least(self, number: int) -> int:
        return int(self.rows(np.array([number])).min())

    def most(self, number: int) -> int:
        return int(self.rows(np.array([number])).max())

    def any(self, *, value: bool) -> bool:
        return self.most(value) > 0

    def agree(self, array: Array | None) -> Array:
        """The first instance's. array: unused on the others."""
        return self.collective.broadcast(array)

    def step(self, ensemble: Ensemble, found: tuple[Array, Array, Array, int] | None, *, stop: bool) -> Step | None:
        """found: gradients, losses, weights and rows of this instance's batch; None where it has no more.

        None once no instance has any more.
        """
        if self.collective.size == 1:
            if found is None:
                return None
            gradients, losses, weights, rows = found
            return Step(gradients, rows, np.stack([losses, weights]), stop)
        models = ensemble.settings.models
        shape = ensemble.parameters.shape
        flat = np.zeros(ensemble.parameters.size + 2 * models + 2, np.float32)
        flat[-1] = stop
        if found is not None:
            gradients, losses, weights, rows = found
            flat[: -2 * models - 2] = gradients.reshape(-1)
            flat[-2 * models - 2 : -2] = np.concatenate([losses, weights])
            flat[-2] = rows
        flat = self.collective.sum(flat)
        if not flat[-2] and not flat[-1]:
            return None
        sums = flat[-2 * models - 2 : -2].astype(np.float64).reshape(2, models)
        return Step(flat[: -2 * models - 2].reshape(shape), float(flat[-2]), sums, bool(flat[-1]))
