"""A Python with PyTorch for users' scripts, where pip has a CPU build of it at hand."""

from __future__ import annotations

import os
import site
import subprocess
from functools import cache
from pathlib import Path

from clients.harness import python_of

_SOURCES = Path(__file__).resolve().parents[2] / "src"


@cache
def torch_settings() -> dict[str, str] | None:
    """Environment variables of a server whose scripts have PyTorch; None where it cannot be had."""
    try:
        return settings_of("script_torch")
    except subprocess.CalledProcessError:
        return None


def settings_of(client: str) -> dict[str, str]:
    """Of a server whose scripts have what a virtualenv has; the rest, Sagewright too, is that of this Python.

    Raises CalledProcessError where it cannot be made.
    """
    behind = os.pathsep.join([str(_SOURCES), *site.getsitepackages()])
    return {"SAGEWRIGHT_SCRIPT_PYTHON": str(python_of(client)), "PYTHONPATH": behind}
