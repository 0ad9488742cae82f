"""As much of an HTTP/1.1 client as the agent needs; http.client would double its start."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

_CHUNK = 1024 * 1024


class Broken(Exception):
    """The connection failed or said nonsense; the request may be tried again."""


class Response:
    """An answer, its body still to be read. headers: lower-case names."""

    def __init__(self, status: int, headers: dict[str, str], source: BinaryIO, empty: bool) -> None:
        self.status = status
        self.headers = headers
        self._source = source
        self._chunked = "chunked" in headers.get("transfer-encoding", "")
        self._left = 0 if empty or self._chunked else int(headers.get("content-length", "0"))
        self._done = empty

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece. Raises Broken."""
        while piece := self.read(_CHUNK):
            yield piece

    def body(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """The body whole. Raises Broken, also when it is longer than limit."""
        parts = []
        for piece in self.chunks():
            parts.append(piece)
            limit -= len(piece)
            if limit < 0:
                raise Broken("an answer too long")
        return b"".join(parts)

    def read(self, size: int = _CHUNK) -> bytes:
        """At most size bytes of the body; none at its end. Raises Broken."""
        if self._done:
            return b""
        try:
            if self._chunked and self._left == 0:
                self._left = int(self._source.readline(1024).split(b";")[0], 16)
                if self._left == 0:
                    self._skip_trailers()
            if self._left == 0:
                self._done = True
                return b""
            piece = self._source.read(min(size, self._left))
            if not piece:
                raise Broken("the answer ended early")
            self._left -= len(piece)
            if self._chunked and self._left == 0:
                self._source.readline(2)
        except (OSError, ValueError) as error:
            raise Broken(str(error)) from None
        return piece

    def _skip_trailers(self) -> None:
        while self._source.readline(65536).strip():
            pass


class Connection:
    """A kept-alive connection. timeout: seconds of silence, or to connect. ``host`` is what it says in its requests."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self.host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise Broken(f"{self.host}: {error}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._source = self._socket.makefile("rb")

    def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: Callable[[], Iterable[bytes]] | None = None,
    ) -> Response:
        """Send a request and read the answer's head; a body comes in pieces, its Content-Length is the caller's.

        Raises Broken.
        """
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in headers]
        try:
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            for piece in body() if body else ():
                self._socket.sendall(piece)
            return self._response(method)
        except (OSError, ValueError, IndexError) as error:
            raise Broken(f"{self.host}: {error}") from None

    def _response(self, method: str) -> Response:
        status = int(self._source.readline(65536).split(None, 2)[1])
        headers = {}
        while line := self._source.readline(65536).strip():
            name, _, value = line.partition(b":")
            headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
        if 100 <= status < 200:
            return self._response(method)
        empty = method == "HEAD" or status in (204, 304)
        return Response(status, headers, self._source, empty)

    def close(self) -> None:
        self._source.close()
        self._socket.close()
