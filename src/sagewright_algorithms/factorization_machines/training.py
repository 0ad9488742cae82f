"""The passes over the data."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import Stop
from sagewright_algorithms.factorization_machines.adam import Adam
from sagewright_algorithms.factorization_machines.data import Source
from sagewright_algorithms.factorization_machines.gradients import Gradients
from sagewright_algorithms.factorization_machines.instances import Instances
from sagewright_algorithms.factorization_machines.metrics import SUMS, Scores, results
from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.factorization_machines.report import Report
from sagewright_algorithms.factorization_machines.settings import Settings

Sums = NDArray[np.float64]


@dataclass
class Training:
    """stopped: whether the job has to end. scores: of the last epoch, of all instances' records."""

    settings: Settings
    parameters: Parameters
    source: Source
    instances: Instances
    report: Report
    stop: Stop
    stopped: bool = False
    scores: Scores = field(default_factory=list)

    def __post_init__(self) -> None:
        self._gradients = Gradients(self.settings.kind, self.parameters)
        self._adam = Adam(self.settings, self.parameters)

    def run(self) -> None:
        """All epochs, or until the job is stopped. Raises ClientError."""
        for epoch in range(self.settings.epochs):
            begin = time.time()
            sums = self._pass(epoch)
            if epoch == 0 and not self.stopped:
                self._check(int(sums[0]))
            if sums[0]:
                self.scores = results(self.settings.kind, sums)
            if not np.isfinite(sums).all() or not self.parameters.finite:
                raise ClientError(
                    "The loss or the model is infinite or not a number: the training diverged. Use smaller learning "
                    "rates (bias_lr, linear_lr, factors_lr), clip_gradient, or features of a smaller scale."
                )
            if self.stopped:
                break
            self.report.epoch_end(epoch, self.settings.epochs, self.scores, begin)

    def _pass(self, epoch: int) -> Sums:
        """As metrics has them, of all instances' records."""
        whole, number = np.zeros(SUMS), 0
        batches = self.source.batches()
        while not self.stopped:
            own, gradient = np.zeros(SUMS), None
            if batch := next(batches, None):
                if epoch == number == 0:
                    self.report.ready(sparse=not isinstance(batch.features, np.ndarray))
                gradient = self._gradients.of(batch, own)
                self.report.batch(batch.rows)
            # From the first step on there is a model; no instance is through with it before all have come here.
            self.stop.graceful = True
            step = self.instances.step(gradient, own, stop=self.stop.requested)
            if step.gradient is None:
                break
            self._adam.step(step.gradient, step.sums[0])
            self.stopped = step.stopped
            whole += step.sums
            if number % self.settings.interval == 0:
                self.report.published(epoch, number, results(self.settings.kind, whole))
            number += 1
        return whole

    def _check(self, rows: int) -> None:
        """rows: of all instances. Raises ClientError."""
        if rows < self.settings.batch:
            raise self.source.channel.too_few(rows, f"mini_batch_size is {self.settings.batch}")
