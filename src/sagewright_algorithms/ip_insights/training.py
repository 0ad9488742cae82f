"""The passes over the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import Stop
from sagewright_algorithms.ip_insights.data import Pairs, Source
from sagewright_algorithms.ip_insights.evaluation import area
from sagewright_algorithms.ip_insights.network import Batch, Network
from sagewright_algorithms.ip_insights.report import Report, Tally
from sagewright_algorithms.ip_insights.settings import Settings
from sagewright_algorithms.ip_insights.tables import Step

Array = NDArray[Any]


@dataclass
class Training:
    """random: the same on all instances, which draw all negatives alike. stopped: whether the job has to end."""

    settings: Settings
    network: Network
    train: Source
    validation: Source | None
    collective: Collective
    random: np.random.Generator
    report: Report
    stop: Stop
    stopped: bool = False
    _steps: int = field(default=0, init=False)

    def run(self) -> None:
        """All epochs, or until the job is stopped. Raises ClientError."""
        for epoch in range(self.settings.epochs):
            tally = self._pass(epoch)
            if not self.network.finite:
                raise _diverged()
            if self.stopped:
                return
            if epoch == 0:
                self._check(tally.records)
            self.report.epoch_end(epoch, self.settings.epochs, tally)
            if self.validation:
                self._validate(self.validation, epoch)

    def _pass(self, epoch: int) -> Tally:
        """Of all instances' records."""
        settings, whole, since = self.settings, Tally(), Tally()
        for number, batch in enumerate(self._batches(epoch)):
            if epoch == 0:
                self.network.tree.grow(batch.addresses)
            # From the first step on there is a model.
            self.stop.graceful = True
            self._steps += 1
            step = Step(self._steps, settings.rate, settings.decay)
            # A last, smaller mini-batch moves the model less.
            loss, right = self.network.step(batch, step, 1 / settings.batch, self.collective)
            if not np.isfinite(loss):
                raise _diverged()
            records = len(batch.entities)
            for tally in (whole, since):
                tally.add(records, records * (1 + settings.random + settings.shuffled), loss, right)
            self.report.batch(batch.last - batch.first)
            if number % settings.interval == 0:
                self.report.published(epoch, number, since)
                since = Tally()
            if self.stopped:
                break
        return whole

    def _batches(self, epoch: int) -> Iterator[Batch]:
        """Of all instances, until none has any more records or one has a signal to stop."""
        rank, size = self.collective.rank, self.collective.size
        own = self.train.batches(_part(self.settings.batch, rank, size), epoch)
        while True:
            parts = self._gathered(next(own, Pairs.joined([])))
            pairs = Pairs.joined(parts)
            if not len(pairs.entities):
                return
            first = sum(len(part.entities) for part in parts[:rank])
            yield self._with_negatives(pairs, first, first + len(parts[rank].entities))

    def _gathered(self, own: Pairs) -> list[Pairs]:
        """Every instance's; and whether one has a signal to stop."""
        if self.collective.size == 1:
            self.stopped = self.stop.requested
            return [own]
        head = np.array([[self.stop.requested, 0]], np.uint32)
        found = self.collective.gather(np.concatenate([head, np.stack(own, axis=1)]))
        self.stopped = any(part[0, 0] for part in found)
        return [Pairs(part[1:, 0].copy(), part[1:, 1].copy()) for part in found]

    def _with_negatives(self, pairs: Pairs, first: int, last: int) -> Batch:
        settings, count = self.settings, len(pairs.entities)
        others = self.random.integers(0, 1 << 32, (settings.random, count), dtype=np.uint32)
        shuffles = np.empty((settings.shuffled, count), np.int32)
        shuffles[:] = np.arange(count, dtype=np.int32)
        for row in shuffles:
            self.random.shuffle(row)
        return Batch(*pairs, others, shuffles, first, last)

    def _check(self, records: int) -> None:
        """After the first pass. records: of all instances. Raises ClientError."""
        self.train.warn()
        if not records:
            raise self.train.empty()
        if records < self.settings.batch:
            raise self.train.channel.too_few(records, f"mini_batch_size is {self.settings.batch}")
        tree = self.network.tree
        log.info(f"{tree.size - 1} prefixes of addresses have vectors, and {len(self.network.known[0])} entities")
        if tree.full:
            log.warning("There are more prefixes than may have vectors: those that came last have none of their own.")

    def _validate(self, source: Source, epoch: int) -> None:
        found = area(self.network, source, epoch, self.collective)
        if epoch == 0:
            source.warn()
        if found is None:
            raise source.empty()
        self.report.area(epoch, found)


def _diverged() -> ClientError:
    return ClientError(
        "The loss or the model is infinite or not a number: the training diverged. Use a smaller learning_rate, or a "
        "smaller num_ip_encoder_layers."
    )


def _part(batch: int, rank: int, size: int) -> int:
    """Records of this instance in a mini-batch of all of them; one at least."""
    return max(1, batch * (rank + 1) // size - batch * rank // size)
