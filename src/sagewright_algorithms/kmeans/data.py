"""A channel's mini-batches: checked, and in the form that training works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.rows import check_features
from sagewright_algorithms.formats.examples import Examples, Features, Floats, ReadOptions, csr

_LARGEST = 1e16
"""Of a feature: squared distances stay finite in single precision."""
_DENSE_BYTES = 1 << 28
"""Of a mini-batch that is made dense."""


@dataclass(frozen=True, slots=True)
class Shape:
    """dense: whether rows are made dense. shift: (d,), subtracted from dense rows.

    Far from the origin, single precision would not tell near centres apart.
    """

    dense: bool
    shift: Floats

    def __call__(self, features: Features) -> Features:
        if not self.dense:
            return csr(features)
        rows: Floats = features if isinstance(features, np.ndarray) else features.toarray()
        return rows - self.shift

    @classmethod
    def of(cls, features: Features, *, force: bool, size: int) -> Shape:
        """features: the first ones; force: whether sparse ones are made dense where they are not far too many.

        size: rows of a mini-batch.
        """
        width = features.shape[1]
        dense = isinstance(features, np.ndarray) or (force and 4 * width * size <= _DENSE_BYTES)
        return cls(dense, np.zeros(width, np.float32))


class Source:
    """size: rows of a mini-batch. width: features. Batches raise ClientError, which names channel, file and record."""

    def __init__(self, channel: Channel, size: int, width: int) -> None:
        self.channel = channel
        self.size = size
        self._width = width
        self._options = ReadOptions(label_size=_labels(channel))
        self._head: list[Examples] = []
        self._rest: Iterator[Examples] | None = None

    def head(self, rows: int) -> list[Examples]:
        """Mini-batches with at least the first ``rows`` rows, if there are as many; the first pass begins with them."""
        self._rest, found = self._read(0), 0
        while found < rows and (part := next(self._rest, None)) is not None:
            self._head.append(part)
            found += part.rows
        if not self._head:
            raise self.empty()
        return list(self._head)

    def batches(self, epoch: int) -> Iterator[Examples]:
        """One pass."""
        rest = self._read(epoch) if self._rest is None else self._rest
        self._rest = None
        while self._head:
            yield self._head.pop(0)
        yield from rest

    def rows(self, shape: Shape) -> Iterator[Features]:
        """The features of one pass. Raises ClientError where there are none."""
        some = False
        for examples in self.batches(0):
            some = True
            yield shape(examples.features)
        if not some:
            raise self.empty()

    def empty(self) -> ClientError:
        kind = "training" if self.channel.name == "train" else self.channel.name
        return ClientError(f"No data in {kind} channel path {self.channel.path}")

    def _read(self, epoch: int) -> Iterator[Examples]:
        for examples in self.channel.batches(self.size, self._options, epoch=epoch):
            self._check(examples)
            yield examples

    def _check(self, examples: Examples) -> None:
        by_default = "label_size" not in self.channel.content_type.parameters
        if self._options.label_size and by_default and examples.features.shape[1] == self._width - 1:
            raise self.channel.fault(
                f"{examples.where(0)}: {self._width - 1} features after the label, expected {self._width}. If there is "
                "no label in the first column, the content type has to be text/csv;label_size=0"
            )
        check_features(self.channel, examples, self._width, _LARGEST)


def _labels(channel: Channel) -> int:
    """Leading columns that are labels, and passed over. Labels of records need no reading."""
    if channel.format != "csv":
        return 0
    text = channel.content_type.parameters.get("label_size", "1")
    if not text.isdecimal():
        raise ClientError(f"label_size={text} is not a number of columns. (channel {channel.name})")
    return int(text)
