"""A keep-alive HTTP client that costs next to nothing, so that tests and benchmarks see the server alone."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any, NamedTuple

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature={zeros}"
)


class Answer(NamedTuple):
    """headers: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def authorization(service: str) -> str:
    """An Authorization header that says whom a request is for, without a valid signature."""
    return SIGNED.format(service=service, zeros="0" * 64)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as bytes; underscores in header names stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def json_call(service: str, target: str, version: str = "1.1", **members: Any) -> bytes:
    """A call in AWS's JSON protocol: target is ``SageMaker.DescribeTrainingJob`` or like it."""
    kind = f"application/x-amz-json-{version}"
    body = json.dumps(members).encode()
    return request("POST", "/", body, content_type=kind, x_amz_target=target, authorization=authorization(service))


class Raw:
    """One connection. Raises OSError where the server closes it."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = bytearray()

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, sent: bytes, *, head: bool = False) -> Answer:
        """Send a whole request and take its answer; head: it has no body whatever its length says."""
        self._socket.sendall(sent)
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = b"" if head else self._body(headers)
        return Answer(int(first.split()[1]), headers, body)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self._until(b"\r\n"), 16):
                pieces.append(self._take(size))
                self._until(b"\r\n")
            self._until(b"\r\n")
            return b"".join(pieces)
        return self._take(int(headers.get("content-length", "0")))

    def _until(self, end: bytes) -> bytes:
        while (at := self._rest.find(end)) < 0:
            self._more()
        return self._take(at + len(end))[:at]

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        taken = bytes(memoryview(self._rest)[:size])
        del self._rest[:size]
        return taken

    def _more(self) -> None:
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        self._rest += piece
