"""``sagewright doctor``: what this machine has for Sagewright, and what to install."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sagewright.config import Config, load

_EXTRAS = {"torch": "PyTorch", "ray": "Ray"}
"""Module to name, for what only some algorithms and backends need."""
_LOW_DISK = 5 * 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """good: True where all is well, False where something is missing that most want, None where it is optional."""

    name: str
    good: bool | None
    text: str
    advice: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="D", help="the server's data folder (~/.local/share/sagewright)")


def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    marks = {True: "[green]ok[/]", False: "[red]no[/]", None: "[yellow]--[/]"}
    findings = list(_findings(load({"data_dir": options.data_dir})))
    for finding in findings:
        console.print(f"{marks[finding.good]}  {finding.name:<12} ", end="")
        console.print(finding.text, markup=False)
        if finding.advice:
            console.print(f"{'':17}{finding.advice}", markup=False)
    return int(any(finding.good is False for finding in findings))


def _findings(config: Config) -> Iterator[Finding]:
    version = sys.version_info >= (3, 11)
    yield Finding(
        "python", version, f"{platform.python_version()} at {sys.executable}", "" if version else "3.11 is needed"
    )
    yield _machine()
    yield _sandbox()
    yield _containers(config)
    yield _fuse()
    yield _gpu()
    yield _disk(config.data_dir)
    for module, name in _EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        yield Finding(name.lower(), True if there else None, "installed" if there else "not installed (optional)")


def _machine() -> Finding:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Finding("machine", True, f"{os.cpu_count()} CPUs, {memory:.1f} GiB memory, {platform.platform()}")


def _sandbox() -> Finding:
    from sagewright.runtime.sandbox import probe

    found = probe()
    if found.program:
        network = "with network isolation" if found.network else "without network isolation: no network namespaces here"
        return Finding("sandbox", True, f"bubblewrap works, {network}")
    missing = shutil.which("bwrap") is None
    advice = (
        "jobs run as plain processes, EnableNetworkIsolation is refused: apt-get install bubblewrap"
        if missing
        else "user namespaces may be forbidden, by sysctl kernel.unprivileged_userns_clone or by AppArmor"
    )
    return Finding("sandbox", False, found.why, advice)


def _containers(config: Config) -> Finding:
    from sagewright.runtime import engine

    found, advice = engine.find(config.engine), "only images of your own need one"
    if found is None:
        others = {"auto": "neither docker nor podman", "off": "switched off"}
        text = others.get(config.engine, f"{config.engine} is not installed (the setting engine)")
        return Finding("containers", None, text, advice)
    name = os.path.basename(found.command[0])
    answer = engine.version(found.command)
    if not answer:
        return Finding("containers", None, f"{name} is installed, but no engine answers", advice)
    return Finding("containers", True, f"{name} {answer}")


def _fuse() -> Finding:
    lacking = [
        text
        for text, there in {
            "Debian's fuse3": shutil.which("fusermount3"),
            "a /dev/fuse that is open to this user": os.access("/dev/fuse", os.R_OK | os.W_OK),
            "pip install 'sagewright[fuse]'": importlib.util.find_spec("mfusepy"),
        }.items()
        if not there
    ]
    come = "objects linked to FSx for Lustre come in"
    if not lacking:
        return Finding("fuse", True, f"{come} when they are read")
    return Finding("fuse", None, f"{come} before a job", f"lacking: {', '.join(lacking)}")


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    names = _output(program, "--query-gpu=name,memory.total", "--format=csv,noheader") if program else ""
    if names:
        return Finding("gpu", True, names.replace("\n", "; "))
    return Finding("gpu", None, "none: GPU instance types run on the CPU, and the job's log says so")


def _disk(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    text = f"{free / 2**30:.1f} GiB free at {folder}"
    if not writable:
        return Finding("disk", False, f"{there} is not writable", "name another folder with --data-dir")
    return Finding("disk", free > _LOW_DISK, text, "" if free > _LOW_DISK else "that is little for models and data")


def _output(*command: str) -> str:
    """What a command prints, or nothing where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
