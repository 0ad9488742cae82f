"""requirements.txt: the key of the layer of packages that it stands for, and how that layer is made.

Two sources with the same requirements share a layer: the key is a digest of the requirements, of what local files they
name, of pip's settings and of the Python that they are installed over.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import site
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from sagewright_algorithms.contract import log
from sagewright_frameworks.failure import InstallRequirementsError

NAME = "requirements.txt"
WHEELS = "wheels"
"""A folder beside requirements.txt with what is to be installed without a network."""

_OTHER = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]*(\S+)")
_LOCAL = re.compile(r"(?:(?:-e|--editable)[ =]*)?(?:[\w.\[\],-]+ *@ *)?(?:file:(?://)?)?([^\s;#\[]+)")


def key(code: Path, *, package: bool = False) -> str | None:
    """Of the layer that a folder of code needs; None where it needs none. package: the code itself is installed too."""
    if not package and not (code / NAME).is_file():
        return None
    digest = sha256(repr((sys.version_info[:3], platform.machine(), sys.prefix, _beneath())).encode())
    for name in sorted(os.environ):
        if name.startswith("PIP_"):
            digest.update(f"{name}={os.environ[name]}\n".encode())
    files = _tree(code) if package else _named(code / NAME, code)
    for name, file in sorted({str(file.relative_to(code)): file for file in files}.items()):
        digest.update(f"{name} {file.stat().st_size}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def install(code: Path, layer: Path, *, package: bool = False) -> None:
    """Install a folder's requirements into a layer. Raises InstallRequirementsError."""
    words = [str(layer / "bin" / "python"), "-m", "pip", "install"]
    command = [*words, "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--retries", "1"]
    for place in (os.environ.get("SAGEWRIGHT_WHEELS", ""), str(code / WHEELS)):
        if place and os.path.isdir(place):
            command += ["--find-links", place]
    if find_spec("setuptools") and find_spec("wheel"):
        command.append("--no-build-isolation")  # so that nothing need be fetched for building
    shown = [*words, *(["."] if package else []), *(["-r", NAME] if (code / NAME).is_file() else [])]
    command += shown[len(words) :]
    log.info(f"Installing dependencies from {NAME}: {shlex.join(shown)}")
    done = subprocess.run(command, cwd=code, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    for line in done.stderr.splitlines():
        log.write_line(line)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        code_of = done.returncode if done.returncode > 0 else 128 - done.returncode
        raise InstallRequirementsError(shown, code_of, "\n".join(errors) or done.stderr, _advice(errors))


def _advice(errors: list[str]) -> str:
    if not any("No matching distribution" in line or "Could not find a version" in line for line in errors):
        return ""
    shared = os.environ.get("SAGEWRIGHT_WHEELS_NAME", "")
    places = f"{shared}, or into a folder {WHEELS} beside {NAME}" if shared else f"a folder {WHEELS} beside {NAME}"
    return f"Without a network, put its wheel into {places}"


def _beneath() -> list[str]:
    """The packages of this Python, as names and versions."""
    folders = [folder for folder in site.getsitepackages() if os.path.isdir(folder)]
    return sorted(name for folder in folders for name in os.listdir(folder) if name.endswith(".dist-info"))


def _tree(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file


def _named(file: Path, code: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The file, and what it names inside of the code: other requirements, wheels, folders to install."""
    if file in seen or not file.is_file():
        return
    yield file
    if file == code / NAME and (code / WHEELS).is_dir():
        yield from _tree(code / WHEELS)
    for raw in file.read_text(errors="replace").splitlines():
        line = raw.strip()
        if other := _OTHER.match(line):
            yield from _named(file.parent / other[1], code, seen | {file})
        elif not line.startswith("#") and (local := _LOCAL.match(line)):
            place = (code / local[1]).resolve()
            if place.is_relative_to(code.resolve()) and place != code.resolve():
                yield from _tree(code / local[1]) if place.is_dir() else filter(Path.is_file, [code / local[1]])
