"""``sagewright up``: a server in the foreground, or detached."""

from __future__ import annotations

import argparse
import shlex
from errno import EADDRINUSE
from ipaddress import ip_address

from sagewright import __version__
from sagewright.commands import CommandFailed
from sagewright.commands.servers import add_place, find, launch
from sagewright.config import Config, load
from sagewright.kit.root_key import root_key_file
from sagewright.runtime.backend import Unavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="H", help="the address to listen on (127.0.0.1)")
    add_place(parser)
    parser.add_argument("--auth", choices=("off", "signature"), help="whether signatures are checked (off)")
    parser.add_argument("--backend", choices=("local", "ray"), help="where jobs and model servers run (local)")
    parser.add_argument("--ray-address", metavar="ADDR", help="the Ray cluster: host:port, ray://host:port or auto")
    parser.add_argument("--detach", action="store_true", help="return once the server answers; it goes on by itself")


def run(options: argparse.Namespace) -> int:
    names = ("host", "port", "data_dir", "auth", "backend", "ray_address")
    config = load({name: getattr(options, name) for name in names})
    _check_loopback(config)
    if options.detach:
        running = find(config)
        if running is not None:
            raise CommandFailed(f"the data folder {config.data_dir} is in use by the server with pid {running.pid}")
        print(_greeting(launch(config).url, config))
        return 0
    return _serve(config)


def _serve(config: Config) -> int:
    from sagewright.server import AlreadyRunning, serve

    try:
        serve(config, lambda server: print(_greeting(server["url"], config), flush=True))
    except AlreadyRunning as error:
        raise CommandFailed(str(error)) from None
    except Unavailable as error:
        raise CommandFailed(str(error)) from None
    except OSError as error:
        if error.errno != EADDRINUSE:
            raise
        raise CommandFailed(f"port {config.port} is taken by another program; --port 0 takes a free one") from None
    return 0


def _check_loopback(config: Config) -> None:
    host = config.host
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if config.auth == "off" and not is_loopback:
        raise CommandFailed(
            f"--host {host} is refused: signatures are not checked, so whoever reaches the server may do anything. "
            'Check them: --auth signature, or SAGEWRIGHT_AUTH=signature, or auth = "signature" in sagewright.toml.'
        )


def _greeting(url: str, config: Config) -> str:
    where = "" if config.data_dir == load().data_dir else f" --data-dir {shlex.quote(str(config.data_dir))}"
    text = f'Sagewright {__version__} is up at {url}. For a shell: eval "$(sagewright env{where})"'
    if config.auth == "signature":
        text += f"\nSignatures are checked. The root key is in {root_key_file(config.data_dir)}"
    return text
