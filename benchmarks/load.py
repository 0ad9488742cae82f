"""A load of N keep-alive clients that costs little itself.

``python -m benchmarks.load [HOST:]PORT CLIENTS SECONDS < request`` prints JSON: requests per second and the median
latency in ms. Standard input is the whole HTTP request, as bytes; ``{number}`` in it counts the requests of all clients
from 0000 to 0999, over and over.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

_NUMBER = b"{number}"
_numbers = itertools.cycle([b"%04d" % number for number in range(1000)])

Connect = Callable[[Callable[[], asyncio.Protocol]], Awaitable[tuple[Any, Any]]]


class _Client(asyncio.Protocol):
    """Sends the same request again as soon as its answer is whole, on a new connection where the server says so."""

    def __init__(
        self, connect: Connect, request: bytes, until: float, latencies: list[float], done: asyncio.Future[None]
    ) -> None:
        self._connect = connect
        self._request, self._until, self._latencies, self._done = request, until, latencies, done
        self._numbered = _NUMBER in request
        self._buffer = b""
        self._closed = False

    async def start(self) -> None:
        """Connect and send."""
        self._sent = time.perf_counter()
        self._transport, _ = await self._connect(lambda: self)
        self._closed = False
        self._send()

    def _send(self) -> None:
        self._transport.write(self._request.replace(_NUMBER, next(_numbers)) if self._numbered else self._request)

    def _again(self) -> None:
        if self._closed:
            self._opening = asyncio.ensure_future(self.start())
        else:
            self._sent = time.perf_counter()
            self._send()

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
        if b"\r\nconnection: close" in head.lower():
            self._closed = True
            self._transport.abort()
        if now < self._until:
            self._again()
        elif not self._done.done():
            self._done.set_result(None)

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(why))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed:
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
        connect = partial(loop.create_connection, host=host, port=port)
        await _Client(connect, request, until, latencies, done).start()
        waits.append(done)
    await asyncio.wait_for(asyncio.gather(*waits), seconds + 30)
    return latencies


def measure(address: str, request: bytes, clients: int, seconds: float) -> dict[str, float]:
    """``rps`` and ``p50_ms`` of a load in a process of its own; address is host:port. Raises RuntimeError."""
    command = [sys.executable, "-m", "benchmarks.load", address, str(clients), str(seconds)]
    done = subprocess.run(command, input=request, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def main() -> None:
    import uvloop

    host, _, port = sys.argv[1].rpartition(":")
    clients, seconds = int(sys.argv[2]), float(sys.argv[3])
    latencies = uvloop.run(_load(int(port), clients, seconds, sys.stdin.buffer.read(), host or "127.0.0.1"))
    print(json.dumps({"rps": len(latencies) / seconds, "p50_ms": statistics.median(latencies) * 1000}))


if __name__ == "__main__":
    main()
