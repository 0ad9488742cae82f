"""``sagewright env``: what for_clients sets, for a shell to take over."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Callable, Mapping

from sagewright.commands.environment import for_clients
from sagewright.commands.servers import add_place, find_at


def _posix(variables: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def _fish(variables: Mapping[str, str]) -> str:
    def quote(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"

    return "\n".join(f"set -gx {name} {quote(value)};" for name, value in variables.items())


_SHELLS: dict[str, Callable[[Mapping[str, str]], str]] = {
    "posix": _posix,
    "fish": _fish,
    "json": lambda variables: json.dumps(variables, indent=2),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    parser.add_argument("--shell", choices=sorted(_SHELLS), default="posix", help="whose syntax (posix: bash, zsh, sh)")


def run(options: argparse.Namespace) -> int:
    print(_SHELLS[options.shell](for_clients(find_at(options), os.environ)))
    return 0
