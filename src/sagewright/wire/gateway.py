"""The ASGI application: one HTTP request through the steps, one response back."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import request_id
from sagewright.wire import protocols
from sagewright.wire.http import Body, ClientGone, Headers, HttpRequest, HttpResponse
from sagewright.wire.route import Route, RoutingError

_log = logging.getLogger(__name__)

Page = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Answers a path of Sagewright's own (``/_sagewright/health``)."""


@dataclass(slots=True)
class Exchange:
    """One request on its way through the steps; each step fills in what the next needs."""

    request: HttpRequest
    request_id: str = field(default_factory=request_id)
    route: Route | None = None
    operation: Any = None
    """botocore's OperationModel."""
    principal: Any = None
    """Who signed it, where signatures are checked."""
    members: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """Of the response, beyond those of the model."""
    status: int | None = None
    """Of the response, where it is not the model's."""
    response: HttpResponse | None = None


Step = Callable[[Exchange], Awaitable[None]]


Last = Callable[[Exchange, HttpResponse], None]
"""Looks at every answer of the steps, errors too, before it goes out."""


class Gateway:
    """steps run in order until one sets the response; pages are looked up by exact path first."""

    def __init__(self, steps: Sequence[Step], pages: dict[str, Page], last: Last | None = None) -> None:
        self._steps = steps
        self._pages = pages
        self._last = last

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        incoming = _Incoming(receive)
        request = _request(scope, incoming)
        try:
            response = await self._answer(request)
            if not incoming.begun and "expect" in request.headers:
                # The client holds its body back until it is asked for, so what it sends next is no body.
                response.headers["Connection"] = "close"
            await _send(response, request, incoming, send)
        except ClientGone:
            _log.debug("client gone: %s %s", request.method, request.path)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        page = self._pages.get(request.path)
        if page is not None:
            return await page(request)
        exchange = Exchange(request)
        response = await self._pass(exchange)
        if self._last is not None:
            self._last(exchange, response)
        return response

    async def _pass(self, exchange: Exchange) -> HttpResponse:
        try:
            for step in self._steps:
                await step(exchange)
                if exchange.response is not None:
                    return exchange.response
        except AwsError as error:
            return error_response(exchange, error)
        except ClientGone:
            raise
        except Exception as error:
            _log.exception("%s failed", _operation_name(exchange))
            return error_response(exchange, _fault(exchange, error))
        raise RuntimeError("no step made a response")


def error_response(exchange: Exchange, error: AwsError) -> HttpResponse:
    """An AWS error in the protocol of the request."""
    if isinstance(error, RoutingError):
        protocol = error.protocol
    else:
        protocol = exchange.route.protocol if exchange.route is not None else "rest-xml"
    return protocols.codec(protocol).serialize_error(exchange.operation, error, exchange.request_id)


def _fault(exchange: Exchange, error: Exception) -> AwsError:
    """A fault of this side. A full disk is the user's to mend, so that is said; nothing else is."""
    code = "InternalError" if exchange.route is not None and exchange.route.service == "s3" else "InternalFailure"
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = " No space is left under the data folder." if full else ""
    return AwsError(code, f"An internal error occurred.{why}", 500)


def _operation_name(exchange: Exchange) -> str:
    if exchange.route is None:
        return f"{exchange.request.method} {exchange.request.path}"
    return f"{exchange.route.service}.{exchange.route.operation}"


def _request(scope: dict[str, Any], incoming: _Incoming) -> HttpRequest:
    headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    declared = headers.get("content-length")
    length = int(declared) if declared.isdigit() else None
    if length is None and "transfer-encoding" not in headers:
        length = 0
    return HttpRequest(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=Body(incoming.chunks(), length),
        scheme=scope["scheme"],
        client=(scope.get("client") or ("",))[0],
    )


class _Incoming:
    """A request's body as the server hands it over. begun: whether anybody asked for it. ended: it is all here."""

    __slots__ = ("_receive", "begun", "ended")

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self.begun = self.ended = False

    async def chunks(self) -> AsyncIterator[bytes]:
        self.begun = True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                self.ended = True
                return

    async def gone(self) -> None:
        """Wait until the client hangs up; only for when nobody reads the body."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _AsSpelled(bytes):
    """A header's name as AWS spells it. uvicorn lowers all names before it compares and sends them; not this one."""

    def lower(self) -> _AsSpelled:
        return self

    def __eq__(self, other: object) -> bool:
        return bytes.lower(self) == other

    __hash__ = bytes.__hash__


@lru_cache(maxsize=512)  # bounded: names of user metadata come from outside
def _spelled(name: str) -> _AsSpelled:
    return _AsSpelled(name.encode("latin-1"))


async def _send(response: HttpResponse, request: HttpRequest, incoming: _Incoming, send: Any) -> None:
    body = response.body
    headers = [(_spelled(name), value.encode("latin-1")) for name, value in response.headers.items()]
    if isinstance(body, bytes):
        if "content-length" not in {name.lower() for name in response.headers} and response.status not in (204, 304):
            headers.append((_spelled("Content-Length"), str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
        return
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    gone = incoming.gone() if incoming.ended or request.body.length == 0 else None
    await _stream(body, send, gone)
    await send({"type": "http.response.body", "body": b""})


async def _stream(body: AsyncIterator[bytes], send: Any, gone: Coroutine[Any, Any, None] | None) -> None:
    """Send the chunks of a body, and close it. Raises ClientGone as soon as the client is, where gone can tell.

    A server takes whatever is sent to nobody, so that a stream without end would never notice.
    """
    sender, watching = asyncio.current_task(), True
    watch = asyncio.create_task(gone) if gone is not None else None

    def leave(_: object) -> None:
        if watching and sender is not None:
            sender.cancel()

    if watch is not None:
        watch.add_done_callback(leave)
    try:
        async for chunk in body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except asyncio.CancelledError:
        if watch is None or not watch.done() or sender is None:
            raise
        sender.uncancel()
        raise ClientGone from None
    finally:
        watching = False
        if watch is not None:
            watch.cancel()
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
