"""CreateTrainingJob to the algorithm's process on a warm Ray cluster of two nodes, above the local backend."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator

from benchmarks.common import ROOT, median, server
from benchmarks.job_start import prepared, started

_ROUNDS = 9


def run() -> Iterator[str]:
    if importlib.util.find_spec("ray") is None:
        yield "not run: Ray is not installed"
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from ray_cluster import two_nodes

    with two_nodes() as (address, _):
        settings = {"SAGEWRIGHT_BACKEND": "ray", "SAGEWRIGHT_RAY_ADDRESS": address}
        yield _compared(settings)


def _compared(settings: dict[str, str]) -> str:
    with server() as here, server(**settings) as there:
        local, ray = prepared(here.url), prepared(there.url)
        started(ray, "warm")
        pairs = [(started(local, f"start-{number}"), started(ray, f"start-{number}")) for number in range(_ROUNDS)]
    a, b = median([one for one, _ in pairs]) * 1000, median([other for _, other in pairs]) * 1000
    return f"local {a:.0f} ms, Ray {b:.0f} ms, above it {b - a:.0f} ms (reach < 1000)"
