"""How much an example counts in the loss, by its class.

The weights have a mean of one over the rows that they were computed from, so that a learning rate keeps its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.linear_learner.settings import Settings

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Weights:
    """table: (classes, models) or (classes, 1); None where every example counts one."""

    table: Array | None = None

    def of(self, labels: Array) -> Array | None:
        """(rows, models) or (rows, 1). labels: as a Batch has them."""
        if self.table is None:
            return None
        found: Array = self.table[labels.reshape(-1).astype(np.intp)]
        return found


def weights_of(settings: Settings, counts: Array) -> Weights:
    """counts: (classes,) rows of each class in the scaler's sample; unused of a regressor."""
    if settings.kind == "binary_classifier":
        return _binary(settings, np.maximum(counts, 1.0))
    if settings.kind == "multiclass_classifier" and settings.values["balance_multiclass_weights"]:
        some = np.maximum(counts, 1.0)
        return Weights(_normalised((some.sum() / some)[:, None], counts))
    return Weights()


def _binary(settings: Settings, counts: Array) -> Weights:
    given = settings.values["positive_example_weight_mult"]
    if given == 1:
        return Weights()
    balanced = counts[0] / counts[1]
    if given == "balanced":
        positive = np.array([balanced])
    elif given == "auto":
        # From one to what balances the classes; model selection finds the best.
        positive = balanced ** (np.arange(settings.models) / max(1, settings.models - 1))
    else:
        positive = np.array([float(given)])
    return Weights(_normalised(np.stack([np.ones(len(positive)), positive]), counts))


def _normalised(table: Array, counts: Array) -> Array:
    mean = (table * counts[:, None]).sum(axis=0) / max(1.0, counts.sum())
    return np.asarray(table / np.where(mean > 0, mean, 1), np.float32)
