"""Blocking disk work on threads of its own, so that a slow disk holds up neither the event loop nor other services."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

_THREADS = 16
_M_ARENA_MAX = -8
"""Of glibc's mallopt."""
SMALL = 1 << 16
"""Bytes that are read or written on the event loop: less than the trip to a thread costs."""


class Disk:
    """A pool of threads; they are made when first needed."""

    def __init__(self) -> None:
        _few_arenas()
        self._pool = ThreadPoolExecutor(_THREADS, "s3-disk")

    def start(
        self, function: Callable[_Args, _Result], *args: _Args.args, **kwargs: _Args.kwargs
    ) -> asyncio.Future[_Result]:
        """Begin work; await its result, or leave it to finish with settle()."""
        return asyncio.wrap_future(self._pool.submit(function, *args, **kwargs))

    async def run(self, function: Callable[_Args, _Result], *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        """The result of work on a thread. A cancelled caller waits for the thread too: its files are free then."""
        future = self.start(function, *args, **kwargs)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await settle(future)
            raise


def _few_arenas() -> None:
    """Have threads share their heaps: glibc would give each its own, and keep in all of them what streams through."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


async def settle(*futures: asyncio.Future[None] | asyncio.Future[_Result]) -> None:
    """Until the work is over, whatever came of it."""
    await asyncio.gather(*futures, return_exceptions=True)
