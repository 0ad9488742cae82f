"""The HTTP client of model servers, over a transport that is a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from sagewright.services.sagemaker_runtime.connection import Connection, ConnectionLost, Pool, Reply

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 4\r\n\r\n0.5\n"


class Wire:
    """A transport that keeps what is written to it."""

    def __init__(self, connection: Connection) -> None:
        self.sent = b""
        self.closed = False
        self.connection = connection
        connection.connection_made(cast(asyncio.Transport, self))

    def write(self, data: bytes) -> None:
        self.sent += data

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.sent += b"".join(parts)

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


def exchange(answer: Callable[[Connection], None], body: bytes = b"1,2") -> tuple[Reply, Connection, Wire]:
    async def run() -> tuple[Reply, Connection, Wire]:
        connection = Connection()
        wire = Wire(connection)
        reply = connection.send(b"POST / HTTP/1.1\r\n\r\n", body)
        answer(connection)
        return await asyncio.wait_for(reply, 1), connection, wire

    return asyncio.run(run())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_reply_in_pieces(size: int) -> None:
    def feed(connection: Connection) -> None:
        for start in range(0, len(OK), size):
            connection.data_received(OK[start : start + size])

    reply, connection, wire = exchange(feed)
    assert reply == (200, {"content-type": "text/csv", "content-length": "4"}, b"0.5\n")
    assert connection.reusable
    assert wire.sent == b"POST / HTTP/1.1\r\n\r\n1,2"


def test_large_bodies_go_out_whole() -> None:
    body = b"x" * 100_000
    _, _, wire = exchange(lambda connection: connection.data_received(OK), body)
    assert wire.sent.endswith(body)


def test_chunked_and_interim_replies() -> None:
    answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    reply, connection, _ = exchange(lambda connection: connection.data_received(answer))
    assert (reply.status, reply.body) == (503, b"abcde")
    assert connection.reusable


def test_a_reply_that_ends_with_the_connection() -> None:
    def feed(connection: Connection) -> None:
        connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nab")
        connection.data_received(b"cd")
        connection.connection_lost(None)

    reply, connection, _ = exchange(feed)
    assert reply.body == b"abcd"
    assert not connection.reusable


def test_connection_close_is_heeded() -> None:
    answer = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    _, connection, _ = exchange(lambda connection: connection.data_received(answer))
    assert not connection.reusable


@pytest.mark.parametrize(("sent", "unanswered"), [(b"", True), (OK[:-2], False)])
def test_a_lost_connection(sent: bytes, unanswered: bool) -> None:
    def feed(connection: Connection) -> None:
        if sent:
            connection.data_received(sent)
        connection.connection_lost(None)

    with pytest.raises(ConnectionLost) as caught:
        exchange(feed)
    assert caught.value.unanswered is unanswered


def test_what_is_no_http() -> None:
    with pytest.raises(ValueError, match="HTTP"):
        exchange(lambda connection: connection.data_received(b"\x00\x01\x02 hello"))


class ScriptedPool(Pool):
    """A pool whose connections answer by a list; what is left of it was not asked for."""

    def __init__(self, *answers: bytes | None) -> None:
        super().__init__("127.0.0.9", 8080)
        self.answers = list(answers)
        self.wires: list[Wire] = []

    async def _connect(self, timeout: float) -> Connection:
        connection = Connection()
        wire = Wire(connection)
        self.wires.append(wire)
        wire.write = wire.writelines = lambda data: self._answer(wire, data)  # type: ignore[method-assign, assignment]
        return connection

    def _answer(self, wire: Wire, data: Any) -> None:
        wire.sent += data
        answer = self.answers.pop(0)
        loop = asyncio.get_running_loop()
        if answer is None:
            loop.call_soon(wire.connection.connection_lost, None)
        elif answer:
            loop.call_soon(wire.connection.data_received, answer)


def post(pool: Pool, timeout: float = 1.0) -> Reply:
    async def run() -> Reply:
        return await pool.post("/invocations", b"Accept: text/csv\r\n", b"1", timeout)

    return asyncio.run(run())


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def run() -> ScriptedPool:
        pool = ScriptedPool(OK, OK)
        for _ in range(2):
            assert (await pool.post("/invocations", b"Accept: text/csv\r\n", b"1", 1)).status == 200
        return pool

    pool = asyncio.run(run())
    (wire,) = pool.wires
    request = b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.9:8080\r\nAccept: text/csv\r\nContent-Length: 1\r\n\r\n1"
    assert wire.sent == request * 2
    assert pool.outstanding == 0


def test_a_connection_that_went_stale_is_replaced() -> None:
    async def run() -> ScriptedPool:
        pool = ScriptedPool(OK, None, OK)
        for _ in range(2):
            assert (await pool.post("/invocations", b"", b"1", 1)).status == 200
        return pool

    assert len(asyncio.run(run()).wires) == 2


def test_a_fresh_connection_that_is_lost_is_an_error() -> None:
    pool = ScriptedPool(None)
    with pytest.raises(ConnectionLost):
        post(pool)
    assert pool.outstanding == 0


def test_time_runs_out() -> None:
    pool = ScriptedPool(b"")
    with pytest.raises(TimeoutError):
        post(pool, timeout=0.01)
    assert pool.wires[0].closed


def test_a_closed_pool_keeps_nothing() -> None:
    pool = ScriptedPool(OK)
    pool.close()
    assert post(pool).status == 200
    assert pool.wires[0].closed
