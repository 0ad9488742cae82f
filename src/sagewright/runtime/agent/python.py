"""A Python environment of a folder's own: what is installed into it stays there, what another has it sees.

The same as ``python -m venv``, made in a millisecond, with the packages of the other Python behind its own. pip takes
them for installed, and never changes them.
"""

from __future__ import annotations

import os
from typing import Any

LAYER = "SAGEWRIGHT_LAYER"
"""Environment variable: an environment whose packages come between one's own and those of the Python beneath."""

_PIP = """#!{python}
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""
_BEHIND = """import os
import site

layer = os.environ.get({layer!r})
for folder in [*([os.path.join(layer, {packages!r})] if layer else []), *{sites!r}]:
    site.addsitedir(folder)
"""


def lay(folder: str, at: str, python: dict[str, Any]) -> None:
    """Make one. at: the path by which its user will know the folder. python: ``runtime.python.describe()``."""
    version, packages = python["version"], f"lib/python{python['version']}/site-packages"
    os.makedirs(os.path.join(folder, "bin"))
    os.makedirs(os.path.join(folder, packages))
    home = os.path.dirname(python["base"])
    _write(folder, "pyvenv.cfg", f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n")
    behind = _BEHIND.format(layer=LAYER, packages=packages, sites=python["sites"])
    _write(folder, f"{packages}/_sagewright_packages.py", behind)
    _write(folder, f"{packages}/_sagewright_packages.pth", "import _sagewright_packages\n")
    os.symlink(python["base"], os.path.join(folder, "bin", "python"))
    for name in ("python3", f"python{version}"):
        os.symlink("python", os.path.join(folder, "bin", name))
    for name in ("pip", "pip3"):
        _write(folder, f"bin/{name}", _PIP.format(python=os.path.join(at, "bin", "python")), 0o755)


def _write(folder: str, name: str, text: str, mode: int = 0o644) -> None:
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
