"""The ASGI application: one HTTP request through the steps, one response back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import request_id
from sagewright.wire import protocols
from sagewright.wire.http import Body, Headers, HttpRequest, HttpResponse
from sagewright.wire.route import Route, RoutingError

_log = logging.getLogger(__name__)

Page = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Answers a path of Sagewright's own (``/_sagewright/health``)."""


class ClientGone(Exception):
    """The client hung up in the middle of its request."""


@dataclass(slots=True)
class Exchange:
    """One request on its way through the steps; each step fills in what the next needs."""

    request: HttpRequest
    request_id: str = field(default_factory=request_id)
    route: Route | None = None
    operation: Any = None
    """botocore's OperationModel."""
    members: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """Of the response, beyond those of the model."""
    response: HttpResponse | None = None


Step = Callable[[Exchange], Awaitable[None]]


class Gateway:
    """steps run in order until one sets the response; pages are looked up by exact path first."""

    def __init__(self, steps: Sequence[Step], pages: dict[str, Page]) -> None:
        self._steps = steps
        self._pages = pages

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
            await _send(response, request.method, send)
        except ClientGone:
            _log.debug("client gone: %s %s", request.method, request.path)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        page = self._pages.get(request.path)
        if page is not None:
            return await page(request)
        exchange = Exchange(request)
        try:
            for step in self._steps:
                await step(exchange)
                if exchange.response is not None:
                    return exchange.response
        except AwsError as error:
            return error_response(exchange, error)
        except ClientGone:
            raise
        except Exception:
            _log.exception("%s failed", _operation_name(exchange))
            return error_response(exchange, AwsError("InternalFailure", "An internal error occurred.", 500))
        raise RuntimeError("no step made a response")


def error_response(exchange: Exchange, error: AwsError) -> HttpResponse:
    """An AWS error in the protocol of the request."""
    if isinstance(error, RoutingError):
        protocol = error.protocol
    else:
        protocol = exchange.route.protocol if exchange.route is not None else "rest-xml"
    return protocols.codec(protocol).serialize_error(exchange.operation, error, exchange.request_id)


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
    )


class _Incoming:
    """A request's body as the server hands it over. begun: whether anybody asked for it."""

    __slots__ = ("_receive", "begun")

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self.begun = False

    async def chunks(self) -> AsyncIterator[bytes]:
        self.begun = True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return


async def _send(response: HttpResponse, method: str, send: Any) -> None:
    body = response.body
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if isinstance(body, bytes):
        if "content-length" not in {name.lower() for name in response.headers} and response.status not in (204, 304):
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
        return
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for chunk in body:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
