"""``sagewright up``: a server in the foreground, or detached."""

from __future__ import annotations

import argparse
import shlex
from errno import EADDRINUSE
from ipaddress import ip_address
from pathlib import Path

from sagewright import __version__
from sagewright.commands import CommandFailed
from sagewright.commands.servers import add_place, find, launch
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
        print(_greeting(launch(config).url, config.data_dir))
        return 0
    return _serve(config)


def _serve(config: Config) -> int:
    from sagewright.server import AlreadyRunning, serve

    try:
        serve(config, lambda server: print(_greeting(server["url"], config.data_dir), flush=True))
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


def _greeting(url: str, data_dir: Path) -> str:
    where = "" if data_dir == load().data_dir else f" --data-dir {shlex.quote(str(data_dir))}"
    return f'Sagewright {__version__} is up at {url}. For a shell: eval "$(sagewright env{where})"'
