"""Virtualenvs of the clients that tests, benchmarks and the demo drive, one a client, kept between runs.

    python tests/clients/harness.py sdk_v2

makes ``.clients/sdk_v2-<hash>`` from ``sdk_v2.txt`` where it is not there yet, and prints its Python. The hash is that
of the requirements and of the Python version. Needs nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_CLIENTS = _HERE.parents[1] / ".clients"


def python_of(name: str, requirements_in: Path = _HERE) -> Path:
    """The Python of a client's virtualenv, of ``<name>.txt`` in a folder.

    Raises FileNotFoundError for an unknown client, CalledProcessError.
    """
    requirements = requirements_in / f"{name}.txt"
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = _CLIENTS / f"{name}-{key}"
    python = folder / "bin" / "python"
    _CLIENTS.mkdir(exist_ok=True)
    with (_CLIENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            venv.create(folder, clear=True, with_pip=True)
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
            subprocess.run([str(python), *install], check=True, stdout=sys.stderr)
            (folder / "ready").touch()
    return python


if __name__ == "__main__":
    for client in sys.argv[1:]:
        print(python_of(client))
