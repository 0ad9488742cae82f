"""The channels' rows, mini-batch by mini-batch: kept in memory where they fit, else read again. Sparse ones stay so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.contract.rows import check_features
from sagewright_algorithms.factorization_machines.settings import Settings
from sagewright_algorithms.formats.examples import Examples, Features, Floats, ReadOptions

Array = NDArray[Any]

_LARGEST = 1e18
"""Of a feature: squares stay finite in single precision."""
_PIPE_BYTES = 1 << 28
"""Kept of a channel in Pipe mode, which is for data that memory shall not hold."""


class Batch(NamedTuple):
    """features: (n, d), dense or CSR without a feature twice in a row. labels: (n,)."""

    features: Features
    labels: Floats

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def bytes(self) -> int:
        features: Any = self.features
        if isinstance(features, np.ndarray):
            return int(features.nbytes + self.labels.nbytes)
        arrays = (features.data, features.indices, features.indptr, self.labels)
        return sum(int(array.nbytes) for array in arrays)


class Source:
    """A channel's mini-batches, pass after pass. passes: how many there will be. Raises ClientError, which names
    channel, file and record.
    """

    def __init__(self, channel: Channel, settings: Settings, passes: int) -> None:
        self.channel = channel
        self._settings = settings
        self._passes = 0
        self._kept: list[Batch] = []
        self._complete = False
        budget = free_memory() // 3
        self._budget = 0 if passes <= 1 else min(budget, _PIPE_BYTES) if channel.pipe else budget

    def batches(self) -> Iterator[Batch]:
        """One pass."""
        if self._complete:
            yield from self._kept
            return
        number, some = self._passes, False
        self._passes += 1
        for examples in self.channel.batches(self._settings.batch, ReadOptions(label_size=1), epoch=number):
            some = True
            batch = self._checked(examples)
            self._keep(batch)
            yield batch
        if not some:
            kind = "training" if self.channel.name == "train" else self.channel.name
            raise ClientError(f"No data in {kind} channel path {self.channel.path}")
        self._complete = self._budget > 0

    def _keep(self, batch: Batch) -> None:
        if self._budget:
            self._kept.append(batch)
            self._budget = max(0, self._budget - batch.bytes)
            if not self._budget:
                self._kept.clear()

    def _checked(self, examples: Examples) -> Batch:
        labels = examples.labels
        if labels is None:
            raise ClientError(
                f"Got input data without labels. Please check the input data set. (channel {self.channel.name}, "
                f"{examples.where(0)})"
            )
        check_features(self.channel, examples, self._settings.width, _LARGEST)
        self._refuse(~np.isfinite(labels), "the label is missing or not finite", examples, labels)
        if self._settings.kind == "binary_classifier":
            self._refuse((labels != 0) & (labels != 1), "the label must be 0 or 1", examples, labels)
        return Batch(plain(examples.features), np.ascontiguousarray(labels))

    def _refuse(self, wrong: Array, why: str, examples: Examples, labels: Floats) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.channel.fault(f"{examples.where(row)}: {why}, found {labels[row]:g}")


def plain(features: Any) -> Features:
    """As the kernels take rows: whoever has a feature twice has the sum of both."""
    if isinstance(features, np.ndarray):
        return np.ascontiguousarray(features)
    if not features.has_canonical_format:
        features = features.copy()
        features.sum_duplicates()
    features.indptr, features.indices = (_own(array, np.int32) for array in (features.indptr, features.indices))
    features.data = _own(features.data, np.float32)
    return features


def _own(array: Array, kind: Any) -> Array:
    """That can be written to: to a compiler, what cannot is of another type."""
    return np.require(array, kind, ("C", "W"))
