"""A load of N keep-alive clients that costs little itself.

``python -m benchmarks.load [HOST:]PORT CLIENTS SECONDS < request`` prints JSON: requests per second and the median
latency in ms. Standard input is the whole HTTP request, as bytes.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from functools import partial
from typing import Any


class _Client(asyncio.Protocol):
    """Sends the same request again as soon as its answer is whole."""

    def __init__(self, request: bytes, until: float, latencies: list[float], done: asyncio.Future[None]) -> None:
        self._request, self._until, self._latencies, self._done = request, until, latencies, done
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(head.decode("latin-1") + body.decode("latin-1"))
            return
        if len(body) < _content_length(head, body):
            return
        now = time.perf_counter()
        self._latencies.append(now - self._sent)
        self._buffer = b""
        if now < self._until:
            self._send()
        elif not self._done.done():
            self._done.set_result(None)

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(why))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was closed")


def _content_length(head: bytes, body: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return len(body) if body.endswith(b"0\r\n\r\n") else len(body) + 1


async def _load(port: int, clients: int, seconds: float, request: bytes, host: str = "127.0.0.1") -> list[float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    waits = []
    for _ in range(clients):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(partial(_Client, request, until, latencies, done), host, port)
        waits.append(done)
    await asyncio.gather(*waits)
    return latencies


def main() -> None:
    import uvloop

    host, _, port = sys.argv[1].rpartition(":")
    clients, seconds = int(sys.argv[2]), float(sys.argv[3])
    latencies = uvloop.run(_load(int(port), clients, seconds, sys.stdin.buffer.read(), host or "127.0.0.1"))
    print(json.dumps({"rps": len(latencies) / seconds, "p50_ms": statistics.median(latencies) * 1000}))


if __name__ == "__main__":
    main()
