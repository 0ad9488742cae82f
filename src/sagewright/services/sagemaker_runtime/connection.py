"""Keep-alive HTTP/1.1 connections to one model server: asyncio protocols around httptools' response parser.

InvokeEndpoint's own share of a request's time is what this file is measured by, so it has no layers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, cast

import httptools


class Reply(NamedTuple):
    """headers: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ConnectionLost(ConnectionError):
    """The model server hung up. unanswered: before it sent anything."""

    def __init__(self, unanswered: bool) -> None:
        super().__init__("the model server closed the connection")
        self.unanswered = unanswered


class Connection(asyncio.Protocol):
    """One connection, one request at a time. reusable: another request may follow."""

    def __init__(self) -> None:
        self.reusable = True
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    def _begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._answering = False
        self._until_close = False

    def send(self, head: bytes, body: bytes) -> asyncio.Future[Reply]:
        """The reply to come. It raises ConnectionLost, or ValueError for what is not HTTP."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(ConnectionLost(unanswered=True))
            return future
        self._waiting = future
        if len(body) < 65_536:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        return future

    def close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has all of its methods, and is none

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.close()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._settle(ValueError(f"the model server did not answer in HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        if self._until_close:
            self.on_message_complete()
        else:
            self._settle(ConnectionLost(unanswered=not self._answering))

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._answering = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        framed = "content-length" in self._headers or "transfer-encoding" in self._headers
        self._until_close = not framed and self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # 100 Continue and its kin go before the reply
            self._begin()
            return
        self.reusable = self.reusable and not self._until_close and self._parser.should_keep_alive()
        reply = Reply(status, self._headers, b"".join(self._body))
        self._begin()
        self._settle(reply)

    def _settle(self, result: Reply | Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done():
            return
        if isinstance(result, Exception):
            waiting.set_exception(result)
        else:
            waiting.set_result(result)


class Pool:
    """Connections to one instance's model server. outstanding: requests under way. closed: keeps no connection."""

    def __init__(self, address: str, port: int) -> None:
        self.outstanding = 0
        self.address = address
        self.port = port
        self._host = f"Host: {address}:{port}\r\n".encode()
        self._idle: list[Connection] = []
        self.closed = False

    async def post(self, path: str, headers: bytes, body: bytes, timeout: float) -> Reply:
        """headers: complete lines. timeout: seconds. Raises TimeoutError, OSError (ConnectionLost), ValueError."""
        head = self.head(path, headers, body)
        self.outstanding += 1
        try:
            while self._idle:
                try:
                    return await self._exchange(self._idle.pop(), head, body, timeout)
                except ConnectionLost as lost:
                    if not lost.unanswered:
                        raise
            # the server had closed each idle connection; a fresh one tells whether it is there
            return await self._exchange(await self._connect(timeout), head, body, timeout)
        finally:
            self.outstanding -= 1

    def head(self, path: str, headers: bytes, body: bytes) -> bytes:
        """What goes before a body. headers: complete lines."""
        return b"POST %s HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n" % (path.encode(), self._host, headers, len(body))

    def close(self) -> None:
        """Close what is idle now and the others after their reply."""
        self.closed = True
        while self._idle:
            self._idle.pop().close()

    async def _connect(self, timeout: float) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            _, connection = await loop.create_connection(Connection, self.address, self.port)
        return connection

    async def _exchange(self, connection: Connection, head: bytes, body: bytes, timeout: float) -> Reply:
        reply = connection.send(head, body)
        timer = asyncio.get_running_loop().call_later(timeout, _expire, reply)
        try:
            return await reply
        except BaseException:
            connection.close()
            raise
        finally:
            timer.cancel()
            if connection.reusable and not self.closed:
                self._idle.append(connection)
            else:
                connection.close()


def _expire(reply: asyncio.Future[Reply]) -> None:
    if not reply.done():
        reply.set_exception(TimeoutError())
