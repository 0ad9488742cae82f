"""A model server's answer while it still arrives: a connection of its own, and one read of it in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import cast

import httptools

from sagewright.services.sagemaker_runtime.connection import ConnectionLost, Pool

_READ = 65_536


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """headers: by lower-case name. chunks: the body as it arrives; it raises ConnectionLost, ValueError and
    TimeoutError, and must be closed."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncGenerator[bytes, None]

    async def read(self, limit: int) -> bytes:
        """The beginning of the body, up to limit bytes."""
        data = b""
        async for chunk in self.chunks:
            data += chunk
            if len(data) >= limit:
                break
        await self.close()
        return data[:limit]

    async def close(self) -> None:
        await self.chunks.aclose()


class _Parsed:
    """What httptools finds."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.begun = self.ended = False
        self.chunks: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    @property
    def status(self) -> int:
        return int(self._parser.get_status_code())

    def feed(self, data: bytes) -> None:
        """data empty: the end of the connection. Raises ConnectionLost, ValueError for what is not HTTP."""
        if not data:
            framed = "content-length" in self.headers or "transfer-encoding" in self.headers
            if not self.begun or framed:
                raise ConnectionLost(unanswered=not self.begun)
            self.ended = True
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise ValueError(f"the model server did not answer in HTTP: {error}") from None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.begun = self.status >= 200

    def on_body(self, body: bytes) -> None:
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        if self.begun:
            self.ended = True
        else:  # 100 Continue and its kin go before the reply
            self.headers = {}


async def post_streamed(
    pool: Pool, path: str, headers: bytes, body: bytes, timeout: float, longest: float
) -> StreamedReply:
    """The reply as soon as its head is there.

    headers: complete lines. timeout: seconds until then; longest: until the end. Raises TimeoutError, OSError
    (ConnectionLost), ValueError.
    """
    chunks = _exchange(pool, pool.head(path, headers + b"Connection: close\r\n", body) + body, timeout, longest)
    try:
        parsed = await anext(chunks)
    except BaseException:
        await chunks.aclose()
        raise
    head = cast(_Parsed, parsed)
    return StreamedReply(head.status, head.headers, cast("AsyncGenerator[bytes, None]", chunks))


async def _exchange(
    pool: Pool, request: bytes, timeout: float, longest: float
) -> AsyncGenerator[_Parsed | bytes, None]:
    """The head, then the chunks of the body."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    pool.outstanding += 1
    writer = None
    try:
        async with asyncio.timeout_at(began + timeout):
            reader, writer = await asyncio.open_connection(pool.address, pool.port)
            parsed = _Parsed()
            writer.write(request)
            while not parsed.begun:
                parsed.feed(await reader.read(_READ))
        yield parsed
        while True:
            for chunk in parsed.chunks:
                yield chunk
            parsed.chunks.clear()
            if parsed.ended:
                return
            async with asyncio.timeout_at(began + longest):
                data = await reader.read(_READ)
            parsed.feed(data)
    finally:
        pool.outstanding -= 1
        if writer is not None:
            writer.transport.abort()
