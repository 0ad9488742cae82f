"""The ``sagewright`` command: finds the subcommand, and imports only that one."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from sagewright import __version__
from sagewright.commands import CommandFailed

_COMMANDS = {
    "up": "start a server",
    "down": "end the server in order",
    "status": "what the server is doing",
    "run": "run a command against a server: no endpoint, no credentials of its own",
    "env": 'the environment for a shell: eval "$(sagewright env)"',
    "demo": "train, deploy and predict with the SageMaker Python SDK",
    "doctor": "what this machine has, what to install",
    "interrupt": "take the instances of a managed spot training job away",
    "image": "commands of this machine in the place of container images",
    "filesystem": "folders of this machine that jobs read as EFS and FSx for Lustre file systems",
    "algorithms": "the built-in algorithms, and what the CreateAlgorithm API wants to know of them",
    "ops": "every AWS operation: behaves, record-only or not implemented",
}
"""Each is a module of sagewright.commands with ``add_arguments(parser)`` and ``run(options) -> exit status``."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="sagewright", description="The Amazon SageMaker API on your own machine.")
    parser.add_argument("--version", action="version", version=f"sagewright {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = words[0] if words and words[0] in _COMMANDS else None
    for name, summary in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == chosen:
            module = import_module(f"sagewright.commands.{name}")
            module.add_arguments(command)
    options = parser.parse_args(words)
    try:
        status: int = module.run(options)
    except (CommandFailed, ValueError) as error:
        print(f"sagewright {chosen}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has seen enough; no second complaint at exit
        return 1
    return status
