"""The workers: processes that hold the model, each with one request at a time; a dead one is replaced.

While all are busy, requests wait in the order they came. One that takes too long loses its worker, as with Multi Model
Server; so does one whose code ends the process.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
from contextlib import suppress

from sagewright_algorithms.contract import log
from sagewright_frameworks.serving import frames

_BUFFER = 1 << 20
_PAUSES = (0.5, 30.0)
"""Seconds before a worker is started again that did not come up: at first, and at most."""
_END = 5.0
"""Seconds a worker has to end by itself."""


class WorkerDied(Exception):
    """The worker of a request has gone; the text says how."""


class NoWorker(Exception):
    """There is no process with a model."""


class Worker:
    """One process. Raises OSError where it cannot be started."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        self._process = process
        self._connection = connection
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @classmethod
    async def start(cls, framework: str) -> Worker:
        ours, theirs = socket.socketpair()
        python = shutil.which("python") or sys.executable
        words = ["-m", "sagewright_frameworks.serving.worker", framework, str(theirs.fileno())]
        with theirs:
            process = await asyncio.create_subprocess_exec(python, *words, pass_fds=[theirs.fileno()])
        worker = cls(process, ours)
        worker._reader, worker._writer = await asyncio.open_unix_connection(sock=ours, limit=_BUFFER)
        return worker

    async def ready(self) -> bool:
        """Whether it has come up, once it has, or not."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head, _ = await frames.read(self._reader)
            return bool(head["ready"])
        return False

    async def ask(self, headers: dict[str, str], body: bytes) -> frames.Frame:
        """Raises WorkerDied."""
        try:
            self._writer.write(frames.packed({"headers": headers}, body))
            await self._writer.drain()
            return await frames.read(self._reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerDied(await self.ended()) from None

    async def ended(self) -> str:
        """How it ended, once it has."""
        code = await self._process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def end(self) -> None:
        """By itself, as its socket closes; else it is killed."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END)
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()


class Pool:
    """As many workers as were asked for. hopeless: how the first one ended, where it did not come up."""

    def __init__(self, framework: str, count: int, timeout: float) -> None:
        self._framework = framework
        self._count = count
        self._timeout = timeout
        self._idle: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        self._workers: set[Worker] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._served = False
        self._ending = False
        self.hopeless: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def healthy(self) -> bool:
        """Whether a worker has its model loaded."""
        return bool(self._workers)

    def start(self) -> None:
        self._keepers = [asyncio.create_task(self._keep()) for _ in range(self._count)]

    async def ask(self, headers: dict[str, str], body: bytes) -> frames.Frame:
        """An answer's head and body. Raises NoWorker, WorkerDied."""
        worker = await self._next()
        try:
            async with asyncio.timeout(self._timeout):
                found = await worker.ask(headers, body)
        except TimeoutError:
            self._workers.discard(worker)
            worker.kill()
            raise WorkerDied(f"no answer within {self._timeout:g} s (SAGEMAKER_MODEL_SERVER_TIMEOUT)") from None
        except WorkerDied:
            self._workers.discard(worker)
            raise
        self._idle.put_nowait(worker)
        return found

    async def _next(self) -> Worker:
        """The one that is to answer, once it is there. While all have died, new ones are waited for as long as for an
        answer. Raises NoWorker.
        """
        while True:
            if not self._served:
                raise NoWorker
            try:
                async with asyncio.timeout(None if self._workers else self._timeout):
                    worker = await self._idle.get()
            except TimeoutError:
                raise NoWorker from None
            if worker in self._workers:  # it may have died while it was idle
                return worker

    async def end(self) -> None:
        self._ending = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self) -> None:
        """One worker after the other, for as long as they come up."""
        pause = _PAUSES[0]
        while True:
            came_up, how = await self._run()
            if came_up:
                pause = _PAUSES[0]
                log.error(f"A worker of the model ended: {how}. Another one is started.")
            elif self._served:
                log.error(f"A worker did not come up: {how}. The next try is in {pause:g} s.")
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PAUSES[1])
            else:
                if not self.hopeless.done():
                    self.hopeless.set_result(how)
                return

    async def _run(self) -> tuple[bool, str]:
        """A worker from its start to its end: whether it came up, and how it ended."""
        try:
            worker = await Worker.start(self._framework)
        except OSError as error:
            return False, str(error)
        try:
            if not await worker.ready():
                return False, await worker.ended()
            self._served = True
            self._workers.add(worker)
            self._idle.put_nowait(worker)
            return True, await worker.ended()
        finally:
            self._workers.discard(worker)
            if self._ending:
                await worker.end()
