"""What the job's log says, in the lines of AWS's container."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sagewright_algorithms.contract import log, report


class Report(report.Report):
    """host: this instance's name."""

    def __init__(self, host: str, algorithm: str) -> None:
        super().__init__(host, algorithm)
        self._seen = report.Seen()
        self._times: dict[str, float] = {}
        self._start = time.time()
        log.info("Checkpoint loading and saving are disabled.")
        log.info("Number of GPUs being used: 0")
        log.info("number of center slices 1")

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds to the time of this name in the last structured line but one."""
        begin = time.time()
        try:
            yield
        finally:
            self._times[name] = self._times.get(name, 0.0) + (time.time() - begin) * 1000

    def first_batch(self, rows: int, size: int) -> None:
        """rows: of the first mini-batch. size: what they should be."""
        if rows < size:
            log.warning(
                f"Batch size {size} is bigger than the first batch data. Effective batch size used to initialize is "
                f"{rows}"
            )
        self._times["initialize.time"] = (time.time() - self._start) * 1000
        self.metrics(
            {"initialize.time": self._times["initialize.time"]}, begin=self._start, Meta="init_train_data_iter"
        )

    def batch(self, rows: int) -> None:
        self._seen.add(rows)

    def epoch_end(self, epoch: int, epochs: int, begin: float) -> None:
        """epoch: from 0. begin: when it began, seconds since 1970."""
        rows = self._seen.since[0]
        log.info(f"processed a total of {rows} examples")
        self.progress(epoch + 1, epochs)
        self.metrics(self._seen.metrics(), begin=begin, epoch=epoch, Meta="training_data_iter")
        self.throughput(rows, time.time() - begin)
        self._seen.reset()

    def shrinking(self, extra: int, k: int) -> None:
        log.info(f"shrinking {extra} centers into {k}")

    def attempt(self, number: int, msd: float) -> None:
        log.info(f"local kmeans attempt #{number}. Current mean square distance {msd:f}")

    def shrunk(self, msd: float) -> None:
        log.info(f"finished shrinking process. Mean Square Distance = {msd:.0f}")

    def few(self, distinct: int, k: int) -> None:
        log.warning(f"Only {distinct} of the {k} centers differ: the training data has too few different records.")

    def channel(self, name: str, values: Mapping[str, float]) -> None:
        """The metrics of a channel."""
        if name != "train":
            for metric, value in values.items():
                self.score(name, metric, value)
        for metric, value in values.items():
            self.quality(f"{name} {metric}", value, loss=True)

    def end(self, epochs: int) -> None:
        self.metrics({"epochs": epochs, **self._times}, begin=self._start)
        self.total(setuptime=self._times["initialize.time"])
