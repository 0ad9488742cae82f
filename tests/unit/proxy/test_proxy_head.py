"""Heads of requests to the proxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.wire.proxy.head import Refused, parse


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        (b"CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1", "sts.us-east-1.amazonaws.com", 443),
        (b"CONNECT PyPI.org.:8443 HTTP/1.0", "pypi.org", 8443),
        (b"CONNECT [::1]:443 HTTP/1.1", "::1", 443),
        (b"GET http://s3.amazonaws.com/bucket/key?x=1 HTTP/1.1", "s3.amazonaws.com", 80),
        (b"GET HTTP://example.com:8080 HTTP/1.1", "example.com", 8080),
    ],
)
def test_target(line: bytes, host: str, port: int) -> None:
    head = parse(line + b"\r\nHost: other.example\r\nUser-Agent: test")
    assert (head.host, head.port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"GET / HTTP/1.1",
        b"GET /relative HTTP/1.1\r\nHost: sts.us-east-1.amazonaws.com",
        b"CONNECT pypi.org HTTP/1.1",
        b"CONNECT pypi.org:notaport HTTP/1.1",
        b"CONNECT pypi.org:99999 HTTP/1.1",
        b"CONNECT user@pypi.org:443/path HTTP/1.1",
        b"CONNECT pypi.org:443/path HTTP/1.1",
        b"CONNECT :443 HTTP/1.1",
        b"CONNECT pypi.org:443",
        b"CONNECT  pypi.org:443 HTTP/1.1",
        b"CONNECT pypi.org:443 HTTP/2.0",
        b"GET https://pypi.org/ HTTP/1.1",
        b"GET ftp://pypi.org/ HTTP/1.1",
        b"GET http:///path HTTP/1.1",
        b"GET http://[::1/ HTTP/1.1",
        b"GET http://pypi.org/\x01 HTTP/1.1",
        b"G(T http://pypi.org/ HTTP/1.1",
        b"GET http://pypi.org/ HTTP/1.1\r\nno colon",
        b"GET http://pypi.org/ HTTP/1.1\r\nName : value",
        b"GET http://pypi.org/ HTTP/1.1\r\n folded: value",
        b"GET http://pypi.org/ HTTP/1.1\r\nX: a\nY: b",
        b"GET http://pypi.org/ HTTP/1.1\r\nX: \x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.status == 400


@given(st.binary(max_size=200))
def test_any_bytes(text: bytes) -> None:
    try:
        head = parse(text)
    except Refused:
        return
    assert head.host
    assert 0 <= head.port < 65536


def test_forwarded_to_the_host() -> None:
    head = parse(
        b"PUT http://Bucket.s3.amazonaws.com/a%20key?x=1&y HTTP/1.1\r\nHost: Bucket.s3.amazonaws.com\r\n"
        b"Proxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive, X-Hop\r\n"
        b"X-Hop: 1\r\nContent-Length: 3\r\nX-Amz-Meta-Name: caf\xe9"
    )
    assert head.forwarded(absolute=False) == (
        b"PUT /a%20key?x=1&y HTTP/1.1\r\nHost: Bucket.s3.amazonaws.com\r\nContent-Length: 3\r\n"
        b"X-Amz-Meta-Name: caf\xe9\r\nConnection: close\r\n\r\n"
    )


def test_forwarded_to_a_proxy() -> None:
    head = parse(b"GET http://user:pw@example.com:81 HTTP/1.0")
    assert head.forwarded(absolute=True, extra="Proxy-Authorization: Basic eA==\r\n") == (
        b"GET http://user:pw@example.com:81 HTTP/1.0\r\nHost: example.com:81\r\nConnection: close\r\n"
        b"Proxy-Authorization: Basic eA==\r\n\r\n"
    )
    assert head.forwarded(absolute=False).startswith(b"GET / HTTP/1.0\r\nHost: example.com:81\r\n")
