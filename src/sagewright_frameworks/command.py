"""The command line of the package: what a framework container's entry point is on AWS."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from sagewright_algorithms.contract.environment import Environment
from sagewright_frameworks.catalog import ALL

_VERBS = ("train", "serve", "setup", "describe")
_USAGE = f"usage: python -m sagewright_frameworks <framework> {' | '.join(_VERBS)}"


def main(arguments: Sequence[str]) -> int:
    """arguments: the framework's name and a verb. Returns the exit code; 2 where they are wrong."""
    if len(arguments) != 2 or arguments[0] not in ALL or arguments[1] not in _VERBS:
        print(_USAGE, file=sys.stderr)
        return 2
    spec, verb = ALL[arguments[0]], arguments[1]
    if verb == "describe":
        print(json.dumps(spec.describe(), indent=1))
        return 0
    environment = Environment.of_process()
    if verb == "setup":
        from sagewright_frameworks.setup import setup

        return setup(spec, environment)
    if verb == "train":
        from sagewright_frameworks.training.script import train

        return train(spec, environment)
    from sagewright_frameworks.serving.start import serve

    return serve(spec, environment)
