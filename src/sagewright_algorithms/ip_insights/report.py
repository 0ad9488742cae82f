"""What the job's log says, in the lines of AWS's container."""

from __future__ import annotations

import time

from sagewright_algorithms.contract import log, report
from sagewright_algorithms.ip_insights.spec import ACCURACY, ALGORITHM, AUC, ENTROPY


class Tally:
    """The loss and the hits of some samples."""

    def __init__(self) -> None:
        self.records, self.samples, self.right, self.loss = 0, 0, 0, 0.0
        self.begin = time.time()

    def add(self, records: int, samples: int, loss: float, right: int) -> None:
        self.records += records
        self.samples += samples
        self.loss += loss
        self.right += right

    @property
    def accuracy(self) -> float:
        return self.right / max(self.samples, 1)

    @property
    def entropy(self) -> float:
        return self.loss / max(self.samples, 1)

    @property
    def speed(self) -> float:
        return self.records / max(time.time() - self.begin, 1e-9)


class Report(report.Report):
    """host: this instance's name."""

    def __init__(self, host: str) -> None:
        super().__init__(host, ALGORITHM)
        self._seen = report.Seen()
        log.info("Checkpoint loading and saving are disabled.")
        log.info("Number of GPUs being used: 0")
        self.metrics(self._seen.metrics(), Meta="init_train_data_iter")

    def batch(self, rows: int) -> None:
        """rows: of this instance's part of a mini-batch."""
        self._seen.add(rows)

    def published(self, epoch: int, batch: int, tally: Tally) -> None:
        """tally: of the mini-batches since the last publication."""
        if batch:
            # As MXNet's Speedometer has it.
            log.info(
                f"Epoch[{epoch}] Batch [{batch}]\tSpeed: {tally.speed:.2f} samples/sec\t{ACCURACY}={tally.accuracy:f}"
                f"\t{ENTROPY}={tally.entropy:f}"
            )
        self._qualities(f"epoch={epoch}, batch={batch} train", tally)

    def epoch_end(self, epoch: int, epochs: int, tally: Tally) -> None:
        """epoch: from 0. tally: of the epoch."""
        rows = self._seen.since[0]
        seconds = time.time() - tally.begin
        self._qualities(f"epoch={epoch}, train", tally)
        self.progress(epoch + 1, epochs)
        self._seen.reset()
        values = {"epochs": epochs, "update.time": seconds * 1000, **self._seen.metrics()}
        self.metrics(values, begin=tally.begin, epoch=epoch, Meta="training_data_iter")
        self.throughput(rows, seconds)

    def area(self, epoch: int, value: float) -> None:
        self.quality(f"epoch={epoch}, validation {AUC}", value, loss=False)

    def _qualities(self, what: str, tally: Tally) -> None:
        self.quality(f"{what} {ACCURACY}", tally.accuracy, loss=False)
        self.quality(f"{what} {ENTROPY}", tally.entropy, loss=True)
