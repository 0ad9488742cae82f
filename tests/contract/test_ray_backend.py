"""The Ray backend against the shipped suite, on a cluster of two nodes on this machine, and what is its own."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed: pip install 'sagewright[ray]'", allow_module_level=True)

from ray_cluster import two_nodes
from sagewright.kit.reports import ReportPage
from sagewright.runtime.backend import Backend
from sagewright.runtime.ray import Cluster, RayBackend
from sagewright.runtime.ray.reports import PATH, Reports
from sagewright.testing.backends import BackendSuite
from sagewright.wire.gateway import Gateway
from sagewright.wire.http import HttpRequest, HttpResponse


class Shared(Cluster):
    """One connection for the backends of all tests."""

    def close(self) -> None:
        pass


class Desk:
    """Takes the reports of every backend of the session, as a server does for its own."""

    def __init__(self) -> None:
        self._reports: dict[str, Reports] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._loop = asyncio.new_event_loop()
        page = Gateway([], {PATH: self.page})
        self.server = uvicorn.Server(uvicorn.Config(page, log_level="error", lifespan="off", timeout_keep_alive=75))

    def of(self, backend: RayBackend) -> None:
        self.work = backend.reports

    async def page(self, request: HttpRequest) -> HttpResponse:
        return await ReportPage(self.work)(request)

    def run(self) -> None:
        self._loop.run_until_complete(self.server.serve(sockets=[self._listener]))


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    desk = Desk()
    thread = threading.Thread(target=desk.run, daemon=True)
    thread.start()
    yield desk
    desk.server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with two_nodes() as (address, _):
        cluster = Shared(address, tmp_path_factory.mktemp("ray") / "ray.log")
        yield cluster
        Cluster.close(cluster)


class TestRayBackend(BackendSuite):
    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: Cluster, desk: Desk) -> Iterator[None]:
        self.cluster, self.desk = cluster, desk
        self.made: list[RayBackend] = []
        yield
        for backend in self.made:
            backend.close()

    def new_backend(self, data_dir: Path) -> Backend:
        backend = RayBackend(data_dir, self.cluster, reports=self.desk.address)
        self.made.append(backend)
        self.desk.of(backend)
        return backend

    def agents(self, data_dir: Path) -> Path:
        return data_dir / "node"
