"""``sagewright up``: a server in the foreground, or detached."""

from __future__ import annotations

import argparse
import os
import shlex
import threading
import time
from errno import EADDRINUSE
from ipaddress import ip_address

from sagewright import __version__
from sagewright.commands import CommandFailed
from sagewright.commands.servers import Running, add_place, find, launch
from sagewright.config import Config, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="H", help="the address to listen on (127.0.0.1)")
    add_place(parser)
    parser.add_argument("--detach", action="store_true", help="return once the server answers; it goes on by itself")


def run(options: argparse.Namespace) -> int:
    config = load({"host": options.host, "port": options.port, "data_dir": options.data_dir})
    _check_loopback(config.host)
    if options.detach:
        running = find(config)
        if running is not None:
            raise CommandFailed(f"the data folder {config.data_dir} is in use by the server with pid {running.pid}")
        print(_greeting(launch(config)))
        return 0
    threading.Thread(target=_greet, args=(config,), daemon=True).start()
    return _serve(config)


def _serve(config: Config) -> int:
    from sagewright.server import AlreadyRunning, serve

    try:
        serve(config)
    except AlreadyRunning as error:
        raise CommandFailed(str(error)) from None
    except OSError as error:
        if error.errno != EADDRINUSE:
            raise
        raise CommandFailed(f"port {config.port} is taken by another program; --port 0 takes a free one") from None
    return 0


def _check_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise CommandFailed(
            f"--host {host} is refused: signatures are not checked yet, so whoever reaches the server may do anything. "
            "It listens on loopback addresses only (127.0.0.1, ::1)."
        )


def _greet(config: Config) -> None:
    """Say so once this process's server answers."""
    for _ in range(600):
        time.sleep(0.05)
        running = find(config)
        if running is not None and running.pid == os.getpid():
            print(_greeting(running), flush=True)
            return


def _greeting(running: Running) -> str:
    where = "" if running.data_dir == load().data_dir else f" --data-dir {shlex.quote(str(running.data_dir))}"
    return f'Sagewright {__version__} is up at {running.url}. For a shell: eval "$(sagewright env{where})"'
