"""PUT and GET of 10 KB objects, 16 keep-alive clients on 1,000 keys, against moto_server."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.common import client, median, moto_server, server
from benchmarks.load import measure

_ROUNDS, _CLIENTS, _SECONDS, _KEYS = 3, 16, 4, 1_000
_BUCKET = "bench"
_BODY = os.urandom(10_240)
_SCOPE = "test/20260101/us-east-1/s3/aws4_request"


def _request(method: str, body: bytes = b"") -> bytes:
    return (
        f"{method} /{_BUCKET}/key-{{number}} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={_SCOPE}, SignedHeaders=host, Signature=0\r\n"
        f"x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _rates(url: str) -> list[float]:
    """PUTs and GETs a second."""
    address = url.removeprefix("http://")
    return [
        measure(address, request, _CLIENTS, _SECONDS)["rps"] for request in (_request("PUT", _BODY), _request("GET"))
    ]


def _fill(url: str) -> None:
    """Every key that a GET may ask for, however few PUTs a round comes to."""
    s3 = client("s3", url)
    s3.create_bucket(Bucket=_BUCKET)
    for number in range(_KEYS):
        s3.put_object(Bucket=_BUCKET, Key=f"key-{number:04}", Body=_BODY)


def run() -> Iterator[str]:
    ours, theirs = [], []
    with server() as handle, moto_server() as peer:
        for url in (handle.url, peer):
            _fill(url)
            _rates(url)  # the first round is to warm up
        for _ in range(_ROUNDS):
            ours.append(_rates(handle.url))
            theirs.append(_rates(peer))
    for number, what in enumerate(("PUT", "GET")):
        a, b = median([pair[number] for pair in ours]), median([pair[number] for pair in theirs])
        yield f"{what} of 10 KB: sagewright {a:,.0f}/s, moto_server {b:,.0f}/s, ratio {a / b:.1f} (reach >= 3)"
