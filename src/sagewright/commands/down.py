"""``sagewright down``: end the server in order. Jobs and endpoints stay, and go on with the next ``up``."""

from __future__ import annotations

import argparse

from sagewright.commands.servers import add_place, check_port, end, find, place


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place(parser)


def run(options: argparse.Namespace) -> int:
    config = place(options)
    running = find(config)
    if running is None:
        print(f"no server is running on {config.data_dir}")
        return 0
    check_port(running, options.port)
    end(running)
    print(f"the server with pid {running.pid} has ended")
    return 0
