"""uvicorn, as a server process wants it: quiet, and with an end of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_KEEP_ALIVE = 75
_GRACE = 10
"""Seconds that open connections get at the end."""


class Listener(Server):
    """Serves an ASGI application on one socket until SIGTERM or SIGINT.

    ready: called once requests are answered. leave: called at the signal, before connections are waited for. uvicorn
    itself would end the process by the signal after its shutdown; this one returns from serve().
    """

    def __init__(self, asgi: Any, ready: Callable[[], None], leave: Callable[[], None]) -> None:
        settings = Config(
            asgi,
            http=HttpToolsProtocol,
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
