"""The processor's cores share the rows, or the columns, of an array."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise


def shared(work: Callable[[int, int], None], count: int, least: int) -> None:
    """work(begin, end) for all of count, by as many threads as have at least so many each."""
    threads = max(1, min(_cores(), count // least))
    bounds = [count * number // threads for number in range(threads + 1)]
    others = [_pool().submit(work, begin, end) for begin, end in pairwise(bounds[1:])]
    try:
        work(0, bounds[1])
    finally:
        for other in others:
            other.result()


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, _cores() - 1), "cores")
