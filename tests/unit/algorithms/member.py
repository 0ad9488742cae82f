"""One instance of a job, as a process: connects, does one of the works below, and prints what it found."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

import numpy as np

from sagewright_algorithms.contract.collective import Collective, connect
from sagewright_algorithms.contract.errors import AlgorithmFailure, ClientError


def everything(c: Collective) -> Any:
    own = np.arange(6, dtype=np.float32).reshape(2, 3) + 10 * c.rank
    parts = c.gather(np.full((c.rank, 2), c.rank, np.int64))
    c.barrier()
    return {
        "rank": c.rank,
        "size": c.size,
        "sum": c.sum(own).tolist(),
        "one": c.sum(np.array(c.rank + 0.5)).tolist(),
        "gather": [part.tolist() for part in parts],
        "broadcast": c.broadcast(np.array([[1.5, 2.5]]) if c.first else None).tolist(),
        "transposed": c.sum(own.T).tolist(),
    }


def large(c: Collective) -> Any:
    """Larger than any socket's buffer, in every direction."""
    array = np.random.default_rng(c.rank).normal(size=3_000_000)
    total = c.sum(array)
    parts = c.gather(array)
    first = c.broadcast(array)
    again = c.sum(array)
    assert (total == again).all()
    assert all((part == np.random.default_rng(rank).normal(size=3_000_000)).all() for rank, part in enumerate(parts))
    assert (first == parts[0]).all()
    return total[:1000].tobytes().hex()


def rounding(c: Collective) -> Any:
    """Numbers whose sum depends on the order in which they are added; ranks reach the step in another order."""
    numbers = (1e16, 1.0, -1e16, 1.0)
    time.sleep(0.2 * (c.size - c.rank))
    return c.sum(np.array([numbers[c.rank]])).tolist()


def dies(c: Collective) -> Any:
    """The last instance is killed once all have begun; the others wait for it."""
    for _ in range(5):
        c.sum(np.ones(100_000))
    if c.rank == c.size - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        c.sum(np.ones(100_000))


def first_dies(c: Collective) -> Any:
    if c.first:
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        c.sum(np.ones(100_000))


def slow_and_dead(c: Collective) -> Any:
    """While rank 1 computes for long, rank 2 dies: the first one does not wait for rank 1 to notice."""
    if c.rank == 1:
        time.sleep(4)
    if c.rank == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    begin = time.monotonic()
    try:
        c.barrier()
    except AlgorithmFailure as failure:
        return {"error": str(failure), "seconds": time.monotonic() - begin}
    return None


def raises(c: Collective) -> Any:
    """The others are in the midst of a large array."""
    if c.rank == 1:
        raise ClientError("Failed to load csv data of the train channel: file b.csv, row 3")
    return c.sum(np.ones(4_000_000)).size


def breaks(c: Collective) -> Any:
    if c.first:
        raise ValueError("no such thing")
    return c.sum(np.ones(3)).size


def stops(c: Collective) -> Any:
    if c.rank == 1:
        sys.exit(0)
    return c.sum(np.ones(3)).size


def leaves(c: Collective) -> Any:
    return c.sum(np.ones(3)).size if c.rank != 1 else None


def differs(c: Collective) -> Any:
    return c.sum(np.ones(3 + c.rank)).size


def other_step(c: Collective) -> Any:
    return c.sum(np.ones(3)).size if c.first else len(c.gather(np.ones(3)))


def main() -> None:
    work, host, port, timeout = sys.argv[1:]
    hosts = json.loads(os.environ["HOSTS"])
    try:
        with connect(hosts, host, port=int(port), timeout=float(timeout)) as collective:
            found = globals()[work](collective)
    except AlgorithmFailure as failure:
        found = {"error": str(failure)}
    print(f"found {json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main()
