"""The Python that runs users' code, which may be another than ours. As a script this describes the one that runs it."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """This Python.

    base: the binary under all virtual environments. version: ``3.11``. sites: its folders of packages, first come first
    served. roots: the folders of which it consists.
    """
    sites = list(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        sites.append(site.getusersitepackages())
    roots = [sys.prefix, sys.base_prefix, sys.exec_prefix]
    roots.append(os.path.dirname(os.path.dirname(os.path.realpath(sys.executable))))
    for folder in sites:
        for file in sorted(Path(folder).glob("*.pth")):
            lines = file.read_text(errors="replace").splitlines()
            roots += [line.strip() for line in lines if os.path.isabs(line.strip())]
    return {
        "executable": sys.executable,
        "base": getattr(sys, "_base_executable", "") or sys.executable,
        "version": ".".join(map(str, sys.version_info[:2])),
        "sites": [folder for folder in sites if os.path.isdir(folder)],
        "roots": [path for path in roots + sites if os.path.isdir(path)],
    }


@cache
def description(executable: str) -> dict[str, Any]:
    """The same of another Python. Raises OSError or ValueError where it is none that works."""
    if executable == sys.executable:
        return describe()
    done = subprocess.run([executable, "-P", __file__], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise ValueError(f"{executable} (setting script_python) is no Python that works: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(describe()))
