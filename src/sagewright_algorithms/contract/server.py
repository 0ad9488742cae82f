"""The serving process: one listening socket, shared by workers that each load the model."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.spec import AlgorithmSpec

if TYPE_CHECKING:
    import uvicorn

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75
_PAYLOAD_BYTES = 6 * 1024**2
_QUICK_DEATH_SECONDS = 1.0


def serve(spec: AlgorithmSpec, environment: Environment, environ: Mapping[str, str] = os.environ) -> int:
    """Serves until SIGTERM; returns the exit code.

    SAGEMAKER_BIND_TO_HOST, SAGEMAKER_BIND_TO_PORT: where to listen. SAGEMAKER_MODEL_SERVER_WORKERS: processes, one a
    CPU by default. MAX_CONTENT_LENGTH: bytes of a request.
    """
    log.use(spec.log_form)
    host = environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0")  # noqa: S104 - what a container does
    port = int(environ.get("SAGEMAKER_BIND_TO_PORT") or 8080)
    workers = int(environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or len(os.sched_getaffinity(0)))
    listener = listen(host, port)
    log.info(f"Serving {spec.name} on {host}:{port} with {workers} worker(s)")
    if workers == 1:
        _work(spec, environment, environ, listener, workers)
        return 0
    return _Workers(lambda: _work(spec, environment, environ, listener, workers)).run(workers)


def listen(host: str, port: int) -> socket.socket:
    """A socket that connections come to, for as many servers as share it. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _work(
    spec: AlgorithmSpec, environment: Environment, environ: Mapping[str, str], listener: socket.socket, workers: int
) -> None:
    # Until uvicorn listens to signals itself, and when it passes them on at its end.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _leave)
    import uvicorn

    from sagewright_algorithms.contract.serve import App, Service

    limit = int(environ.get("MAX_CONTENT_LENGTH") or _PAYLOAD_BYTES)
    app = App(Service(spec, environment, environ), limit=limit, workers=workers)
    uvicorn.Server(configured(app)).run(sockets=[listener])


def configured(app: Any) -> uvicorn.Config:
    """How an ASGI application is served."""
    import uvicorn

    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


class _Workers:
    """Forked processes; a dead one is replaced, unless it died young.

    The parent loads no numeric library: their threads do not survive a fork.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._started: dict[int, float] = {}
        self._stopping = False

    def run(self, count: int) -> int:
        """Until all are gone; returns the exit code."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        for _ in range(count):
            self._start()
        code = 0
        while self._started:
            pid, status = os.wait()
            age = time.monotonic() - self._started.pop(pid, 0.0)
            if self._stopping:
                continue
            log.error(f"Worker {pid} ended with {os.waitstatus_to_exitcode(status)}")
            if age > _QUICK_DEATH_SECONDS:
                self._start()
            else:
                code = 1
                self._stop()
        return code

    def _start(self) -> None:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self._work()
                code = 0
            except SystemExit:
                code = 0
            except BaseException:
                log.write_line(traceback.format_exc())
            finally:
                os._exit(code)
        self._started[pid] = time.monotonic()

    def _stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        self._stopping = True
        for pid in self._started:
            os.kill(pid, signal.SIGTERM)
