"""How much memory there is."""

from __future__ import annotations

import os
from pathlib import Path


def free_memory() -> int:
    """Bytes that a process can have without any other's being moved out; files that are merely cached count as free."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
