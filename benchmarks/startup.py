"""`sagewright up` to healthy and idle memory, against moto_server."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import answers, median, peer, rss_mb, wait_until

_ROUNDS = 7
_FIRST_PORT = 21100
"""Below the ephemeral ports: a client that polls one of those may connect to itself."""


def _start(command: list[str], health: str) -> tuple[float, float]:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(health))
        seconds = time.perf_counter() - start
        time.sleep(1)
        return seconds, rss_mb(process.pid)
    finally:
        process.terminate()
        process.wait()


def run() -> Iterator[str]:
    moto = peer("moto") / "moto_server"
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for port in range(_FIRST_PORT, _FIRST_PORT + _ROUNDS):
            data = str(Path(folder) / "data")
            command = [sys.executable, "-m", "sagewright", "up", "--port", str(port), "--data-dir", data]
            ours.append(_start(command, f"http://127.0.0.1:{port}/_sagewright/health"))
            theirs.append(_start([str(moto), "-p", str(port + 50)], f"http://127.0.0.1:{port + 50}/moto-api/"))
    for number, (what, unit) in enumerate((("start to healthy", "s"), ("idle memory", "MB"))):
        a, b = median([pair[number] for pair in ours]), median([pair[number] for pair in theirs])
        yield f"{what}: sagewright {a:.3g} {unit}, moto_server {b:.3g} {unit}, ratio {a / b:.2f}"
