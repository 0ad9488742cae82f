"""What the job's log says, in the lines of AWS's container."""

from __future__ import annotations

import time

from sagewright_algorithms.contract import log, report
from sagewright_algorithms.factorization_machines.metrics import Scores
from sagewright_algorithms.factorization_machines.spec import ALGORITHM


class Report(report.Report):
    """host: this instance's name."""

    def __init__(self, host: str) -> None:
        super().__init__(host, ALGORITHM)
        self._seen = report.Seen()
        self._start = time.time()
        log.info("Checkpoint loading and saving are disabled.")
        log.info("Number of GPUs being used: 0")

    def ready(self, *, sparse: bool) -> None:
        """Before the first mini-batch is learned."""
        if sparse:
            log.info("[Sparse network] Building a sparse network.")
        self.metrics({"initialize.time": self._elapsed}, begin=self._start, Meta="init_train_data_iter")

    @property
    def _elapsed(self) -> float:
        return (time.time() - self._start) * 1000

    def batch(self, rows: int) -> None:
        """rows: of this instance."""
        self._seen.add(rows)

    def published(self, epoch: int, batch: int, scores: Scores) -> None:
        """scores: of the epoch so far."""
        for name, value, loss in scores:
            self.quality(f"epoch={epoch}, batch={batch} train {name}", value, loss=loss)

    def epoch_end(self, epoch: int, epochs: int, scores: Scores, begin: float) -> None:
        """epoch: from 0. begin: when it began, seconds since 1970."""
        for name, value, loss in scores:
            self.quality(f"epoch={epoch}, train {name}", value, loss=loss)
        rows = self._seen.since[0]
        self.metrics({"epochs": epochs, "update.time": (time.time() - begin) * 1000}, begin=begin, epoch=epoch)
        self.progress(epoch + 1, epochs)
        self.metrics(self._seen.metrics(), begin=begin, epoch=epoch, Meta="training_data_iter")
        self.throughput(rows, time.time() - begin)
        self._seen.reset()

    def trained(self, scores: Scores) -> None:
        """scores: of the last epoch."""
        for name, value, loss in scores:
            self.quality(f"train {name}", value, loss=loss)

    def tested(self, scores: Scores) -> None:
        for name, value, _ in scores:
            self.score("test", name, value)
        for name, value, loss in scores:
            self.quality(f"test {name}", value, loss=loss)
