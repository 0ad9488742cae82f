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
    """Environment variables of a server whose scripts have PyTorch; None where it cannot be had.

    PyTorch is in a virtualenv of its own; the rest, Sagewright too, is that of this Python.
    """
    try:
        python = python_of("script_torch")
    except subprocess.CalledProcessError:
        return None
    behind = os.pathsep.join([str(_SOURCES), *site.getsitepackages()])
    return {"SAGEWRIGHT_SCRIPT_PYTHON": str(python), "PYTHONPATH": behind}
