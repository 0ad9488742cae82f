"""Frames of event streams, against botocore's reader and by hand."""

import struct
import uuid
import zlib
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.wire.eventstream import BadFrame, Decoder, Kind, Message, decode, encode

_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TRUE: st.just(True),
    Kind.FALSE: st.just(False),
    Kind.BYTE: st.integers(-(2**7), 2**7 - 1),
    Kind.SHORT: st.integers(-(2**15), 2**15 - 1),
    Kind.INTEGER: st.integers(-(2**31), 2**31 - 1),
    Kind.LONG: st.integers(-(2**63), 2**63 - 1),
    Kind.BYTES: st.binary(max_size=40),
    Kind.STRING: st.text(st.characters(codec="utf-8"), max_size=20),
    Kind.TIMESTAMP: st.integers(-(2**40), 2**50),
    Kind.UUID: st.uuids(),
}
_HEADER = st.sampled_from(Kind).flatmap(lambda kind: st.tuples(st.just(kind), _VALUES[kind]))
_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
MESSAGES = st.builds(Message, st.dictionaries(_NAMES, _HEADER, max_size=6), st.binary(max_size=100))


@given(st.lists(MESSAGES, max_size=4), st.integers(1, 50))
def test_messages_survive_in_chunks_of_any_size(messages: list[Message], size: int) -> None:
    data = b"".join(map(encode, messages))
    decoder = Decoder()
    found = [one for at in range(0, len(data), size) for one in decoder.feed(data[at : at + size])]
    decoder.finish()
    assert found == messages


@given(MESSAGES)
def test_botocore_reads_them(message: Message) -> None:
    reader = EventStreamBuffer()
    reader.add_data(encode(message))
    found = next(reader)
    wanted = {
        name: value.bytes if isinstance(value, uuid.UUID) else value for name, (_, value) in message.headers.items()
    }
    assert found.headers == wanted
    assert found.payload == message.payload


def frame(headers: bytes, payload: bytes = b"") -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return head + struct.pack(">I", zlib.crc32(head))


def prelude(total: int, headers: int) -> bytes:
    packed = struct.pack(">II", total, headers)
    return packed + struct.pack(">I", zlib.crc32(packed))


GOOD = frame(b"\x01a\x07\x00\x01b", b"payload")


def test_a_frame_by_hand() -> None:
    assert decode(GOOD) == Message({"a": (Kind.STRING, "b")}, b"payload")


@pytest.mark.parametrize(
    "data",
    [
        GOOD[:-1] + bytes((GOOD[-1] ^ 1,)),  # its checksum
        GOOD[:20] + b"X" + GOOD[21:],  # its payload
        b"\x00\x00\x10\x00" + GOOD[4:],  # its length
        GOOD[:-1],
        GOOD + GOOD,
        GOOD[:5],
        b"",
        prelude(0xFFFFFFFF, 0),
        prelude(15, 0),
        prelude(16, 1),
        prelude(2**20, 2**17 + 1),
        prelude(24 * 2**20 + 17, 0),
        frame(b"\x01a\x0a"),  # a type that does not exist
        frame(b"\x01a\x07\x00\x02b"),
        frame(b"\x01a\x07\xff\xffb"),
        frame(b"\x01a\x07\x00\x01\xff"),
        frame(b"\x00\x00"),
        frame(b"\x02a"),
        frame(b"\x01a\x08\x00"),
        frame(b"\x01a\x09\x00"),
        frame(b"\x01a\x00\x01a\x01"),  # one name twice
    ],
)
def test_malformed_frames(data: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(data)


def test_a_declared_length_takes_no_memory() -> None:
    decoder = Decoder()
    assert list(decoder.feed(prelude(24 * 2**20 + 16, 0))) == []
    with pytest.raises(BadFrame):
        decoder.finish()


@pytest.mark.parametrize(
    "message",
    [
        Message({"a": (Kind.BYTES, b"x" * 2**15)}),
        Message({"a" * 256: (Kind.TRUE, True)}),
        Message({"": (Kind.TRUE, True)}),
        Message({"a": (Kind.BYTE, 200)}),
        Message({f"h{number}": (Kind.BYTES, b"x" * 30_000) for number in range(5)}),
        Message({}, bytes(24 * 2**20 + 1)),
    ],
)
def test_what_does_not_fit_is_not_written(message: Message) -> None:
    with pytest.raises(ValueError):
        encode(message)


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 30))
def test_random_bytes(data: bytes, at: int) -> None:
    """Also inside a message whose checksums are right."""
    for tried in (data, GOOD[:at] + data, frame(data), frame(data[:at], data[at:])):
        decoder = Decoder()
        try:
            list(decoder.feed(tried))
            decoder.finish()
        except BadFrame:
            pass
