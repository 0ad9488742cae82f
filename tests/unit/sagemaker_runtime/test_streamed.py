"""InvokeEndpointWithResponseStream over a connection fed by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from sagewright.core.clock import FakeClock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, Services
from sagewright.services.sagemaker_runtime import Meters, Routes, sagemaker_runtime
from sagewright.services.sagemaker_runtime.connection import ConnectionLost, Pool
from sagewright.services.sagemaker_runtime.routes import ENDPOINTS
from sagewright.services.sagemaker_runtime.streamed import StreamedReply, post_streamed
from sagewright.store import Space, Store
from sagewright.wire import models
from sagewright.wire.client import Clients
from sagewright.wire.protocols import rest_json

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


class Wire:
    """What one connection sends, and what it is sent: in pieces, with a pause before each."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self.pieces = pieces
        self.ends = ends
        self.sent = b""
        self.aborted = False
        self.transport = self

    async def open(self, address: str, port: int) -> tuple[asyncio.StreamReader, Wire]:
        self.reader = asyncio.StreamReader()
        self._feeding = asyncio.create_task(self._feed())
        return self.reader, self

    async def _feed(self) -> None:
        for piece in self.pieces:
            await asyncio.sleep(0)
            self.reader.feed_data(piece)
        if self.ends:
            self.reader.feed_eof()

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[Wire], Wire]:
    def use(wire: Wire) -> Wire:
        monkeypatch.setattr(asyncio, "open_connection", wire.open)
        return wire

    return use


async def collect(stream: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in stream]


def ask(wire: Wire, read: Callable[[StreamedReply], Any], **limits: float) -> tuple[Any, Pool]:
    async def play() -> tuple[Any, Pool]:
        pool = Pool("127.0.0.9", 8080)
        reply = await post_streamed(pool, "/invocations", b"A: b\r\n", b"1,2", **{"timeout": 1, "longest": 1, **limits})
        assert pool.outstanding == 1
        try:
            return (reply.status, dict(reply.headers), await read(reply)), pool
        finally:
            assert pool.outstanding == 0
            assert wire.aborted

    return asyncio.run(play())


def test_chunks_as_they_come(connect: Callable[[Wire], Wire]) -> None:
    wire = connect(Wire(b"HTTP/1.1 100 Continue\r\n\r\n", CHUNKED, b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"))
    (status, headers, chunks), _ = ask(wire, lambda reply: collect(reply.chunks))
    assert (status, headers["content-type"], chunks) == (200, "text/plain", [b"one", b"two"])
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.9:8080\r\nA: b\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
    )
    assert wire.sent == head + b"1,2"


def test_a_body_that_the_end_of_the_connection_ends(connect: Callable[[Wire], Wire]) -> None:
    wire = connect(Wire(b"HTTP/1.1 200 OK\r\n\r\n", b"one", b"two"))
    (_, _, chunks), _ = ask(wire, lambda reply: collect(reply.chunks))
    assert b"".join(chunks) == b"onetwo"


def test_the_beginning_of_an_error(connect: Callable[[Wire], Wire]) -> None:
    wire = connect(Wire(b"HTTP/1.1 500 Oh\r\n\r\n", b"x" * 100, b"y" * 100, ends=False))
    (status, _, body), _ = ask(wire, lambda reply: reply.read(100))
    assert (status, body) == (500, b"x" * 100)


@pytest.mark.parametrize(
    ("pieces", "ends", "error"),
    [
        ((), True, ConnectionLost),
        ((CHUNKED[:20],), True, ConnectionLost),
        ((CHUNKED, b"3\r\no"), True, ConnectionLost),
        ((CHUNKED, b"zzz\r\n"), True, ValueError),
        ((b"no HTTP\r\n\r\n",), True, ValueError),
        ((), False, TimeoutError),
        ((CHUNKED,), False, TimeoutError),
    ],
)
def test_broken_answers(
    connect: Callable[[Wire], Wire], pieces: tuple[bytes, ...], ends: bool, error: type[Exception]
) -> None:
    wire = connect(Wire(*pieces, ends=ends))
    with pytest.raises(error):
        ask(wire, lambda reply: collect(reply.chunks), timeout=0.05, longest=0.05)


# The operation


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.store = Store(folder, self.clock)
        self.routes = Routes(self.store)
        self.meters = Meters(Clients(self._nobody), self.clock)
        self.counted: list[tuple[str, int]] = []
        self.meters.count = lambda who, status, *_: self.counted.append((who.variant, status))  # type: ignore[method-assign]
        self.services = Services.of(sagemaker_runtime(self.routes, self.meters, self.clock))
        one = {"name": "one", "weight": 1.0, "instances": [{"id": "i", "address": "127.0.0.9"}]}
        space = Space(ENDPOINTS, "000000000000", "us-east-1")
        self.store.documents.insert(space, "e", {"routes": {"variants": [one]}})

    async def _nobody(self, *_: Any) -> dict[str, Any]:
        raise AssertionError("no other service is asked")

    async def invoke(self) -> dict[str, Any]:
        members = {"EndpointName": "e", "Body": b"1,2", "ContentType": "text/csv"}
        name = "InvokeEndpointWithResponseStream"
        return await self.services(
            Context("000000000000", "us-east-1", "sagemaker-runtime", name, "id", Clients(self._nobody), members)
        )


def invoke(folder: Path, read: Callable[[dict[str, Any]], Any]) -> tuple[Any, list[tuple[str, int]]]:
    async def play() -> tuple[Any, list[tuple[str, int]]]:
        world = World(folder)
        try:
            return await read(await world.invoke()), world.counted
        except AwsError as error:
            return error, world.counted
        finally:
            await world.routes.close()
            world.store.close()

    return asyncio.run(play())


def test_the_operation(connect: Callable[[Wire], Wire], tmp_path: Path) -> None:
    wire = connect(Wire(CHUNKED, b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n"))
    found, counted = invoke(tmp_path, lambda result: _all_of(result))
    assert found == {
        "ContentType": "text/plain",
        "CustomAttributes": None,
        "InvokedProductionVariant": "one",
        "Body": [{"PayloadPart": {"Bytes": b"one"}}, {"PayloadPart": {"Bytes": b"two"}}],
    }
    assert counted == [("one", 200)]
    assert b"Content-Type: text/csv\r\n" in wire.sent


async def _all_of(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "Body": await collect(result["Body"])}


def test_what_fails_before_the_stream(connect: Callable[[Wire], Wire], tmp_path: Path) -> None:
    connect(Wire(b"HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nbad"))
    error, counted = invoke(tmp_path / "refused", _all_of)
    assert (error.code, error.status, error.members["OriginalStatusCode"]) == ("ModelError", 424, 400)
    assert error.members["OriginalMessage"] == "bad"
    assert counted == [("one", 400)]
    connect(Wire())
    error, counted = invoke(tmp_path / "silent", _all_of)
    assert (error.code, error.members["OriginalStatusCode"]) == ("ModelError", 0)
    assert counted == [("one", 0)]


def test_a_container_that_breaks_off(connect: Callable[[Wire], Wire], tmp_path: Path) -> None:
    """botocore reads the parts so far, then ModelStreamError."""
    connect(Wire(CHUNKED, b"3\r\none\r\n", b"5\r\ntw"))
    op = models.operation("sagemaker-runtime", "InvokeEndpointWithResponseStream")

    async def over_the_wire(result: dict[str, Any]) -> Any:
        response = rest_json.serialize(op, result, "id")
        return response, await collect(response.body)  # type: ignore[arg-type]

    (response, chunks), counted = invoke(tmp_path, over_the_wire)

    class Raw:
        def stream(self) -> Any:
            return iter(chunks)

    described = {"headers": HeadersDict(response.headers), "status_code": 200, "body": Raw(), "context": {}}
    described["context"] = {"operation_name": op.name}
    stream = iter(create_parser("rest-json").parse(described, op.output_shape)["Body"])
    assert next(stream) == {"PayloadPart": {"Bytes": b"one"}}
    assert next(stream) == {"PayloadPart": {"Bytes": b"tw"}}
    with pytest.raises(Exception, match=r"ModelStreamError.*in the middle"):
        next(stream)
    assert counted == [("one", 0)]


def test_a_client_that_leaves_is_no_failure(connect: Callable[[Wire], Wire], tmp_path: Path) -> None:
    wire = connect(Wire(CHUNKED, b"3\r\none\r\n", ends=False))

    async def leave(result: dict[str, Any]) -> Any:
        await anext(result["Body"])
        await result["Body"].aclose()

    _, counted = invoke(tmp_path, leave)
    assert wire.aborted
    assert counted == [("one", 200)]
