"""What a server does by itself once a day: rules of life cycle and retention that have fallen due.

A tidier is ``async def tidy(now)``: it looks into the store for what is due at ``now`` (epoch seconds), does a bounded
amount of work between two awaits, each change in a transaction of its own, and may be cancelled at any await. What it
has not done it finds again at the next run, so that a server killed in the middle loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from sagewright.core.clock import Clock

Tidy = Callable[[float], Awaitable[None]]
"""Given the time of the run in epoch seconds. Must load nothing heavy where there is nothing to do."""

DAY = 86_400
_NAP = 60.0
"""Seconds between two looks at the clock: a machine that slept over midnight catches up that soon."""

_log = logging.getLogger(__name__)


def next_midnight(at: float) -> float:
    """The first midnight UTC after a time, both in epoch seconds."""
    return float((int(at) // DAY + 1) * DAY)


class Housekeeping:
    """Runs the tidiers one after the other: when the server starts, after each midnight UTC, and when told to."""

    def __init__(self, clock: Clock, tidiers: Sequence[Tidy], *, nap: float = _NAP) -> None:
        self._clock = clock
        self._tidiers = tidiers
        self._nap = nap
        self._wanted = asyncio.Event()

    def soon(self) -> None:
        """Something new may be due already: run without waiting for midnight."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            now = self._clock.now()
            self._wanted.clear()
            await self._tidy(now)
            await self._rest(next_midnight(now))

    async def _tidy(self, now: float) -> None:
        for tidy in self._tidiers:
            try:
                await tidy(now)
            except Exception:
                # The others go on, and this one is tried again at the next run.
                _log.exception("housekeeping failed")

    async def _rest(self, until: float) -> None:
        while (left := until - self._clock.now()) > 0 and not self._wanted.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), min(left, self._nap))
