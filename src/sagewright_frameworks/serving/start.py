"""The serving process: HTTP in front, workers behind."""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from types import FrameType
from typing import Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import AlgorithmFailure, ClientError
from sagewright_algorithms.contract.server import configured, listen
from sagewright_frameworks import installed
from sagewright_frameworks.serving.settings import Settings
from sagewright_frameworks.setup import SERVING, failed
from sagewright_frameworks.spec import FrameworkSpec


def serve(spec: FrameworkSpec, environment: Environment) -> int:
    """Until SIGTERM; the exit code. The reason of one other than 0 is in output/failure."""
    log.use(SERVING)
    try:
        settings = Settings.of()
        installed.check(spec)
        _find_libraries(environment)
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ended = runner.run(_serve(spec, settings))
        if ended and not environment.failure_file.exists():  # it could not say why itself
            raise ClientError(f"A process that was to hold the model ended while it loaded it: {ended}.")
        return int(bool(ended))
    except AlgorithmFailure as error:
        return failed(environment, str(error))
    except Exception as error:
        return failed(environment, f"Framework Error: \n{traceback.format_exc()}\n{error}")


def _find_libraries(environment: Environment) -> None:
    """What the SageMaker SDK's ModelBuilder puts into ``shared_libs``, and its script copies to /lib, which is not the
    container's own here: the workers find it where it is.
    """
    brought, place = environment.model_dir / "shared_libs", environment.base / "shared_libs"
    if brought.is_dir() and not place.exists():
        brought.rename(place)
    if place.is_dir():
        before = filter(None, [os.environ.get("LD_LIBRARY_PATH")])
        os.environ["LD_LIBRARY_PATH"] = os.pathsep.join([str(place), *before])


async def _serve(spec: FrameworkSpec, settings: Settings) -> str:
    """How the first worker ended, where none came up; else nothing, after SIGTERM."""
    import uvicorn

    from sagewright_frameworks.serving.app import App
    from sagewright_frameworks.serving.pool import Pool

    pool = Pool(spec.name, settings.workers, settings.timeout)
    listener = listen(settings.host, settings.port)
    server = uvicorn.Server(configured(App(pool, settings)))

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    for name in (signal.SIGTERM, signal.SIGINT):  # until uvicorn listens itself, and when it passes them on at its end
        signal.signal(name, stop)
    pool.start()
    log.info(f"Serving {spec.title} on {settings.host}:{settings.port} with {settings.workers} worker(s)")
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    first: list[asyncio.Future[Any]] = [serving, pool.hopeless]
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    await pool.end()
    return pool.hopeless.result() if pool.hopeless.done() else ""
