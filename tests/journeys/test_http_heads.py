"""Requests no client sends: a real server answers, or hangs up, and goes on."""

from __future__ import annotations

import socket
import time
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def exchange(server, *pieces: bytes, seconds: float = 10) -> bytes:
    """All that the server sends until it closes the connection."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=seconds)) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                answer += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer


def alive(server) -> bool:
    return b"200 OK" in exchange(server, b"GET /_sagewright/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    "endless",
    [
        b"X: " + b"y" * 65_536,
        b"X: y\r\n" * 4_096,
        b"y" * 65_536,
    ],
)
def test_heads_without_end(sagewright_server, endless):
    began = time.monotonic()
    answer = exchange(sagewright_server, b"GET / HTTP/1.1\r\nHost: x\r\n", *[endless] * 500)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert time.monotonic() - began < 10
    assert alive(sagewright_server)


def test_trailers_without_end(sagewright_server):
    head = b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    exchange(sagewright_server, head, *[b"X: y\r\n" * 4_096] * 200)
    assert alive(sagewright_server)


@pytest.mark.parametrize(
    "size", [b"18446744073709551615", b"99999999999999999999999", b"-1", b"+5", b"0x10", b"5, 6", b""]
)
def test_declared_lengths(sagewright_server, size):
    """Longer than anything, or no number: refused at once, or when the body does not come."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: SageMaker.CreateModel\r\nContent-Length: %s\r\n\r\n{}" % size
    answer = exchange(sagewright_server, head)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert alive(sagewright_server)


_LINE = st.binary(max_size=40) | st.sampled_from(
    [
        b"Host: x",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"Expect: 100-continue",
        b"Content-Encoding: gzip",
    ]
)
_START = st.binary(max_size=30) | st.sampled_from(
    [b"GET / HTTP/1.1", b"POST /%zz?a=%ff HTTP/1.1", b"PUT /\xc3\xa9/k HTTP/1.0"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_START, st.lists(_LINE, max_size=5), st.binary(max_size=60))
def test_heads_of_any_form(sagewright_server, start, lines, body):
    answer = exchange(sagewright_server, b"\r\n".join([start, *lines, b"Connection: close", b"", body]))
    assert not answer.startswith(b"HTTP/1.1 50"), answer


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"\x81" * 1000, b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", b"{}", b"\xa0\xa0", b"\x80", b"\xa1\x00\x00"],
)
def test_malformed_cbor(sagewright_server, body):
    head = (
        b"POST /service/GraniteServiceVersion20100801/operation/ListMetrics HTTP/1.1\r\nHost: x\r\n"
        b"Smithy-Protocol: rpc-v2-cbor\r\nContent-Type: application/cbor\r\nConnection: close\r\n"
    )
    answer = exchange(sagewright_server, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"smithy-protocol: rpc-v2-cbor" in answer
    assert b"SerializationException" in answer
