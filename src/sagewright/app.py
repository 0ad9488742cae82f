"""The composition root: the only place that names concrete classes, and the request path as one list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module

from sagewright import __version__
from sagewright.config import Config
from sagewright.core.clock import Clock, SystemClock
from sagewright.kit import own_images
from sagewright.kit.gate import Gate
from sagewright.kit.hold import Holder, Holds
from sagewright.kit.keys import keep_root
from sagewright.kit.operation import Service, Services
from sagewright.kit.root_key import keep_root_key
from sagewright.kit.tidy import Housekeeping
from sagewright.requests import Steps, from_a_foreign_page
from sagewright.runtime import engine
from sagewright.runtime.backend import Backend
from sagewright.runtime.capacity import Admission, MachineAdmission
from sagewright.runtime.local import LocalBackend
from sagewright.runtime.reconcile import Controller, Reconciler
from sagewright.services.sagemaker import Images, Spot, sagemaker
from sagewright.services.sagemaker_runtime import Meters, Routes, sagemaker_runtime
from sagewright.store import Store
from sagewright.wire.gateway import Gateway, Page
from sagewright.wire.http import HttpRequest, HttpResponse

_ENGINE = ("engine", "engine_args", "engine_pull")
_PLAIN = ("cloudwatch", "ecr", "efs", "fsx", "iam", "kms", "logs", "sts")
"""Services that need the store and the clock alone."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where workloads run. has_engine: whether images of the user's own do. pages: what nodes need of the server."""

    backend: Backend
    admission: Admission
    has_engine: Callable[[], bool]
    pages: Mapping[str, Page] = field(default_factory=dict)


def _on_this_machine(config: Config, clock: Clock) -> Runtime:
    containers = cache(partial(engine.find, config.engine, config.engine_args, pull=config.engine_pull))
    backend = LocalBackend(
        config.data_dir,
        clock,
        sandbox_mode=config.sandbox,
        script_python=config.script_python,
        containers=containers,
    )
    admission = MachineAdmission(backend.capacity(), strict=config.strict_hardware)
    return Runtime(backend, admission, lambda: containers() is not None)


def _on_ray(config: Config, clock: Clock) -> Runtime:
    """Raises Unavailable."""
    from sagewright.kit.reports import ReportPage
    from sagewright.runtime.ray import Cluster, ClusterAdmission, RayBackend
    from sagewright.runtime.ray.reports import PATH

    settings = {name: getattr(config, name) for name in ("sandbox", "script_python", *_ENGINE)}
    cluster = Cluster(config.ray_address, config.data_dir / "ray.log")
    backend = RayBackend(config.data_dir, cluster, clock, settings=settings, host=config.host)
    pages = {PATH: ReportPage(backend.reports)}
    return Runtime(backend, ClusterAdmission(backend), backend.has_engine, pages)


class App:
    """A server's parts, wired. ``asgi`` serves requests; start() and stop() bracket its life.

    reset: what ``POST /_sagewright/reset`` does; without it the path is not there.
    """

    def __init__(self, config: Config, reset: Callable[[], Awaitable[None]] | None = None) -> None:
        self.config = config
        self._reset = reset
        self.clock = SystemClock()
        self.store = Store(config.data_dir, self.clock)
        self.gate = Gate(self.store, self.clock, checks=config.auth == "signature")
        if self.gate.checks:
            root = keep_root_key(config.data_dir, config.root_access_key, config.root_secret_key)
            keep_root(self.store, root.access_key, root.secret)
        self.services = Services(
            {
                "sagemaker": lambda: self.sagemaker.service,
                "sagemaker-runtime": lambda: sagemaker_runtime(self.routes, self.meters, self.clock),
                "s3": self._s3,
                **{name: partial(self._plain, name) for name in _PLAIN},
            }
        )
        self.steps = Steps(self.services, self.gate)
        self.clients = self.steps.clients
        self.holder = Holder(self.store, self.clock, Holds(config.hold_waiter, config.hold_sdk))
        self.runtime = (_on_ray if config.backend == "ray" else _on_this_machine)(config, self.clock)
        self.backend, self.admission = self.runtime.backend, self.runtime.admission
        self.routes = Routes(self.store)
        self.meters = Meters(self.clients, self.clock)
        self.housekeeping = Housekeeping(self.clock, (self._tidy_s3, self._tidy_logs))
        self.sagemaker = sagemaker(
            self.store,
            self.clock,
            self.holder,
            self.clients,
            self.backend,
            self.admission,
            self.routes.outstanding,
            self._kick,
            images=Images(
                script_python=config.script_python,
                own=lambda: own_images.registered(config.data_dir),
                engine=self.runtime.has_engine,
            ),
            spot=Spot(config.data_dir, config.spot_interruptions, config.spot_price),
        )
        self.reconciler = Reconciler(self.sagemaker.controllers, self.clock)
        way = self.steps
        steps = (way.route, way.authenticate, way.unmodelled, way.parse, way.validate, way.call, way.serialise)
        health = ("/_sagewright/health", "/_localstack/health", "/_localstack/init")
        pages: dict[str, Page] = {**dict.fromkeys(health, self._health), **self.runtime.pages}
        if reset is not None:
            pages["/_sagewright/reset"] = self._reset_page
        self.asgi = Gateway(steps, pages, way.admit_page)

    def _s3(self) -> Service:
        from sagewright.services.s3 import s3, sweep

        sweep(self.store)
        return s3(self.store, self.clock, self.housekeeping.soon, self.steps.sign_in)

    async def _tidy_s3(self, now: float) -> None:
        if self.store.documents.with_status("s3:bucket", ("lifecycle",)):  # else nothing of S3 is loaded
            from sagewright.services.s3 import lifecycle_runs

            await lifecycle_runs(self.store, self.clock).tidy(now)

    async def _tidy_logs(self, now: float) -> None:
        if self.store.documents.with_status("logs.group", ("expiring",)):
            from sagewright.services.logs.retention import Retention

            await Retention(self.store, self.clock).tidy(now)

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
        self._housekeeping = asyncio.create_task(self.housekeeping.run())

    def leave(self) -> None:
        """The end is near: held answers go out now."""
        self.store.changes.close()

    async def stop(self) -> None:
        """Let go of everything in order; training jobs go on without the server."""
        await self.reconciler.stop()
        self.sagemaker.halt()
        self._metering.cancel()
        self._housekeeping.cancel()
        await asyncio.wait([self._housekeeping])
        await self.meters.flush()
        await self.routes.close()
        self.store.sync()
        self.store.close()

    def end_workloads(self) -> None:
        """Kill every job and model server, and delete their folders. Blocks; call it after stop()."""
        for workload in self.backend.recover():
            self.backend.remove(workload)
        self.backend.close()

    async def _health(self, request: HttpRequest) -> HttpResponse:
        running = dict.fromkeys(self.services.names, "available")
        folder = str(self.config.data_dir.absolute())
        body = {"status": "ok", "version": __version__, "services": running, "data_dir": folder}
        return HttpResponse(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    async def _reset_page(self, request: HttpRequest) -> HttpResponse:
        """Only for the owner of this machine: not where a server takes requests of others, not for a page elsewhere."""
        if request.method != "POST" or self._reset is None:
            return HttpResponse(405, {"Allow": "POST"})
        if self.config.auth != "off" or from_a_foreign_page(request):
            return HttpResponse(403)
        await self._reset()
        return HttpResponse(204)
