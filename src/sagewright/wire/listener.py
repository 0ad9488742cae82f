"""uvicorn, as a server process wants it: quiet, and with an end of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_KEEP_ALIVE = 75
"""Seconds that a connection may stay without a request, and that the head of one may take."""
_LONGEST_HEAD = 65_536
"""Bytes of the request line and all headers; S3 itself takes 8 KB."""
_GRACE = 10
"""Seconds that open connections get at the end."""


class _Protocol(HttpToolsProtocol):
    """uvicorn's, which would keep a request's head, or the trailers of its body, however long they grow or take."""

    patience: float = _KEEP_ALIVE
    _head = 0
    """Bytes since the parser last came to the end of a head, or to a piece of a body."""
    _slow: asyncio.TimerHandle | None = None
    """Ends a connection whose head does not come; uvicorn waits for the next one only after an answer."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._slow = self.loop.call_later(self.patience, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if not self._head:
            self._in_time()
        elif self._slow is None:
            self._slow = self.loop.call_later(self.patience, self.transport.close)
        if self._head > _LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The header section of the request is too large.")

    def _in_time(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def on_headers_complete(self) -> None:
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head = 0
        if self.cycle.body or self.cycle.response_complete:
            super().on_body(body)
            return
        self.cycle.body = body  # type: ignore[assignment]  # uvicorn would copy it, and once more to hand it over
        if len(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._head = 0
        super().on_message_complete()


class Listener(Server):
    """Serves an ASGI application on one socket until SIGTERM or SIGINT.

    ready: called once requests are answered. leave: called at the signal, before connections are waited for. uvicorn
    itself would end the process by the signal after its shutdown; this one returns from serve().
    """

    def __init__(self, asgi: Any, ready: Callable[[], None], leave: Callable[[], None]) -> None:
        settings = Config(
            asgi,
            http=_Protocol,
            interface="asgi3",
            proxy_headers=False,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(settings)
        self._ready = ready
        self._leave = leave

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def _end(self) -> None:
        self._leave()
        self.should_exit = True
