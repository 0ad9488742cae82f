"""The composition root: the only place that names concrete classes, and the request path as one list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from sagewright import __version__
from sagewright.config import Config
from sagewright.core.clock import SystemClock
from sagewright.core.errors import AwsError, not_implemented
from sagewright.core.ids import request_id
from sagewright.kit.hold import Holder, Holds
from sagewright.kit.identity import identity
from sagewright.kit.operation import Context, Service, Services
from sagewright.runtime.capacity import Admission
from sagewright.runtime.local import LocalBackend
from sagewright.runtime.reconcile import Controller, Reconciler
from sagewright.services.sagemaker import sagemaker
from sagewright.services.sagemaker_runtime import Meters, Routes, sagemaker_runtime
from sagewright.store import Store
from sagewright.wire import models, protocols, sigv4, validate
from sagewright.wire.client import Clients, Target
from sagewright.wire.faults import inflate
from sagewright.wire.gateway import Exchange, Gateway, Page
from sagewright.wire.http import Body, BodyTooLarge, HttpRequest, HttpResponse
from sagewright.wire.query import form_of
from sagewright.wire.route import POST_OBJECT, PREFLIGHT, Route, needs_body, route

_BODY_LIMIT = 16 * 2**20
"""Bytes of a request body that is read whole; streamed ones (S3 objects) have no such limit."""


class App:
    """A server's parts, wired. ``asgi`` serves requests; start() and stop() bracket its life.

    reset: what ``POST /_sagewright/reset`` does; without it the path is not there.
    """

    def __init__(self, config: Config, reset: Callable[[], Awaitable[None]] | None = None) -> None:
        self.config = config
        self._reset = reset
        self.clock = SystemClock()
        self.store = Store(config.data_dir, self.clock)
        self.clients = Clients(self._call_inside)
        self.holder = Holder(self.store, self.clock, Holds(config.hold_waiter, config.hold_sdk))
        self.backend = LocalBackend(config.data_dir, self.clock, sandbox_mode=config.sandbox)
        self.admission = Admission(self.backend.capacity(), strict=config.strict_hardware)
        self.routes = Routes(self.store)
        self.meters = Meters(self.clients, self.clock)
        self.sagemaker = sagemaker(
            self.store,
            self.clock,
            self.holder,
            self.clients,
            self.backend,
            self.admission,
            self.routes.outstanding,
            self._kick,
            strict=config.strict_hardware,
        )
        self.reconciler = Reconciler(self.sagemaker.controllers, self.clock)
        self.services = Services(
            {
                "sagemaker": lambda: self.sagemaker.service,
                "sagemaker-runtime": lambda: sagemaker_runtime(self.routes, self.meters, self.clock),
                "s3": self._s3,
                **{name: partial(self._plain, name) for name in ("cloudwatch", "iam", "logs", "sts")},
            }
        )
        steps = [self._route, self._authenticate, self._parse, self._validate, self._call, self._serialise]
        health = ("/_sagewright/health", "/_localstack/health", "/_localstack/init")
        pages: dict[str, Page] = dict.fromkeys(health, self._health)
        if reset is not None:
            pages["/_sagewright/reset"] = self._reset_page
        self.asgi = Gateway(steps, pages)

    def _s3(self) -> Service:
        from sagewright.services.s3 import s3, sweep

        sweep(self.store)
        return s3(self.store, self.clock)

    def _plain(self, name: str) -> Service:
        """A service that needs the store and the clock alone: ``services.<name>.<name>(store, clock)``."""
        service: Service = getattr(import_module(f"sagewright.services.{name}"), name)(self.store, self.clock)
        return service

    def _kick(self, controller: Controller, key: str) -> None:
        self.reconciler.kick(controller, key)

    async def start(self) -> None:
        """Take up what an earlier server left in motion."""
        self.sagemaker.sweep()
        self.admission.rebuild(self.backend)
        await self.reconciler.start()
        self._metering = asyncio.create_task(self.meters.run())

    def leave(self) -> None:
        """The end is near: held answers go out now."""
        self.store.changes.close()

    async def stop(self) -> None:
        """Let go of everything in order; training jobs go on without the server."""
        await self.reconciler.stop()
        self.sagemaker.halt()
        self._metering.cancel()
        await self.meters.flush()
        await self.routes.close()
        self.store.sync()
        self.store.close()

    def end_workloads(self) -> None:
        """Kill every job and model server, and delete their folders. Blocks; call it after stop()."""
        for workload in self.backend.recover():
            self.backend.remove(workload)

    # The request path, one step a method, in the order of the list above.

    async def _route(self, exchange: Exchange) -> None:
        request = exchange.request
        form: dict[str, str] | None = None
        if needs_body(request):
            body = await _read(request.body)
            request.body = Body.of(body)
            form = form_of(inflate(body) if request.headers.get("content-encoding") == "gzip" else body)
        exchange.route = to = route(request, form)
        if to.operation in (PREFLIGHT, POST_OBJECT):
            raise not_implemented(to.service, to.operation)
        exchange.operation = models.operation(to.service, to.operation)

    async def _authenticate(self, exchange: Exchange) -> None:
        now = self.clock.now()
        sigv4.check_expiry(exchange.request, now)
        to = _routed(exchange)
        if not to.access_key and _from_a_foreign_page(exchange.request):
            raise AwsError("AccessDenied", "Unsigned requests of web pages elsewhere may only read.", 403)
        if to.access_key.startswith(("AKIA", "ASIA")):
            exchange.route = replace(to, account=identity(self.store, to.access_key, now).account)

    async def _parse(self, exchange: Exchange) -> None:
        codec = protocols.codec(_routed(exchange).protocol)
        whole = not models.streams_input(exchange.operation)
        body = await _read(exchange.request.body) if whole else exchange.request.body
        exchange.members = codec.parse(exchange.operation, exchange.request, _routed(exchange), body)

    async def _validate(self, exchange: Exchange) -> None:
        validate.validate(exchange.operation, exchange.members)

    async def _call(self, exchange: Exchange) -> None:
        to = _routed(exchange)
        context = Context(
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
        )
        exchange.result = await self.services(context)
        exchange.headers = context.headers

    async def _serialise(self, exchange: Exchange) -> None:
        codec = protocols.codec(_routed(exchange).protocol)
        exchange.response = codec.serialize(exchange.operation, exchange.result, exchange.request_id)
        exchange.response.headers.update(exchange.headers)

    async def _call_inside(self, target: Target, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        """A call from one service to another: no HTTP, no validation."""
        return await self.services(
            Context(
                account=target.account,
                region=target.region,
                service=target.service,
                operation=models.operation_name(target.service, operation),
                request_id=request_id(),
                clients=self.clients,
                request=members,
                principal=target.principal,
            )
        )

    async def _health(self, request: HttpRequest) -> HttpResponse:
        running = dict.fromkeys(self.services.names, "available")
        folder = str(self.config.data_dir.absolute())
        body = {"status": "ok", "version": __version__, "services": running, "data_dir": folder}
        return HttpResponse(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    async def _reset_page(self, request: HttpRequest) -> HttpResponse:
        """Only for the owner of this machine: not where a server takes requests of others, not for a page elsewhere."""
        if request.method != "POST" or self._reset is None:
            return HttpResponse(405, {"Allow": "POST"})
        if self.config.auth != "off" or _from_a_foreign_page(request):
            return HttpResponse(403)
        await self._reset()
        return HttpResponse(204)


def _routed(exchange: Exchange) -> Route:
    if exchange.route is None:
        raise RuntimeError("no route yet")
    return exchange.route


def _from_a_foreign_page(request: HttpRequest) -> bool:
    """Whether a browser sends a change on behalf of another site, which must not reach into a server on loopback."""
    return request.method not in ("GET", "HEAD") and request.headers.get("sec-fetch-site") == "cross-site"


async def _read(body: Body) -> bytes:
    try:
        return await body.read(_BODY_LIMIT)
    except BodyTooLarge as error:
        raise AwsError("RequestEntityTooLargeException", f"Request body above {error.limit} bytes.", 413) from None
