"""A request's way through the server, one step a method: what the composition root lists in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright.core.errors import AwsError, request_timeout
from sagewright.core.ids import request_id
from sagewright.kit.gate import Gate
from sagewright.kit.operation import Context, Services
from sagewright.wire import models, protocols, validate
from sagewright.wire.client import Clients, Target
from sagewright.wire.gateway import Exchange
from sagewright.wire.http import Body, BodyTooLarge, HttpRequest, HttpResponse
from sagewright.wire.protocols.faults import inflate
from sagewright.wire.protocols.query import form_of
from sagewright.wire.route import POST_OBJECT, PREFLIGHT, Route, needs_body, route
from sagewright.wire.signing.hoisting import hoist

_BODY_LIMIT = 16 * 2**20
"""Bytes of a request body that is read whole; streamed ones (S3 objects) have no such limit."""


class Steps:
    """Each step fills in what the next needs, or sets the response, or raises AwsError."""

    def __init__(self, services: Services, gate: Gate) -> None:
        self._services = services
        self._gate = gate
        self.clients = Clients(self.call_inside)

    async def route(self, exchange: Exchange) -> None:
        request = exchange.request
        hoist(request)
        form: dict[str, str] | None = None
        if needs_body(request):
            body = await _read(request.body)
            request.body = Body.of(body)
            form = form_of(inflate(body) if request.headers.get("content-encoding") == "gzip" else body)
        exchange.route = to = route(request, form)
        if to.operation not in (PREFLIGHT, POST_OBJECT):
            exchange.operation = models.operation(to.service, to.operation)

    async def authenticate(self, exchange: Exchange) -> None:
        request, to, body = exchange.request, _routed(exchange), None
        if exchange.operation is not None and not to.access_key and self._is_uninvited(request, to):
            raise _uninvited()
        if self._gate.checks and to.service != "s3":  # which compares bodies with what was signed as it reads them
            body = await _read(request.body)
            request.body = Body.of(body)
        exchange.route, exchange.principal = self._gate.request(request, to, exchange.operation, body)

    async def unmodelled(self, exchange: Exchange) -> None:
        """What AWS's models lack answers by itself: a browser's preflight, an upload by form."""
        if exchange.operation is None:
            exchange.members = dict(_routed(exchange).uri_params)
            exchange.response = await self._services.unmodelled(self._context(exchange))

    def sign_in(self, ctx: Context, fields: Mapping[str, str]) -> None:
        """Who sent a form, by its fields: their names are in lower case."""
        ctx.access_key, ctx.account, ctx.principal = self._gate.form(fields)
        if not ctx.access_key and ctx.http is not None and self._is_uninvited(ctx.http, ctx):
            raise _uninvited()

    def _is_uninvited(self, request: HttpRequest, to: Route | Context) -> bool:
        """Whether a page of another site wants a change that nothing here allows it."""
        names = to.uri_params if isinstance(to, Route) else to.request
        return from_a_foreign_page(request) and not self._services.cross_origin(to.service, request, names)

    def admit_page(self, exchange: Exchange, response: HttpResponse) -> None:
        """Let the browser show the answer to the page that asked, where a service's rules allow that."""
        to = exchange.route
        if to is not None and to.operation != PREFLIGHT:
            response.headers.update(self._services.cross_origin(to.service, exchange.request, to.uri_params))

    async def parse(self, exchange: Exchange) -> None:
        codec = protocols.codec(_routed(exchange).protocol)
        whole = not models.streams_input(exchange.operation)
        body = await _read(exchange.request.body) if whole else exchange.request.body
        if isinstance(body, bytes) and body:
            self._services.check_body(exchange.operation, _routed(exchange).service, exchange.request.headers, body)
        exchange.members = codec.parse(exchange.operation, exchange.request, _routed(exchange), body)

    async def validate(self, exchange: Exchange) -> None:
        validate.validate(exchange.operation, exchange.members)

    async def call(self, exchange: Exchange) -> None:
        context = self._context(exchange)
        exchange.result = await self._services(context)
        exchange.headers, exchange.status = context.headers, context.status

    def _context(self, exchange: Exchange) -> Context:
        to = _routed(exchange)
        return Context(
            account=to.account,
            region=to.region,
            service=to.service,
            operation=to.operation,
            request_id=exchange.request_id,
            clients=self.clients,
            request=exchange.members,
            access_key=to.access_key,
            user_agent=exchange.request.headers.get("user-agent"),
            http=exchange.request,
            principal=exchange.principal,
        )

    async def serialise(self, exchange: Exchange) -> None:
        codec = protocols.codec(_routed(exchange).protocol)
        exchange.response = codec.serialize(exchange.operation, exchange.result, exchange.request_id)
        exchange.response.headers.update(exchange.headers)
        exchange.response.status = exchange.status or exchange.response.status

    async def call_inside(self, target: Target, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        """A call from one service to another: no HTTP, no validation."""
        return await self._services(
            Context(
                account=target.account,
                region=target.region,
                service=target.service,
                operation=models.operation_name(target.service, operation),
                request_id=request_id(),
                clients=self.clients,
                request=members,
                principal=target.principal,
                via=target.via,
            )
        )


def _routed(exchange: Exchange) -> Route:
    if exchange.route is None:
        raise RuntimeError("no route yet")
    return exchange.route


def from_a_foreign_page(request: HttpRequest) -> bool:
    """Whether a browser sends a change on behalf of another site, which must not reach into a server on loopback."""
    return request.method not in ("GET", "HEAD") and request.headers.get("sec-fetch-site") == "cross-site"


def _uninvited() -> AwsError:
    return AwsError("AccessDenied", "Unsigned requests of web pages elsewhere may only read.", 403)


async def _read(body: Body) -> bytes:
    try:
        return await body.read(_BODY_LIMIT)
    except BodyTooLarge as error:
        raise AwsError("RequestEntityTooLargeException", f"Request body above {error.limit} bytes.", 413) from None
    except TimeoutError:
        raise request_timeout() from None
