"""Compilation of the kernels. ``python -m sagewright_algorithms.random_cut_forest.forest`` compiles them all."""

from __future__ import annotations

from pathlib import Path

from sagewright_algorithms.contract.compiled import Compiler

_COMPILER = Compiler(Path(__file__).parent)
kernel = _COMPILER.kernel
summing_kernel = _COMPILER.summing_kernel
