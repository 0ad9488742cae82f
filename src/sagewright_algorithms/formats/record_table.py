"""Many protobuf Records read side by side: each step reads the same field of all of them.

A serialized message is a sequence of tag, length and content. Writers put the fields of a Record in one order, so that
the n-th field of every record is read at once, however long it is in each. What is written otherwise is left to
protobuf itself. https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Indices = NDArray[np.int64]

_BYTES = {0x12: "<f4", 0x1A: "<f8", 0x3A: None}
"""A Value's tag -> what its tensor's values are; None: varints."""
_KEY = b"\x0a\x06values"
_TEXTS = (0x1A, 0x22, 0x2A)
"""A Record's uid, metadata and configuration."""
_VARINT = 10
_SHORT = 16


class Unlike(Exception):
    """The records are not all written in the expected order."""


@dataclass(frozen=True, slots=True)
class Spans:
    """A place in each record: from begin up to end, in bytes of the data; empty where the record has none."""

    begin: Indices
    end: Indices

    @property
    def lengths(self) -> Indices:
        return self.end - self.begin

    @property
    def empty(self) -> bool:
        return bool((self.begin == self.end).all())


@dataclass(frozen=True, slots=True)
class Tensor:
    """Of each record. kind: the tag of all of them."""

    kind: int
    values: Spans
    keys: Spans
    shape: Spans


class Table:
    """data: that holds the records' payloads. spans: where."""

    def __init__(self, data: bytes | bytearray, spans: Spans) -> None:
        self._data = np.frombuffer(data, np.uint8)
        self._raw = memoryview(data)
        self._spans = spans

    def tensors(self) -> tuple[Tensor, Tensor | None]:
        """(features, label) named ``values``; the label is None where no record has one. Raises Unlike."""
        if not len(self._data):
            raise Unlike
        features, at = self._field(self._spans, 0x0A)
        label, at = self._field(at, 0x12)
        for tag in _TEXTS:
            _, at = self._field(at, tag)
        if not at.empty:
            raise Unlike
        return self._named(features), None if label.empty else self._named(label)

    def _field(self, spans: Spans, tag: int) -> tuple[Spans, Spans]:
        """The content of the field that the spans begin with, and what comes after it. Raises Unlike."""
        at, stop = spans.begin, spans.end
        found = (at < stop) & (self._data.take(at, mode="clip") == tag)
        if not found.any():
            return Spans(at, at), spans
        lengths, begin = self._varint(at + 1)
        end = begin + lengths
        if not found.all():
            begin, end = np.where(found, begin, at), np.where(found, end, at)
        if (end > stop).any():
            raise Unlike
        return Spans(begin, end), Spans(end, stop)

    def _varint(self, at: Indices) -> tuple[Indices, Indices]:
        """The lengths there, and where they end."""
        byte = self._data.take(at, mode="clip").astype(np.int64)
        value, at = byte & 0x7F, at + 1
        shift = 7
        while (more := byte >= 0x80).any():
            if shift > 28:
                raise Unlike
            byte = np.where(more, self._data.take(at, mode="clip").astype(np.int64), 0)
            value |= (byte & 0x7F) << shift
            at = at + more
            shift += 7
        return value, at

    def _named(self, entry: Spans) -> Tensor:
        """The tensor of an entry of a map of Values."""
        at = entry.begin
        for offset, byte in enumerate(_KEY):
            if (self._data.take(at + offset, mode="clip") != byte).any():
                raise Unlike
        value = self._last(Spans(at + len(_KEY), entry.end), 0x12)
        kind = int(self._data[value.begin[0]]) if value.begin[0] < value.end[0] else 0
        if kind not in _BYTES:
            raise Unlike
        tensor = self._last(value, kind)
        values, tensor = self._field(tensor, 0x0A)
        keys, tensor = self._field(tensor, 0x12)
        shape, tensor = self._field(tensor, 0x1A)
        if not tensor.empty:
            raise Unlike
        return Tensor(kind, values, keys, shape)

    def _last(self, spans: Spans, tag: int) -> Spans:
        """The field that the spans are, in all records."""
        found, rest = self._field(spans, tag)
        if not rest.empty or (found.begin == spans.begin).any():
            raise Unlike
        return found

    def numbers(self, tensor: Tensor) -> tuple[Array, Indices]:
        """The values of all records as float32, and how many each has."""
        spans, kind = tensor.values, _BYTES[tensor.kind]
        if kind is None:
            found, counts = self.integers(spans)
            return found.view(np.int64).astype(np.int32).astype(np.float32), counts
        size = np.dtype(kind).itemsize
        if (spans.lengths % size).any():
            raise Unlike
        counts = spans.lengths // size
        values = self._bytes(spans).view(kind).reshape(-1)
        # A double beyond float32 is infinite to the algorithms' checks.
        with np.errstate(over="ignore", invalid="ignore"):
            return values.astype(np.float32, copy=False), counts

    def _bytes(self, spans: Spans) -> Array:
        """The spans' bytes, one after another."""
        begin, lengths = spans.begin, spans.lengths
        length = int(lengths[0])
        if (lengths == length).all():
            steps = np.diff(begin)
            if len(steps) and steps[0] > 0 and (steps == steps[0]).all():
                strides = (int(steps[0]), 1)
                view: Array = np.ndarray((len(begin), length), np.uint8, self._raw, int(begin[0]), strides)
                return view.copy().reshape(-1)
            if length <= _SHORT:
                return self._data.take(begin[:, None] + np.arange(length)).reshape(-1)
        whole = bytes(self._raw)
        pieces = zip(begin.tolist(), spans.end.tolist(), strict=True)
        return np.frombuffer(b"".join([whole[begin:end] for begin, end in pieces]), np.uint8)

    def integers(self, spans: Spans) -> tuple[NDArray[np.uint64], Indices]:
        """The packed varints of all records, and how many each has. Raises Unlike."""
        data = self._bytes(spans)
        stops = np.r_[0, np.cumsum(spans.lengths)]
        last = data < 0x80
        before = np.r_[0, np.cumsum(last)]
        counts = np.diff(before[stops])
        ends = np.flatnonzero(last)
        begins = np.r_[0, ends[:-1] + 1][: len(ends)]
        full = stops[1:][spans.lengths > 0]
        if not last[full - 1].all() or (len(ends) and (ends - begins).max() >= _VARINT):
            raise Unlike
        found = np.zeros(len(ends), np.uint64)
        for place in range(int((ends - begins).max(initial=-1)) + 1):
            bytes_ = data.take(begins + place, mode="clip").astype(np.uint64) & np.uint64(0x7F)
            found |= np.where(begins + place <= ends, bytes_, 0).astype(np.uint64) << np.uint64(7 * place)
        return found, counts
