"""The proxy itself: what becomes of each request.

    CONNECT sts.us-east-1.amazonaws.com:443    TLS is answered here, the bytes inside go to the server's own port
    CONNECT pypi.org:443                       a plain tunnel there, or through the upstream proxy
    GET http://... HTTP/1.1                    the same for plain HTTP, one request a connection

The Host header is left as it is, so that the server sees whom the client meant.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from ipaddress import ip_address

from sagewright.wire.authority import Authority, is_aws
from sagewright.wire.proxy.head import Head, Refused
from sagewright.wire.proxy.relay import Front, Side
from sagewright.wire.proxy.upstream import Answer, Upstream, bypasses

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT = 20.0
_BACKLOG = 512


class Proxy:
    """authority: whose certificates are shown. target: the server's own host and port.

    upstream: URL of the proxy for hosts that are not AWS's (http or https, with credentials where it wants them), or
    empty. no_proxy: hosts that one is not for, comma-separated; by default NO_PROXY's. Raises ValueError for an
    upstream that is no such URL.
    """

    def __init__(
        self, authority: Authority, target: tuple[str, int], upstream: str = "", no_proxy: str | None = None
    ) -> None:
        self._authority = authority
        self._target = target
        self._upstream = Upstream.parse(upstream)
        named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
        self._no_proxy = named if no_proxy is None else no_proxy
        self._listener: asyncio.Server | None = None
        self._opened: set[Side] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the port taken: the one asked for where it is free, else any. Raises ValueError off loopback."""
        if host != "localhost" and not ip_address(host).is_loopback:
            raise ValueError(f"the proxy listens on loopback only, not on {host}")
        try:
            self._listener = await self._listen(host, port)
        except (OSError, OverflowError):
            self._listener = await self._listen(host, 0)
        taken: int = self._listener.sockets[0].getsockname()[1]
        if self._upstream is not None and self._upstream.is_at(host, taken):
            self._upstream = None  # a shell set up for an earlier server started this one
        return taken

    async def _listen(self, host: str, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Front(self._opened, self._take_up), host, port, backlog=_BACKLOG)

    async def stop(self) -> None:
        """Stop listening and drop what is open."""
        if self._listener is not None:
            self._listener.close()
        for task in self._tasks:
            task.cancel()
        for side in list(self._opened):
            side.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the loop's next turn

    def _take_up(self, front: Front, head: Head, early: bytes) -> None:
        task = asyncio.create_task(self._answer(front, head, early))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, front: Front, head: Head, early: bytes) -> None:
        try:
            await (self._connect if head.method == "CONNECT" else self._forward)(front, head, early)
        except Refused as refused:
            front.refuse(refused)
        except (OSError, ValueError) as error:
            front.refuse(Refused(502, f"{head.place}: {error}"))

    async def _connect(self, front: Front, head: Head, early: bytes) -> None:
        if not is_aws(head.host):
            front.establish(await self._reach(head), early)
        elif head.port == 80:
            front.establish(await self._open(*self._target), early)
        elif early:
            raise Refused(400, "TLS has to wait for the answer to CONNECT")
        else:
            context = await self._authority.context(head.host)
            await front.begin_tls(await self._open(*self._target), context)

    async def _forward(self, front: Front, head: Head, early: bytes) -> None:
        upstream = self._upstream_for(head)
        if is_aws(head.host):
            other, first = await self._open(*self._target), head.forwarded(absolute=False)
        elif upstream is not None:
            other = await self._open_upstream(upstream)
            first = head.forwarded(absolute=True, extra=upstream.authorization)
        else:
            other, first = await self._open(head.host, head.port), head.forwarded(absolute=False)
        other.write(first)
        front.begin(other, early)

    def _upstream_for(self, head: Head) -> Upstream | None:
        return None if bypasses(self._no_proxy, head.host, head.port) else self._upstream

    async def _reach(self, head: Head) -> Side:
        """A connection to the host, through the upstream proxy where that is for it."""
        upstream = self._upstream_for(head)
        if upstream is None:
            return await self._open(head.host, head.port)
        side = await self._open_upstream(upstream)
        side.peer = answer = Answer()
        request = f"CONNECT {head.place} HTTP/1.1\r\nHost: {head.place}\r\n{upstream.authorization}\r\n"
        side.write(request.encode("latin-1"))
        side.resume()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                status, side.unread = await answer.head
        except OSError:  # TimeoutError is one
            side.abort()
            raise Refused(502, f"the upstream proxy {upstream.host}:{upstream.port} gave no answer") from None
        if not 200 <= status < 300:
            side.abort()
            raise Refused(502, f"the upstream proxy {upstream.host}:{upstream.port} answered {status} for {head.place}")
        side.peer = None
        return side

    async def _open_upstream(self, upstream: Upstream) -> Side:
        secure = ssl.create_default_context() if upstream.scheme == "https" else None
        return await self._open(upstream.host, upstream.port, secure)

    async def _open(self, host: str, port: int, secure: ssl.SSLContext | None = None) -> Side:
        """A connection of which nothing is read yet. Raises OSError, or Refused (504) when it takes too long."""
        loop = asyncio.get_running_loop()
        name = None if secure is None else host
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                made = loop.create_connection(lambda: Side(self._opened), host, port, ssl=secure, server_hostname=name)
                return (await made)[1]
        except TimeoutError:
            raise Refused(504, f"{host}:{port} did not answer within {_CONNECT_TIMEOUT:.0f} s") from None
