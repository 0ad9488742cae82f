"""Clients that tests, benchmarks and the demo drive: a virtualenv or a folder of npm packages each, kept between runs.

    python tests/clients/harness.py sdk_v2

makes ``.clients/sdk_v2-<hash>`` from ``sdk_v2.txt`` where it is not there yet, and prints its Python. The hash is that
of the requirements and of the Python version. A folder with a ``package-lock.json`` is npm's, whose packages the lock
names by hash. Needs nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_CLIENTS = _HERE.parents[1] / ".clients"


def python_of(name: str, requirements_in: Path = _HERE) -> Path:
    """The Python of a client's virtualenv, of ``<name>.txt`` in a folder.

    Raises FileNotFoundError for an unknown client, CalledProcessError.
    """
    requirements = requirements_in / f"{name}.txt"

    def fill(folder: Path) -> None:
        venv.create(folder, clear=True, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
        subprocess.run([str(folder / "bin" / "python"), *install], check=True, stdout=sys.stderr)

    return _made(name, requirements.read_bytes() + sys.version.encode(), fill) / "bin" / "python"


def node_modules_of(name: str) -> Path:
    """The node_modules of the client whose package.json and package-lock.json are in a folder of that name here.

    Raises FileNotFoundError for an unknown client or without npm, CalledProcessError.
    """
    files = [_HERE / name / file for file in ("package.json", "package-lock.json")]

    def fill(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.read_bytes())
        words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(words, cwd=folder, check=True, stdout=sys.stderr)

    return _made(name, b"".join(file.read_bytes() for file in files), fill) / "node_modules"


def _made(name: str, key: bytes, fill: Callable[[Path], None]) -> Path:
    """The folder of a client, filled once for a key whoever asks for it at the same time."""
    folder = _CLIENTS / f"{name}-{hashlib.sha256(key).hexdigest()[:12]}"
    _CLIENTS.mkdir(exist_ok=True)
    with (_CLIENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            fill(folder)
            (folder / "ready").touch()
    return folder


if __name__ == "__main__":
    for client in sys.argv[1:]:
        print(node_modules_of(client) if (_HERE / client).is_dir() else python_of(client))
