"""Chunk signatures, by the examples in AWS's documentation.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import pytest

from sagewright.core.errors import AwsError
from sagewright.wire import models
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.route import route
from sagewright.wire.signing.aws_chunked import BadChunks, Decoder
from sagewright.wire.signing.canonical import Key
from sagewright.wire.signing.verify import verify

KEY = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = 1_369_353_600.0  # 2013-05-24T00:00:00Z
PAYLOAD = b"a" * 66_560
PLAIN = (
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILED = (
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def decoder(seed: str, *, trailers: bool) -> Decoder:
    """For the example's request, whose own signature is verified on the way."""
    payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailers else "")
    names = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
    names = (
        names.replace("storage-class", "storage-class;x-amz-trailer")
        if trailers
        else f"content-encoding;content-length;{names[17:]}"
    )
    scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    headers = {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "content-length": "66824",
        "x-amz-content-sha256": payload,
        "x-amz-date": "20130524T000000Z",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={names},Signature={seed}",
    }
    if trailers:
        headers["x-amz-trailer"] = "x-amz-checksum-crc32c"
    request = HttpRequest("PUT", "/examplebucket/chunkObject.txt", "", Headers(headers.items()), Body.of(b""))
    put = models.operation("s3", "PutObject")
    assert verify(request, route(request), put, None, {KEY.access_key: KEY}.get, NOW) is KEY
    assert request.chunk_signatures is not None
    return Decoder(request.chunk_signatures)


def chunk(data: bytes, signature: str) -> bytes:
    return f"{len(data):x};chunk-signature={signature}\r\n".encode() + data + (b"\r\n" if data else b"")


def body(signatures: tuple[str, ...], end: bytes = b"\r\n", payload: bytes = PAYLOAD) -> bytes:
    first, second, last = signatures[1:]
    return chunk(payload[:65_536], first) + chunk(payload[65_536:], second) + chunk(b"", last) + end


def decoded(reader: Decoder, data: bytes, size: int = 1000) -> bytes:
    pieces = [bytes(piece) for at in range(0, len(data), size) for piece in reader.feed(data[at : at + size])]
    reader.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_the_documented_example(size: int) -> None:
    assert decoded(decoder(PLAIN[0], trailers=False), body(PLAIN), size) == PAYLOAD


def trailer(value: str = "sOO8/Q==", signature: str = TRAILER) -> bytes:
    signed = f"x-amz-trailer-signature:{signature}\r\n" if signature else ""
    return f"x-amz-checksum-crc32c:{value}\r\n{signed}\r\n".encode()


def test_the_documented_example_with_a_trailer() -> None:
    reader = decoder(TRAILED[0], trailers=True)
    assert decoded(reader, body(TRAILED, trailer())) == PAYLOAD
    assert reader.trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}


@pytest.mark.parametrize(
    "data",
    [
        body(PLAIN, payload=PAYLOAD[:-1] + b"b"),
        body(PLAIN, payload=b"b" + PAYLOAD[1:]),
        body((PLAIN[0], PLAIN[1], PLAIN[2], PLAIN[1])),
        body((PLAIN[0], PLAIN[2], PLAIN[1], PLAIN[3])),
        body(PLAIN).replace(b";chunk-signature=", b";x="),
        b"0\r\n\r\n",
        chunk(PAYLOAD[:65_536], PLAIN[1]) + chunk(b"", PLAIN[3]) + b"\r\n",
    ],
)
def test_anything_else_is_refused_before_it_counts(data: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        decoded(decoder(PLAIN[0], trailers=False), data)
    error = caught.value
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
    assert error.members["StringToSign"].startswith("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n")


def test_a_chunk_is_given_out_whole_only_when_it_is_good() -> None:
    pieces = decoder(PLAIN[0], trailers=False).feed(chunk(b"b" * 65_536, PLAIN[1]))
    with pytest.raises(AwsError):
        next(pieces)


@pytest.mark.parametrize("end", [trailer("AAAAAA=="), trailer(signature=""), trailer(signature="0" * 64), b"\r\n"])
def test_trailers_are_signed_too(end: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        decoded(decoder(TRAILED[0], trailers=True), body(TRAILED, end))
    assert caught.value.code == "SignatureDoesNotMatch"


def test_a_trailer_that_nobody_signed() -> None:
    with pytest.raises(AwsError, match="MalformedTrailerError"):
        decoded(decoder(PLAIN[0], trailers=False), body(PLAIN, trailer(signature="")))


def test_a_body_that_ends_early() -> None:
    with pytest.raises(BadChunks):
        decoded(decoder(PLAIN[0], trailers=False), body(PLAIN)[:70_000][:66_000])
