"""One HTTP exchange as the rest of the wire sees it, free of any server library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagewright.wire.signing.chunk_signatures import ChunkSignatures


class Headers:
    """Case-insensitive request headers; repeated headers are joined with a comma."""

    __slots__ = ("_values",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in items:
            key = name.lower()
            self._values[key] = f"{self._values[key]},{value}" if key in self._values else value

    def get(self, name: str, default: str = "") -> str:
        return self._values.get(name.lower(), default)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def items(self) -> Iterable[tuple[str, str]]:
        """Pairs with lower-case names."""
        return self._values.items()


class Body:
    """A request body that arrives in chunks; read it whole only where its size is bounded."""

    def __init__(self, chunks: AsyncIterable[bytes], length: int | None) -> None:
        self._chunks = chunks
        self.length = length
        """Bytes declared by Content-Length; None for a chunked body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks.__aiter__()

    async def read(self, limit: int, patience: float = 60.0) -> bytes:
        """The whole body. Raises BodyTooLarge beyond limit bytes, TimeoutError where the client is silent for longer.

        patience: seconds.
        """
        if self.length is not None and self.length > limit:
            raise BodyTooLarge(limit)
        parts: list[bytes] = []
        size = 0
        now = asyncio.get_running_loop().time
        async with asyncio.timeout_at(now() + patience) as wait:
            async for chunk in self:
                size += len(chunk)
                if size > limit:
                    raise BodyTooLarge(limit)
                parts.append(chunk)
                wait.reschedule(now() + patience)
        return b"".join(parts)

    @classmethod
    def of(cls, data: bytes) -> Body:
        """A body already in memory."""

        async def once() -> AsyncIterator[bytes]:
            if data:
                yield data

        return cls(once(), len(data))


class ClientGone(Exception):
    """The client hung up in the middle of its request."""


class BodyTooLarge(Exception):
    """A body read whole is above its limit (bytes)."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"request body above {limit} bytes")
        self.limit = limit


@dataclass(slots=True)
class HttpRequest:
    """path and query are as sent, still percent-encoded; host is the Host header with its port."""

    method: str
    path: str
    query: str
    headers: Headers
    body: Body
    scheme: str = "http"
    client: str = ""
    """The address the request came from."""
    chunk_signatures: ChunkSignatures | None = None
    """Checks those of a body in signed chunks, where signatures are checked."""
    hoisted: frozenset[str] = frozenset()
    """Headers that were in the URL: signed with it, rather than as headers."""

    @property
    def host(self) -> str:
        return self.headers.get("host")


@dataclass(slots=True)
class HttpResponse:
    """body is bytes, or chunks to stream (then Content-Length is in headers or the body goes out chunked)."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | AsyncIterator[bytes] = b""
