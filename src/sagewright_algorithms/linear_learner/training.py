"""The epochs: mini-batch updates of all models, evaluation, early stopping, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import Stop
from sagewright_algorithms.linear_learner import checkpoints
from sagewright_algorithms.linear_learner.checks import Checks
from sagewright_algorithms.linear_learner.data import Source
from sagewright_algorithms.linear_learner.ensemble import Batch, Ensemble
from sagewright_algorithms.linear_learner.evaluation import Chosen, Evaluation, Evaluator
from sagewright_algorithms.linear_learner.instances import Instances
from sagewright_algorithms.linear_learner.report import Report
from sagewright_algorithms.linear_learner.scaling import Scaler
from sagewright_algorithms.linear_learner.weights import Weights

Array = NDArray[Any]


@dataclass
class Progress:
    """What early stopping knows. best: the lowest cost that counted as an improvement; waited: epochs since."""

    patience: int
    tolerance: float
    best: float = np.inf
    waited: int = 0

    def add(self, cost: float) -> bool:
        """Whether the cost is an improvement: relative to the best one, by more than the tolerance."""
        improved = cost < self.best and (
            not np.isfinite(self.best) or self.best - cost > self.tolerance * abs(self.best)
        )
        if improved:
            self.best, self.waited = cost, 0
        else:
            self.waited += 1
        return improved

    @property
    def exhausted(self) -> bool:
        return self.waited >= self.patience


@dataclass
class Training:
    """sample: the first rows of the train channel, which stand in for a validation channel. folder: of checkpoints."""

    ensemble: Ensemble
    scaler: Scaler
    weights: Weights
    train: Source
    validation: Source | None
    sample: list[Batch]
    evaluator: Evaluator
    instances: Instances
    report: Report
    stop: Stop
    folder: Path | None
    progress: Progress
    chosen: Chosen | None = None
    epoch: int = 0

    def run(self) -> Chosen:
        """The best model of all epochs. Raises ClientError."""
        epochs = int(self.ensemble.settings.values["epochs"])
        checkpoints.restore(self)
        while self.epoch < epochs and not self.progress.exhausted:
            begin = time.time()
            losses, rows, stopped = self._pass()
            if stopped:
                break
            self._check_classes(self.train.checks)
            evaluation = self.evaluator.run(self._evaluated())
            self._log(losses, evaluation)
            self._choose(evaluation)
            improved = self._stopping(losses, evaluation)
            self.report.epoch_end(self.epoch, epochs, rows, time.time() - begin, improved=improved)
            self.epoch += 1
            checkpoints.save(self)
        if self.chosen is None:
            # Stopped within the first epoch: the rows at hand say which model is the best so far.
            self._choose(self.evaluator.run(self.sample))
        assert self.chosen is not None
        return self.chosen

    def _evaluated(self) -> Iterable[Batch]:
        return self.validation.batches(self.scaler) if self.validation else self.sample

    def _pass(self) -> tuple[Array, int, bool]:
        """(mean loss of each model, rows, whether the job was stopped) of one pass over the train channel."""
        ensemble, instances = self.ensemble, self.instances
        sums = np.zeros((2, ensemble.settings.models))
        rows, first = 0, self.epoch == 0
        ensemble.begin_epoch()
        batches = iter(self.train.batches(self.scaler))
        while True:
            batch = next(batches, None)
            if batch is not None:
                if first:
                    self.train.checks.count(batch.labels)
                found = ensemble.gradient(batch, self.weights)
                rows += batch.rows
            step = instances.step(ensemble, None if batch is None else (*found, batch.rows), stop=self.stop.requested)
            if step is None:
                break
            sums += step.sums
            if step.stopped:
                return sums[0], rows, True
            ensemble.update(step.gradients, step.rows)
        return sums[0] / np.maximum(sums[1], 1e-30), rows, False

    def _check_classes(self, checks: Checks) -> None:
        """Rows of one class only teach nothing. Raises ClientError."""
        if self.epoch or checks.kind == "regressor":
            return
        counts = self.instances.total(checks.counts.astype(np.float64))
        if (counts > 0).sum() == 1:
            raise checks.channel.fault(
                f"all {int(counts.sum())} records have the label {int(counts.argmax())}: a {checks.kind} needs "
                "examples of at least two classes"
            )

    def _log(self, losses: Array, evaluation: Evaluation) -> None:
        objective = self.ensemble.loss.objective
        self.report.losses(self.epoch, "train", objective, losses)
        if self.validation:
            self.report.losses(self.epoch, "validation", objective, evaluation.losses)

    def _choose(self, evaluation: Evaluation) -> None:
        number = evaluation.best
        cost, loss = float(evaluation.costs[number]), float(evaluation.losses[number])
        if not np.isfinite(cost):
            if self.chosen is None:
                raise ClientError(
                    "The loss of every model is infinite or not a number: the training diverged. Use a smaller "
                    "learning_rate, or normalize_data=true."
                )
            return
        if self.chosen is None or (cost, loss) < (self.chosen.cost, self.chosen.loss):
            self.chosen = Chosen(
                number, self.epoch, self.ensemble.model(number), float(evaluation.thresholds[number]), cost, loss
            )

    def _stopping(self, losses: Array, evaluation: Evaluation) -> bool:
        """Early stopping: by the selection criterion on validation data, or by the loss on training data."""
        criterion = self.evaluator.criterion
        if self.validation and criterion:
            cost, name = float(evaluation.costs.min()), f"sampled_{criterion.name}"
            shown = -cost
        else:
            costs = evaluation.losses if self.validation else losses
            cost = shown = float(np.min(costs, where=np.isfinite(costs), initial=np.inf))
            name = self.ensemble.loss.objective
        improved = self.progress.add(cost)
        self.report.criterion(self.epoch, name, shown, improved=improved, waited=self.progress.waited)
        return improved
