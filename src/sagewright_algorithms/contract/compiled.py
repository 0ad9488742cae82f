"""Compilation of an algorithm's loops by numba, each when it is first called.

Machine code is kept on disk where the folder of its sources can be written. A process that cannot write there, one in a
sandbox, uses what is there: ``make install`` has all kernels compiled.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_CONFIG: Any = numba.config
_REORDERED = {"reassoc", "nsz", "contract"}
"""What lets a sum use vector instructions; infinities and NaN keep their meaning."""


class Compiler:
    """sources: the folder of the kernels."""

    def __init__(self, sources: Path) -> None:
        self._cache = _cache(sources)

    def kernel(self, function: Callable[..., Any]) -> Any:
        """Machine code that runs without the interpreter's lock."""
        return self._compiled(function, set())

    def summing_kernel(self, function: Callable[..., Any]) -> Any:
        """Its sums may be taken in any order. Not for sums of differences: they would become differences of sums, and
        what is small beside what is large would be lost.
        """
        return self._compiled(function, _REORDERED)

    def _compiled(self, function: Callable[..., Any], fastmath: set[str]) -> Any:
        before = _CONFIG.CACHE_DIR
        _CONFIG.CACHE_DIR = str(self._cache or "")
        try:
            return numba.njit(
                cache=self._cache is not None, nogil=True, fastmath=fastmath or False, error_model="numpy"
            )(function)
        finally:
            _CONFIG.CACHE_DIR = before


def _cache(sources: Path) -> Path | None:
    """The folder for the machine code of these very sources; None where there is none to write to or to copy.

    numba by itself would not see that a kernel which another one calls has changed.
    """
    digest = hashlib.sha256()
    for path in sorted(sources.glob("*.py")):
        digest.update(path.read_bytes())
    folder = Path(_CONFIG.CACHE_DIR or sources / "__pycache__") / f"kernels-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if os.access(folder, os.W_OK) and not _read_only(folder):
        return folder
    # numba reads only where it could write.
    copy = Path(tempfile.mkdtemp(prefix="kernels-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    return Path(shutil.copytree(folder, copy, dirs_exist_ok=True))


def _read_only(folder: Path) -> bool:
    """Root may write to any folder, but not to those of a sandbox's read-only mounts."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
