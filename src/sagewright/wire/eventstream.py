"""The framing of event streams: messages of typed headers and a payload, each with two checksums.

    total length (4) | length of the headers (4) | CRC-32 of those 8 bytes (4)
    headers: length of the name (1) | name | type (1) | value ...
    payload
    CRC-32 of everything before it (4)

Numbers are big-endian. What is in the messages is for ``wire.events``.

Format: https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html and
https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from uuid import UUID
from zlib import crc32

MOST_HEADERS = 128 * 2**10
"""Bytes of all headers of a message."""
MOST_PAYLOAD = 24 * 2**20
"""Bytes of a message's payload."""

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_HEAD = _PRELUDE.size + _CRC.size
_AROUND = _HEAD + _CRC.size
"""Bytes of a message beside its headers and payload."""
_LONGEST_VALUE = 2**15 - 1
_LENGTH = struct.Struct(">H")


class BadFrame(ValueError):
    """The bytes are not a well-formed event stream."""


class Kind(IntEnum):
    """The type of a header's value; bytes(1) on the wire."""

    TRUE = 0
    FALSE = 1
    BYTE = 2
    SHORT = 3
    INTEGER = 4
    LONG = 5
    BYTES = 6
    STRING = 7
    TIMESTAMP = 8
    """Milliseconds since the epoch, as an int."""
    UUID = 9


_NUMBERS = {
    Kind.BYTE: struct.Struct(">b"),
    Kind.SHORT: struct.Struct(">h"),
    Kind.INTEGER: struct.Struct(">i"),
    Kind.LONG: struct.Struct(">q"),
    Kind.TIMESTAMP: struct.Struct(">q"),
}

Headers = Mapping[str, tuple[Kind, Any]]
"""By name: a type and a value of bool, int, bytes, str or UUID."""


@dataclass(frozen=True, slots=True)
class Message:
    headers: Headers = field(default_factory=dict)
    payload: bytes = b""

    def text(self, name: str) -> str:
        """A header of type string; empty where there is none."""
        kind, value = self.headers.get(name, (Kind.STRING, ""))
        return str(value) if kind is Kind.STRING else ""


def encode(message: Message) -> bytes:
    """Raises ValueError for headers or payloads beyond the limits."""
    headers = b"".join(_header(name, kind, value) for name, (kind, value) in message.headers.items())
    if len(headers) > MOST_HEADERS or len(message.payload) > MOST_PAYLOAD:
        raise ValueError("the message is larger than an event stream allows")
    prelude = _PRELUDE.pack(_AROUND + len(headers) + len(message.payload), len(headers))
    head = prelude + _CRC.pack(crc32(prelude)) + headers
    return b"".join((head, message.payload, _CRC.pack(crc32(message.payload, crc32(head)))))


def _header(name: str, kind: Kind, value: Any) -> bytes:
    label = name.encode("utf-8")
    if not 0 < len(label) < 256:
        raise ValueError(f"not a name of a header: {name!r:.80}")
    return bytes((len(label),)) + label + bytes((kind,)) + _value(kind, value)


def _value(kind: Kind, value: Any) -> bytes:
    if kind in _NUMBERS:
        try:
            return _NUMBERS[kind].pack(value)
        except struct.error as error:
            raise ValueError(str(error)) from None
    if kind is Kind.UUID:
        data: bytes = value.bytes
        return data
    if kind in (Kind.TRUE, Kind.FALSE):
        return b""
    data = value.encode("utf-8") if kind is Kind.STRING else bytes(value)
    if len(data) > _LONGEST_VALUE:
        raise ValueError(f"a header of {len(data)} bytes")
    return _LENGTH.pack(len(data)) + data


class Decoder:
    """feed() gives the messages that are complete; finish() tells whether one is missing its end.

    No more than one message is kept, and none is begun whose declared length is beyond the limits.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _HEAD
        self._begun = False
        """Whether the prelude at the head of the buffer has been checked."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Raises BadFrame."""
        self._buffer += data
        while len(self._buffer) >= self._needed:
            if not self._begun:
                self._needed = _check_prelude(self._buffer)
                self._begun = True
                continue
            frame = bytes(memoryview(self._buffer)[: self._needed])
            del self._buffer[: self._needed]
            self._needed, self._begun = _HEAD, False
            yield _message(frame)

    def finish(self) -> None:
        """The stream is over. Raises BadFrame when it was not to be yet."""
        if self._buffer:
            raise BadFrame("the stream ends in the middle of a message")


def decode(data: bytes) -> Message:
    """The one message that data holds. Raises BadFrame."""
    decoder = Decoder()
    found = list(decoder.feed(data))
    decoder.finish()
    if len(found) != 1:
        raise BadFrame(f"{len(found)} messages where one is expected")
    return found[0]


def _check_prelude(data: bytearray) -> int:
    """The length of the message at the head of data."""
    total, headers = _PRELUDE.unpack_from(data)
    if _CRC.unpack_from(data, _PRELUDE.size)[0] != crc32(data[: _PRELUDE.size]):
        raise BadFrame("the checksum of a prelude does not match")
    if headers > MOST_HEADERS or not 0 <= total - headers - _AROUND <= MOST_PAYLOAD:
        raise BadFrame(f"a message of {total} bytes with headers of {headers} bytes")
    return int(total)


def _message(frame: bytes) -> Message:
    if _CRC.unpack_from(frame, len(frame) - _CRC.size)[0] != crc32(frame[: -_CRC.size]):
        raise BadFrame("the checksum of a message does not match")
    end = _HEAD + _PRELUDE.unpack_from(frame)[1]
    return Message(_headers(frame[_HEAD:end]), frame[end : -_CRC.size])


def _headers(data: bytes) -> dict[str, tuple[Kind, Any]]:
    headers: dict[str, tuple[Kind, Any]] = {}
    reader = _Reader(data)
    while reader.left:
        try:
            name = reader.take(reader.take(1)[0]).decode("utf-8")
            kind = Kind(reader.take(1)[0])
            value = _read_value(kind, reader)
        except ValueError as error:  # a type that is unknown, text that is not UTF-8
            raise BadFrame(str(error)) from None
        if not name or name in headers:
            raise BadFrame(f"a header without a name of its own: {name!r}")
        headers[name] = (kind, value)
    return headers


def _read_value(kind: Kind, reader: _Reader) -> Any:
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        return number.unpack(reader.take(number.size))[0]
    if kind in (Kind.TRUE, Kind.FALSE):
        return kind is Kind.TRUE
    if kind is Kind.UUID:
        return UUID(bytes=reader.take(16))
    length = _LENGTH.unpack(reader.take(2))[0]
    if length > _LONGEST_VALUE:
        raise BadFrame(f"a header of {length} bytes")
    data = reader.take(length)
    return data.decode("utf-8") if kind is Kind.STRING else data


class _Reader:
    """Bytes taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise BadFrame("a header beyond the end of the headers")
        self._at += count
        return self._data[self._at - count : self._at]
