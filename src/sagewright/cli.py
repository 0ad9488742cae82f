"""The ``sagewright`` command."""

from __future__ import annotations

import argparse

from sagewright.config import load
from sagewright.server import AlreadyRunning, serve


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit status."""
    parser = argparse.ArgumentParser(prog="sagewright")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up")
    up.add_argument("--host")
    up.add_argument("--port", type=int)
    up.add_argument("--data-dir")
    options = parser.parse_args(arguments)
    try:
        serve(load({"host": options.host, "port": options.port, "data_dir": options.data_dir}))
    except AlreadyRunning as error:
        parser.exit(1, f"{error}\n")
    return 0
