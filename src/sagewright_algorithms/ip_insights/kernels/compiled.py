"""Compilation of the kernels. ``python -m sagewright_algorithms.ip_insights`` compiles them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sagewright_algorithms.contract.compiled import Compiler

Array = NDArray[Any]

_COMPILER = Compiler(Path(__file__).parent)
kernel = _COMPILER.kernel
summing_kernel = _COMPILER.summing_kernel
