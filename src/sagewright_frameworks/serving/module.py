"""The user's module: where it is, and what is wrong where it cannot be had."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks import setup, source
from sagewright_frameworks.serving.settings import Settings


def load(environment: Environment, settings: Settings) -> ModuleType | None:
    """None where the endpoint names none and has no inference.py. Raises ClientError, and what the module raises."""
    code = setup.code_folder(environment)
    if not code.is_dir():
        if settings.program:
            raise ClientError(f"SAGEMAKER_PROGRAM is {settings.program}, and the model brings no code.")
        return None
    sys.path.insert(0, str(code))
    if settings.program and not _is_there(settings.module):
        raise ClientError(
            f"SAGEMAKER_PROGRAM is {settings.program}, and the source has none; it has {source.names(code)}."
        )
    if settings.program or (code / f"{settings.module}.py").is_file():
        return import_module(settings.module)
    return None


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of a package that the name begins with
        return False
