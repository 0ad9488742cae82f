"""From ASGI messages to ASGI messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.wire.gateway import Exchange, Gateway, Step, _spelled
from sagewright.wire.http import HttpRequest, HttpResponse


def _call(
    steps: list[Step], *, method: str = "GET", path: str = "/", body: list[bytes] | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """The response to a request; the connection is lost once body is used up, where it is not complete."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in body or []]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }

    async def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {}, b"page")

    asyncio.run(Gateway(steps, {"/page": page})(scope, receive, send))
    if not sent:
        return 0, {}, b""
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message["body"] for message in sent[1:])


def _answering(body: bytes | AsyncIterator[bytes]) -> Step:
    async def step(exchange: Exchange) -> None:
        exchange.response = HttpResponse(200, {"X-Some": "header"}, body)

    return step


async def _refusing(exchange: Exchange) -> None:
    raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)


async def _reading(exchange: Exchange) -> None:
    exchange.response = HttpResponse(200, {}, await exchange.request.body.read(100))


def test_steps_run_until_one_answers() -> None:
    assert _call([_answering(b"first"), _refusing]) == (200, {"x-some": "header", "content-length": "5"}, b"first")


def test_pages_come_first() -> None:
    assert _call([_refusing], path="/page")[2] == b"page"


def test_a_head_has_no_body() -> None:
    assert _call([_answering(b"first")], method="HEAD") == (200, {"x-some": "header", "content-length": "5"}, b"")


def test_chunks_are_streamed() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    assert _call([_answering(chunks())]) == (200, {"x-some": "header"}, b"one two")


def test_an_error_of_no_protocol_is_xml() -> None:
    status, headers, body = _call([_refusing])
    assert (status, headers["content-type"]) == (404, "application/xml")
    assert b"<Code>NoSuchBucket</Code>" in body


def test_a_bug_is_an_internal_failure_and_says_no_more(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(exchange: Exchange) -> None:
        raise RuntimeError("secret detail")

    status, _, body = _call([broken])
    assert status == 500
    assert b"InternalFailure" in body
    assert b"secret" not in body
    assert "secret detail" in caplog.text


async def _refusing_after_a_look(exchange: Exchange) -> None:
    await anext(aiter(exchange.request.body))
    await _refusing(exchange)


@pytest.mark.parametrize(("step", "closes"), [(_refusing, True), (_refusing_after_a_look, False)])
def test_a_body_that_was_held_back_ends_the_connection(step: Step, closes: bool) -> None:
    """After Expect: 100-continue and an early error, the client's next bytes would be read as the body."""
    _, headers, _ = _call([step], method="PUT", body=[b"body"], expect="100-continue")
    assert (headers.get("connection") == "close") is closes


def test_a_client_that_hangs_up_gets_nothing() -> None:
    assert _call([_reading], method="PUT", body=[b"half"], content_length="10") == (0, {}, b"")


def _streamed(body: AsyncIterator[bytes], receive: Any, send: Any = None) -> None:
    """A GET whose answer is a stream."""

    async def ignore(message: dict[str, Any]) -> None:
        await asyncio.sleep(0)

    scope = {"type": "http", "method": "GET", "scheme": "http", "raw_path": b"/", "query_string": b"", "headers": []}

    async def run() -> None:
        await asyncio.wait_for(Gateway([_answering(body)], {})(scope, receive, send or ignore), 5)

    asyncio.run(run())


def test_a_stream_without_end_stops_when_its_client_leaves(caplog: pytest.LogCaptureFixture) -> None:
    closed = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0.001)
        finally:
            closed.append(True)

    async def leave_soon() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    _streamed(endless(), leave_soon)
    assert closed
    assert not caplog.records


def test_a_stream_that_waits_stops_too() -> None:
    closed = []

    async def silent() -> AsyncIterator[bytes]:
        try:
            yield b"x"
            await asyncio.sleep(60)
        finally:
            closed.append(True)

    async def leave_soon() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    _streamed(silent(), leave_soon)
    assert closed


def test_a_stream_that_fails_is_not_ended_well() -> None:
    """Without its last message the server breaks the connection off, and the client knows."""
    sent: list[dict[str, Any]] = []

    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("the disk")

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    async def stay() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    with pytest.raises(OSError, match="the disk"):
        _streamed(broken(), stay, keep)
    assert [message.get("more_body") for message in sent[1:]] == [True]


def test_names_of_headers_go_out_as_aws_spells_them() -> None:
    assert b"".join([_spelled("ETag").lower()]) == b"ETag"
    assert _spelled("Content-Length") == b"content-length"  # as uvicorn asks
