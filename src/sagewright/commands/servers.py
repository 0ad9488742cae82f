"""Servers as commands see them: the one of a data folder, found, launched and ended."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sagewright.commands import CommandFailed
from sagewright.config import Config, load

_LAUNCH_TIMEOUT = 60.0
_END_TIMEOUT = 60.0
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. started: seconds since the epoch."""

    pid: int
    host: str
    port: int
    url: str
    proxy_port: int
    ca_bundle: str
    started: float
    data_dir: Path
    auth: str = "off"

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.proxy_port}"


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options that say which server is meant."""
    parser.add_argument("--port", type=int, metavar="P", help="the server's port (4566)")
    parser.add_argument("--data-dir", metavar="D", help="the server's data folder (~/.local/share/sagewright)")


def place(options: argparse.Namespace) -> Config:
    """The configuration with the options of add_place over it. Raises ValueError.

    A port stands for the server that answers there, whatever its data folder is, unless that is named as well.
    """
    config = load({"port": options.port, "data_dir": options.data_dir})
    if options.data_dir is None and (options.port or "SAGEWRIGHT_DATA_DIR" not in os.environ):
        answer = _ask(config.host, config.port)
        if answer is not None:
            return replace(config, data_dir=Path(answer["data_dir"]))
    return config


def folder_for_jobs(name: str, data_dir: Path) -> Path:
    """A folder of this machine that jobs are to see. Raises CommandFailed for one that they must not."""
    folder = Path(name).expanduser().absolute()
    if not folder.is_dir():
        raise CommandFailed(f"{folder} is no folder")
    one, other = folder.resolve(), data_dir.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise CommandFailed(f"{folder} and the server's data folder {data_dir} must be apart: jobs are not to see that")
    return folder


def find(config: Config) -> Running | None:
    """The server of the data folder, where one answers."""
    from sagewright.server import read_server_file

    document = read_server_file(config.data_dir)
    if document is None or not _is_alive(document["pid"]) or not is_healthy(document["host"], document["port"]):
        return None
    return Running(
        pid=document["pid"],
        host=document["host"],
        port=document["port"],
        url=document["url"],
        proxy_port=document["proxy_port"],
        ca_bundle=document["ca_bundle"],
        auth=document.get("auth", "off"),
        started=document["started"],
        data_dir=config.data_dir,
    )


def find_at(options: argparse.Namespace) -> Running:
    """The server that the options of add_place mean. Raises CommandFailed with what to do where there is none."""
    config = place(options)
    running = find(config)
    if running is None:
        if is_healthy(config.host, config.port):
            raise CommandFailed(
                f"the server on port {config.port} keeps its data in another folder than {config.data_dir}: "
                "name it with --data-dir"
            )
        raise CommandFailed(f"no server is running on {config.data_dir}: start one with `sagewright up --detach`")
    check_port(running, options.port)
    return running


def check_port(running: Running, asked: int | None) -> None:
    """Raises CommandFailed when the data folder's server is on another port than the one asked for."""
    if asked not in (None, 0, running.port):
        raise CommandFailed(
            f"the server of {running.data_dir} is on port {running.port}, not {asked}: a second one needs a --data-dir"
        )


def is_healthy(host: str, port: int) -> bool:
    """Whether a Sagewright server answers there."""
    return _ask(host, port) is not None


def _ask(host: str, port: int, timeout: float = 5.0) -> dict[str, Any] | None:
    """What the Sagewright server there says of itself; None where there is none."""
    import http.client
    import json

    if port == 0:
        return None
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/_sagewright/health")
        document = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return document if isinstance(document, dict) and "data_dir" in document else None


def launch(config: Config, environment: Mapping[str, str] | None = None) -> Running:
    """Start a server in a session of its own and wait until it answers.

    Its output goes to server.log in the data folder. Raises CommandFailed with the end of it when it does not come up.
    """
    config.data_dir.mkdir(parents=True, exist_ok=True)
    log = config.data_dir / "server.log"
    words = ["up", "--host", config.host, "--port", str(config.port), "--data-dir", str(config.data_dir)]
    words += ["--auth", config.auth, "--backend", config.backend, "--ray-address", config.ray_address]
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "sagewright", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=None if environment is None else dict(environment),
        )
    deadline = time.monotonic() + _LAUNCH_TIMEOUT
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        running = find(config)
        if running is not None:
            return running
        if ended:
            break
        time.sleep(_PAUSE)
    else:
        process.terminate()
    text = log.read_bytes()[begin:].decode(errors="replace").strip()
    raise CommandFailed(text.removeprefix("sagewright up: ") or f"the server did not come up; its log is {log}")


def end(running: Running) -> None:
    """SIGTERM, and wait for the orderly end. Raises CommandFailed when there is none in time."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_TIMEOUT
    while _is_alive(running.pid):
        if time.monotonic() > deadline:
            raise CommandFailed(f"the server with pid {running.pid} did not end within {_END_TIMEOUT:.0f} s")
        time.sleep(_PAUSE)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(running.pid, os.WNOHANG)


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and whose parent has not asked for its status does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
