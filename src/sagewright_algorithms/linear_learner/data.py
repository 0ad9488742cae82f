"""The channels' rows, mini-batch by mini-batch: kept in memory once prepared where they fit, else read again."""

from __future__ import annotations

from collections.abc import Iterator

from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.formats.examples import Examples, ReadOptions
from sagewright_algorithms.linear_learner.checks import Checks
from sagewright_algorithms.linear_learner.ensemble import Batch
from sagewright_algorithms.linear_learner.scaling import Scaler

_PIPE_BYTES = 1 << 28
"""Kept of a channel in Pipe mode, which is for data that memory shall not hold."""


class Source:
    """A channel's batches, pass after pass. size: rows of one. passes: how many there will be at most."""

    def __init__(self, channel: Channel, checks: Checks, size: int, passes: int) -> None:
        self.channel = channel
        self.checks = checks
        self._size = size
        self._options = _options(channel)
        self._passes = 0
        self._head: list[Examples] = []
        self._rest: Iterator[Examples] | None = None
        self._kept: list[Batch] = []
        self._complete = False
        budget = free_memory() // 3
        self._budget = 0 if passes <= 1 else min(budget, _PIPE_BYTES) if channel.pipe else budget

    def head(self, rows: int) -> list[Examples]:
        """Batches with at least the first ``rows`` rows, where there are as many; the first pass begins with them.

        Raises ClientError.
        """
        self._rest, found = self._read(0), 0
        while found < rows and (part := next(self._rest, None)) is not None:
            self._head.append(part)
            found += part.rows
        if not self._head:
            raise self._empty()
        return list(self._head)

    def _empty(self) -> ClientError:
        kind = "training" if self.channel.name == "train" else self.channel.name
        return ClientError(f"No data in {kind} channel path {self.channel.path}")

    def batches(self, scaler: Scaler) -> Iterator[Batch]:
        """One pass."""
        if self._complete:
            yield from self._kept
            return
        kept: list[Batch] = []
        batch = None
        for examples in self._examples():
            batch = scaler.batch(examples)
            if self._budget:
                kept.append(batch)
                self._budget = max(0, self._budget - batch.bytes)
                if not self._budget:
                    kept.clear()
            yield batch
        if batch is None:
            raise self._empty()
        self._complete = self._budget > 0
        self._kept = kept

    def _examples(self) -> Iterator[Examples]:
        head, rest, number = self._head, self._rest, self._passes
        self._head, self._rest = [], None
        self._passes += 1
        if rest is None:
            rest = self._read(number)
        while head:
            yield head.pop(0)
        yield from rest

    def _read(self, number: int) -> Iterator[Examples]:
        for examples in self.channel.batches(self._size, self._options, epoch=number):
            yield self.checks(examples)


def _options(channel: Channel) -> ReadOptions:
    label_size = channel.content_type.parameters.get("label_size", "1")
    if label_size != "1":
        raise ClientError(
            f"{channel.content_type.name};label_size={label_size} is not an accepted ContentType: linear learner needs "
            f"label_size=1. (channel {channel.name})"
        )
    return ReadOptions(label_size=1)
