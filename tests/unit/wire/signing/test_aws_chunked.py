"""aws-chunked bodies, whole and cut at every byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.wire.signing.aws_chunked import BadChunks, Decoder

_SIGNATURE = b";chunk-signature=" + b"0" * 64


def _encode(chunks: list[bytes], trailers: bytes = b"", signature: bytes = b"") -> bytes:
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), signature, chunk) for chunk in chunks if chunk)
    return body + b"0" + signature + b"\r\n" + trailers + b"\r\n"


def _decode(pieces: list[bytes]) -> tuple[bytes, dict[str, str]]:
    decoder = Decoder()
    payload = b"".join(bytes(part) for piece in pieces for part in decoder.feed(piece))
    decoder.finish()
    return payload, decoder.trailers


@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans(), st.booleans(), st.integers(1, 7))
def test_any_cut_gives_the_payload(chunks: list[bytes], signed: bool, trailing: bool, size: int) -> None:
    trailers = b"x-amz-checksum-crc32:AAAAAA==\r\nX-Amz-Trailer-Signature: ff\r\n" if trailing else b""
    body = _encode(chunks, trailers, _SIGNATURE if signed else b"")
    payload, found = _decode([body[at : at + size] for at in range(0, len(body), size)])
    assert payload == b"".join(chunks)
    assert found == ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-trailer-signature": "ff"} if trailing else {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"5\r\nhel",
        b"5\r\nhello\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"hello",
        b"5\r\nhello\r\n0\r\n\r\nmore",
        b"f" * 17 + b"\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"1" * 10_000,
    ],
)
def test_a_malformed_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadChunks):
        _decode([body])


def test_the_last_empty_line_may_be_missing() -> None:
    assert _decode([b"3\r\nabc\r\n0\r\n"]) == (b"abc", {})


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise_anything_else(body: bytes) -> None:
    try:
        _decode([body])
    except BadChunks:
        return
