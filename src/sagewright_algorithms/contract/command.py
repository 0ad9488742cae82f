"""The command line of the package: what a container's entry point is on AWS."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.spec import AlgorithmSpec

_USAGE = "usage: python -m sagewright_algorithms <algorithm> train | serve | describe | validate"


def main(arguments: Sequence[str]) -> int:
    """arguments: the algorithm's folder and a verb. Returns the exit code; 2 where they are wrong."""
    spec = _spec(arguments[0]) if len(arguments) == 2 else None
    verb = arguments[1] if len(arguments) == 2 else ""
    if spec is None or verb not in ("train", "serve", "describe", "validate"):
        print(_USAGE, file=sys.stderr)
        return 2
    if verb == "describe":
        print(json.dumps(spec.describe(), indent=1))
        return 0
    if verb == "validate":
        return _validate(spec)
    if verb == "train":
        from sagewright_algorithms.contract.job import run

        return run(spec, Environment.of_process())
    from sagewright_algorithms.contract.server import serve

    return serve(spec, Environment.of_process())


def _spec(package: str) -> AlgorithmSpec | None:
    if not package.isidentifier():
        return None
    try:
        module = import_module(f"sagewright_algorithms.{package}.spec")
    except ModuleNotFoundError:
        return None
    found = module.SPEC
    return found if isinstance(found, AlgorithmSpec) else None


def _validate(spec: AlgorithmSpec) -> int:
    """Standard input: a JSON object of hyperparameters a line. Out: ``{"error": null | "ClientError: ..."}``."""
    for line in sys.stdin:
        if line.strip():
            try:
                spec.parse(json.loads(line))
            except ClientError as error:
                print(json.dumps({"error": str(error)}), flush=True)
            else:
                print(json.dumps({"error": None}), flush=True)
    return 0
