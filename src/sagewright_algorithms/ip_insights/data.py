"""A channel's pairs of an entity and an IPv4 address, batch by batch.

https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-training-data-formats.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.formats.blocks import lines
from sagewright_algorithms.formats.examples import FormatError
from sagewright_algorithms.formats.files import opened
from sagewright_algorithms.ip_insights.hashing import numbers
from sagewright_algorithms.ip_insights.kernels import parsing

Array = NDArray[Any]

_MARK = b"\xef\xbb\xbf"
"""Of UTF-8, which some programs put before a file."""


class Pairs(NamedTuple):
    """entities: (n,) uint32 numbers. addresses: (n,) uint32."""

    entities: Array
    addresses: Array

    @classmethod
    def joined(cls, parts: list[Pairs]) -> Pairs:
        if not parts:
            return cls(np.empty(0, np.uint32), np.empty(0, np.uint32))
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


@dataclass
class Count:
    """Of one pass. first: where the first dropped record is."""

    records: int = 0
    dropped: int = 0
    first: str = ""


class Source:
    """vectors: how many numbers entities are hashed to. rank, share: where all of several instances have the same
    records, this one takes those that are its turn.
    """

    def __init__(self, channel: Channel, vectors: int, *, rank: int = 0, share: int = 1) -> None:
        self.channel = channel
        self.count = Count()
        self._vectors = vectors
        self._rank, self._share = rank, share
        label = channel.content_type.parameters.get("label_size", "0")
        if label != "0":
            raise ClientError(
                f"{channel.content_type.name};label_size={label} is not an accepted ContentType: IP Insights has no "
                f"labels. (channel {channel.name})"
            )

    def batches(self, size: int, epoch: int = 0) -> Iterator[Pairs]:
        """One pass, ``size`` pairs at a time; the last may be fewer. Raises ClientError, which names file and row."""
        parts: list[Pairs] = []
        missing = size
        for found in self._blocks(epoch):
            at = 0
            while len(found.entities) - at >= missing:
                parts.append(Pairs(*(array[at : at + missing] for array in found)))
                at += missing
                yield Pairs.joined(parts)
                parts, missing = [], size
            if at < len(found.entities):
                parts.append(Pairs(*(array[at:] for array in found)))
                missing -= len(found.entities) - at
        if parts:
            yield Pairs.joined(parts)

    def warn(self) -> None:
        """Of the records that the last pass has dropped."""
        count = self.count
        if count.dropped:
            log.warning(
                f"Dropped {count.dropped} of {count.records} records of the {self.channel.name} channel: they have no "
                f"entity, or their second column is not an IPv4 address. The first is {count.first}."
            )

    def empty(self) -> ClientError:
        """The last pass has found no pair."""
        count = self.count
        if count.records:
            return self.channel.fault(
                f"{count.first}: none of the {count.records} records has an entity and an IPv4 address"
            )
        kind = "training" if self.channel.name == "train" else self.channel.name
        return ClientError(f"No data in {kind} channel path {self.channel.path}")

    def _blocks(self, epoch: int) -> Iterator[Pairs]:
        self.count, turn = Count(), self._rank
        for path in self.channel.files(epoch):
            before = 0
            with opened(path) as file:
                try:
                    for block in lines(file):
                        if not before and block.startswith(_MARK):
                            del block[: len(_MARK)]
                        found, before = self._parsed(block, path.name, before)
                        if self._share > 1:
                            kept = len(found.entities)
                            found = Pairs(*(array[turn :: self._share] for array in found))
                            turn = (turn - kept) % self._share
                        yield found
                except FormatError as error:
                    raise self.channel.fault(f"file {path.name}, {error}") from error

    def _parsed(self, block: bytearray, file: str, before: int) -> tuple[Pairs, int]:
        """(its pairs, rows of the file up to its end). before: rows before it."""
        room = block.count(b"\n") + block.count(b"\r") + 1
        checksums, addresses = np.empty(room, np.uint32), np.empty(room, np.uint32)
        facts = np.zeros(parsing.FACTS, np.int64)
        parsing.pairs(np.frombuffer(block, np.uint8), checksums, addresses, facts)
        if fault := int(facts[parsing.FAULT]):
            raise FormatError(f"row {before + fault}: {_reason(int(facts[parsing.CELLS]))}")
        kept, dropped = int(facts[parsing.KEPT]), int(facts[parsing.DROPPED])
        self.count.records += int(facts[parsing.ROWS])
        if dropped and not self.count.dropped:
            self.count.first = f"file {file}, row {before + int(facts[parsing.FIRST])}"
        self.count.dropped += dropped
        return Pairs(numbers(checksums[:kept], self._vectors), addresses[:kept]), before + int(facts[parsing.ROWS])


def _reason(cells: int) -> str:
    if cells == 0:
        return "a quote is not closed, or something follows it"
    many = ". An entity with a comma must be in quotes" if cells > 2 else ""
    return f"Unable to parse entity or IP address correctly: expected 2 columns, found {cells}{many}"
