"""The chosen model on whole channels: its threshold, its metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.linear_learner.data import Source
from sagewright_algorithms.linear_learner.ensemble import Batch
from sagewright_algorithms.linear_learner.evaluation import Chosen, Evaluator, in_labels_unit, probabilities
from sagewright_algorithms.linear_learner.metrics import metrics_of
from sagewright_algorithms.linear_learner.scaling import Scaler

Array = NDArray[Any]


@dataclass(frozen=True)
class Finishing:
    """evaluator: of the training that chose the model."""

    evaluator: Evaluator
    scaler: Scaler

    def calibrated(self, chosen: Chosen, batches: Iterator[Batch]) -> Chosen:
        """With the threshold that is the best on the first num_calibration_samples rows of the batches."""
        if self.evaluator.criterion is None:
            return replace(chosen, threshold=0.0)
        scores, labels, left = [], [], self.evaluator.samples
        for batch in batches:
            scores.append(chosen.scores(batch)[:left])
            labels.append(batch.labels[:left, 0])
            left -= len(scores[-1])
            if left <= 0:
                break
        _, thresholds = self.evaluator.best(scores, labels)
        return replace(chosen, threshold=float(thresholds[0]))

    def metrics(self, chosen: Chosen, source: Source) -> list[tuple[str, float]]:
        """The objective and the metrics of a channel over all instances, by their names in the log."""
        settings, loss = self.evaluator.ensemble.settings, self.evaluator.ensemble.loss
        found = metrics_of(settings.values, chosen.threshold)
        losses = np.zeros(2)
        for batch in source.batches(self.scaler):
            scores = chosen.scores(batch)
            losses += chosen.losses(loss, scores, batch, self.evaluator.weights)
            if settings.kind == "multiclass_classifier":
                found.add(probabilities(scores), batch.labels)
            elif settings.kind == "binary_classifier":
                found.add(scores[:, 0], batch.labels[:, 0])
            else:
                found.add(in_labels_unit(scores, self.scaler), in_labels_unit(batch.labels, self.scaler))
        instances = self.evaluator.instances
        losses = instances.total(losses)
        found.share(instances.total, instances.rows)
        objective = float(losses[0] / max(losses[1], 1e-30)) * self.scaler.label_scale**loss.power
        return [(loss.objective, objective), *found.results()]
