"""A server process: the lock on its data folder, the HTTP listener, the proxy beside it, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagewright.config import Config
from sagewright.runtime.agent.files import write_json

if TYPE_CHECKING:
    from sagewright.app import App

_DRAIN = 10.0
"""Seconds that requests under way get at a reset."""


class AlreadyRunning(Exception):
    """Another server holds the data folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        super().__init__(f"the data folder {folder} is in use by the server with pid {pid}")
        self.pid = pid


def server_file(data_dir: Path) -> Path:
    """Where a running server says how to reach it: JSON with pid, host, port, url, proxy_port, ca_bundle
    (a file that exists once it was asked for), auth (the setting) and started (epoch seconds)."""
    return data_dir / "server.json"


def read_server_file(data_dir: Path) -> dict[str, Any] | None:
    """What the last server of this folder wrote, whether or not it still runs."""
    try:
        document: dict[str, Any] = json.loads(server_file(data_dir).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return document


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One server a data folder. The kernel drops the lock with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            text = file.read().strip()
            raise AlreadyRunning(folder, int(text) if text.isdigit() else None) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    listener.setblocking(False)
    return listener


Ready = Callable[[dict[str, Any]], None]
"""Told once, with what the server file says, as soon as requests are answered."""


def serve(config: Config, ready: Ready) -> None:
    """Run a server until SIGTERM or SIGINT. Raises AlreadyRunning, or OSError when the port is taken."""
    with _lock(config.data_dir):
        listener = _listen(config.host, config.port)
        import uvloop

        uvloop.run(_serve(config, listener, ready))


class _Life:
    """The app behind the listener; a reset ends it, empties the data folder and begins another."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._active = 0
        self._open = asyncio.Event()
        self.app = self._fresh()

    def _fresh(self) -> App:
        from sagewright.app import App

        return App(self._config, self.reset)

    async def start(self) -> None:
        await self.app.start()
        self._open.set()

    def leave(self) -> None:
        self.app.leave()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self._open.wait()
        self._active += 1
        try:
            await self.app.asgi(scope, receive, send)
        finally:
            self._active -= 1

    async def reset(self) -> None:
        """Everything stored or running goes, as if the server had never been used. Requests that come wait."""
        self._open.clear()
        self.app.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                while self._active > 1:  # the one that asks for the reset goes on
                    await asyncio.sleep(0.01)
        await self.app.stop()
        await asyncio.to_thread(self.app.end_workloads)
        await asyncio.to_thread(_empty, self._config.data_dir)
        self.app = self._fresh()
        await self.start()


def _empty(data_dir: Path) -> None:
    """Documents, objects and work; what a shell may know (the authority, root credentials) stays."""
    for name in ("sagewright.db", "sagewright.db-wal", "sagewright.db-shm"):
        (data_dir / name).unlink(missing_ok=True)
    for name in ("blobs", "filesystems", "work"):
        shutil.rmtree(data_dir / name, ignore_errors=True)


async def _serve(config: Config, listener: socket.socket, ready: Ready) -> None:
    from sagewright.wire.authority import Authority
    from sagewright.wire.listener import Listener
    from sagewright.wire.proxy import Proxy

    life = _Life(config)
    clock = life.app.clock
    authority = Authority(config.data_dir / "ca", clock)
    port: int = listener.getsockname()[1]
    proxy = Proxy(authority, (config.host, port), config.upstream_proxy)
    proxy_port = await proxy.start(port=port + 1)  # the same one after a restart, for shells that know it
    await life.start()

    def announce() -> None:
        ready(_announce(config, port, proxy_port, authority.bundle, clock.now()))

    try:
        await Listener(life, announce, life.leave).serve(sockets=[listener])
    finally:
        server_file(config.data_dir).unlink(missing_ok=True)
        await proxy.stop()
        await life.app.stop()


def _announce(config: Config, port: int, proxy_port: int, bundle: Path, started: float) -> dict[str, Any]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 - where all are meant
    host = f"[{host}]" if ":" in host else host
    document = {
        "pid": os.getpid(),
        "host": config.host,
        "port": port,
        "url": f"http://{host}:{port}",
        "proxy_port": proxy_port,
        "ca_bundle": str(bundle),
        "auth": config.auth,
        "started": started,
    }
    write_json(server_file(config.data_dir), document)
    return document
