"""What this machine has for workloads."""

from __future__ import annotations

import os
from pathlib import Path

from sagewright.runtime.workload import Resources

_SHARE = 0.9
"""Of the memory, what workloads may have; the rest is the system's and the server's."""


def machine() -> Resources:
    """Processors we may run on, memory within the control group's limit, GPUs with a device file."""
    return Resources(_processors(), int(_memory() * _SHARE), len(list(Path("/dev").glob("nvidia[0-9]*"))))


def _processors() -> float:
    count = float(len(os.sched_getaffinity(0)))
    for folder in _groups("cpu"):
        quota, period = _cpu_quota(folder)
        if quota > 0 and period > 0:
            count = min(count, quota / period)
    return max(count, 1.0)


def _memory() -> int:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for folder in _groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _number(folder / name)
            if limit > 0:
                total = min(total, limit)
    return total


def _groups(controller: str) -> list[Path]:
    """This process's control group and those above it, in either version's tree."""
    folders: list[Path] = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup", controller if controllers else "")
        group = Path(path.lstrip("/"))
        folders += [root / part for part in (group, *group.parents)]
    return folders


def _cpu_quota(folder: Path) -> tuple[int, int]:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return (0, 0) if quota == "max" else (int(quota), int(period))
    except (OSError, ValueError):
        return _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
