"""How good the models are: all of them after an epoch, and the chosen one at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.linear_learner.ensemble import Batch, Ensemble
from sagewright_algorithms.linear_learner.instances import Instances
from sagewright_algorithms.linear_learner.losses import Loss
from sagewright_algorithms.linear_learner.scaling import Scaler
from sagewright_algorithms.linear_learner.selection import Criterion
from sagewright_algorithms.linear_learner.weights import Weights

Array = NDArray[Any]

_SAMPLE = 1 << 16
"""Rows whose scores are sorted after every epoch for every model."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """losses: (models,) in the unit of the labels. values: (models,) of the criterion, higher is better; None without
    one. thresholds: (models,) of raw scores.
    """

    losses: Array
    values: Array | None
    thresholds: Array

    @property
    def costs(self) -> Array:
        """(models,): what selection makes as low as it can; infinite where a model has diverged."""
        costs = self.losses if self.values is None else -self.values
        return np.where(np.isfinite(self.losses), costs, np.inf)

    @property
    def best(self) -> int:
        """The model with the lowest cost; of equal ones that with the lowest loss."""
        return int(np.lexsort((np.nan_to_num(self.losses, nan=np.inf), self.costs))[0])


@dataclass(frozen=True)
class Evaluator:
    """weights: as in training, unless they differ by model: their losses could not be compared.

    samples: rows of each instance that decide on thresholds.
    """

    ensemble: Ensemble
    weights: Weights
    criterion: Criterion | None
    samples: int
    label_scale: float
    instances: Instances

    def run(self, batches: Iterable[Batch]) -> Evaluation:
        models = self.ensemble.settings.models
        sums = np.zeros((2, models))
        kept: list[tuple[Array, Array]] = []
        wanted = min(self.samples, _SAMPLE) if self.criterion else 0
        for batch in batches:
            if wanted > 0:
                scores = self.ensemble.scores(batch, self.ensemble.average)[:wanted].copy()
                kept.append((scores, batch.labels[: len(scores), 0]))
                wanted -= len(scores)
            sums += self.ensemble.evaluate(batch, self.weights)
        sums = self.instances.total(sums)
        losses = sums[0] / np.maximum(sums[1], 1e-30) * self.label_scale**self.ensemble.loss.power
        if self.criterion is None:
            return Evaluation(losses, None, np.zeros(models))
        values, thresholds = self.best([scores for scores, _ in kept], [labels for _, labels in kept])
        return Evaluation(losses, values, thresholds)

    def best(self, scores: Sequence[Array], labels: Sequence[Array]) -> tuple[Array, Array]:
        """(values, thresholds) of the criterion, on the rows of all instances; (rows, models) and (rows,) each."""
        assert self.criterion is not None
        all_scores = self.instances.rows(np.concatenate(scores))
        all_labels = self.instances.rows(np.concatenate(labels))
        found = np.stack(self.criterion.best(all_scores, all_labels)) if self.instances.first else None
        values, thresholds = self.instances.agree(found)
        return values, thresholds


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best model so far. parameters: of normalised features. threshold: of raw scores. cost, loss: of the
    evaluation that chose it.
    """

    number: int
    epoch: int
    parameters: Array
    threshold: float
    cost: float
    loss: float

    def scores(self, batch: Batch) -> Array:
        """(rows, classes), raw and normalised as the labels are."""
        if not batch.sparse:
            found: Array = batch.features @ self.parameters
            return found
        width = batch.features.shape[1]
        return np.asarray(batch.features @ self.parameters[:width] + self.parameters[width:].sum(axis=0))

    def losses(self, loss: Loss, scores: Array, batch: Batch, weights: Weights) -> tuple[float, float]:
        """(sum, sum of weights) over a batch."""
        rows = batch.rows
        shaped = scores.copy() if loss.name != "softmax_loss" else scores[:, None, :].copy()
        losses = np.empty((rows, 1), np.float32)
        loss.kernel(shaped, batch.labels, np.empty_like(shaped), losses)
        factors = weights.of(batch.labels)
        if factors is None:
            return float(losses.sum(dtype=np.float64)), float(rows)
        return float((losses * factors).sum(dtype=np.float64)), float(factors.sum(dtype=np.float64))


def probabilities(scores: Array) -> Array:
    """(rows, classes): the softmax of raw scores."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Array = powers / powers.sum(axis=1, keepdims=True)
    return found


def in_labels_unit(values: Array, scaler: Scaler) -> Array:
    """(rows,): normalised scores or labels as they were."""
    return values.reshape(-1).astype(np.float64) * scaler.label_scale + scaler.label_shift
