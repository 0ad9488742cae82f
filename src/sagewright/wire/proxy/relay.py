"""The two sides of a relayed connection: bytes from each go to the other, as fast as the slower one takes them."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, Protocol

from sagewright.wire.proxy.head import Head, Refused, parse

_log = logging.getLogger(__name__)

_HEAD_LIMIT = 32 * 1024
_HEAD_TIMEOUT = 30.0
_TLS_TIMEOUT = 30.0
_BUFFER = 512 * 1024
"""Bytes waiting for one side before the other is no longer read."""

_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}


class Peer(Protocol):
    """What a side knows of the other."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes from there."""

    def write(self, data: bytes) -> None: ...
    def end(self) -> None:
        """Nothing more goes there."""

    def close(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Side(asyncio.Protocol):
    """One side of a relay. opened: the sides with a connection, kept for whoever has to drop them all."""

    def __init__(self, opened: set[Side]) -> None:
        self.peer: Peer | None = None
        self.unread = b""
        """Received before there was a peer."""
        self.is_over = False
        self._opened = opened
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.attach(transport)
        self.pause()

    def attach(self, transport: Any) -> None:
        """transport: also the one after a switch to TLS, for which connection_made is not called."""
        self._transport = transport
        self._opened.add(self)
        transport.set_write_buffer_limits(high=_BUFFER)

    def data_received(self, data: bytes) -> None:
        if self.peer is None:
            self.unread += data
        else:
            self.peer.write(data)

    def eof_received(self) -> bool:
        """The other direction goes on where it can; TLS has no half-closed state and ends here."""
        self.is_over = True
        if self.peer is None:
            return False
        self.peer.end()
        return self._transport.can_write_eof() and not self.peer.is_over

    def connection_lost(self, error: Exception | None) -> None:
        self._opened.discard(self)
        self.is_over = True
        if self.peer is not None:
            self.peer.close()

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.pause()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.resume()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def join(self, other: Side) -> None:
        """Relay between the two from now on."""
        self.peer, other.peer = other, self
        for side, to in ((self, other), (other, self)):
            if side.unread:
                to.write(side.unread)
                side.unread = b""
            if not side.is_open:
                to.close()
            side.resume()

    def write(self, data: bytes) -> None:
        if self.is_open:
            self._transport.write(data)

    def end(self) -> None:
        if not self.is_open:
            return
        if self._transport.can_write_eof() and not self.is_over:
            self._transport.write_eof()
        else:
            self._transport.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        if self.is_open:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self.is_open:
            self._transport.resume_reading()


class Front(Side):
    """A client's connection: reads the head of its request, then is one side of a relay.

    serve: called once with this side, the head and what came after it; calls one of refuse, begin and begin_tls.
    """

    def __init__(self, opened: set[Side], serve: Callable[[Front, Head, bytes], None]) -> None:
        super().__init__(opened)
        self._serve = serve
        self._text = b""
        self._is_waiting = True
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.attach(transport)
        timeout = Refused(408, f"no request within {_HEAD_TIMEOUT:.0f} s")
        self._deadline = asyncio.get_running_loop().call_later(_HEAD_TIMEOUT, self.refuse, timeout)

    def data_received(self, data: bytes) -> None:
        if not self._is_waiting:
            super().data_received(data)
            return
        self._text += data
        text, found, rest = self._text.partition(b"\r\n\r\n")
        if not found and len(self._text) <= _HEAD_LIMIT:
            return
        self._stop_waiting()
        self.pause()
        try:
            if len(text) > _HEAD_LIMIT:
                raise Refused(431, f"request head above {_HEAD_LIMIT} bytes")
            self._serve(self, parse(text), rest)
        except Refused as refused:
            self.refuse(refused)

    def eof_received(self) -> bool:
        return not self._is_waiting and super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(error)

    def refuse(self, refused: Refused) -> None:
        """An error status, and the end."""
        self._stop_waiting()
        text = f"sagewright proxy: {refused}\n".encode()
        head = (
            f"HTTP/1.1 {refused.status} {_REASONS[refused.status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        self.write(head.encode() + text)
        self.close()

    def establish(self, other: Side, early: bytes) -> None:
        """Tell the client that its tunnel is there, and relay."""
        self.write(_ESTABLISHED)
        self.begin(other, early)

    def begin(self, other: Side, early: bytes) -> None:
        """Relay to other; early: what the client sent after its head."""
        self.unread = early + self.unread
        self.join(other)

    async def begin_tls(self, other: Side, context: ssl.SSLContext) -> None:
        """Tell the client that its tunnel is there, speak TLS with it and relay what is inside to other."""
        if not self.is_open:
            other.abort()
            return
        inside = Side(self._opened)
        inside.peer, other.peer = other, inside
        self.write(_ESTABLISHED)
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport, inside, context, server_side=True, ssl_handshake_timeout=_TLS_TIMEOUT
            )
        except OSError as error:
            _log.warning("a client broke off TLS, as one does that does not trust the authority: %s", error)
            transport = None
        self._opened.discard(self)
        if transport is None:
            self.abort()
            other.abort()
            return
        inside.attach(transport)
        other.resume()

    def _stop_waiting(self) -> None:
        self._is_waiting = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
