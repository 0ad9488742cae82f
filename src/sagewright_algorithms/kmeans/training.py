"""The passes over the data: centres that move with every mini-batch, and a sample of the rows for what comes after."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sagewright_algorithms.contract.job import Stop
from sagewright_algorithms.formats.examples import Features
from sagewright_algorithms.kmeans.data import Shape, Source
from sagewright_algorithms.kmeans.instances import Instances
from sagewright_algorithms.kmeans.online import Online
from sagewright_algorithms.kmeans.report import Report
from sagewright_algorithms.kmeans.rows import Centres, sums_of
from sagewright_algorithms.kmeans.sample import Sample
from sagewright_algorithms.kmeans.settings import Settings


@dataclass
class Training:
    """observed: rows so far, of all instances. stopped: whether the job has to end."""

    settings: Settings
    source: Source
    shape: Shape
    online: Online
    sample: Sample
    instances: Instances
    report: Report
    stop: Stop
    observed: int = 0
    stopped: bool = False

    def run(self) -> None:
        """All epochs, or until the job is stopped. Raises ClientError."""
        for epoch in range(self.settings.epochs):
            begin = time.time()
            with self.report.timed("update.time"):
                self._pass(epoch)
            if self.stopped:
                break
            self.report.epoch_end(epoch, self.settings.epochs, begin)

    def _pass(self, epoch: int) -> None:
        online, instances = self.online, self.instances
        batches = self.source.batches(epoch)
        while not self.stopped:
            examples = next(batches, None)
            rows = None if examples is None else self.shape(examples.features)
            own = None
            if rows is not None:
                own = sums_of(rows, Centres(online.points).labels(rows), len(online.points))
                self.report.batch(rows.shape[0])
            step = instances.step(own, online.points.shape, stop=self.stop.requested)
            if step is None:
                break
            online.update(step.sums, step.counts)
            self.observed += int(step.counts.sum())
            if rows is not None:
                self._keep(rows, epoch)
            self.stopped = step.stopped

    def _keep(self, rows: Features, epoch: int) -> None:
        """A later pass has the same rows again: they are news only where older ones fade."""
        if epoch == 0 or self.settings.half_life:
            self.sample.add(rows, self.observed)
