"""One loop that brings what is into line with what is wanted: observe, advance, persist, act, again and again.

All truth is in the store and in the backend's folders, so a server killed in a step takes that step again.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from sagewright.core.clock import Clock

LOOK = 0.04
"""Seconds a controller should return while something is in motion."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0

_log = logging.getLogger(__name__)


class Controller(Protocol):
    """Moves one kind of resource."""

    def active(self) -> Iterable[str]:
        """The keys of everything in motion; read once, at the start."""

    async def step(self, key: str) -> float | None:
        """One pass over a key: observe, advance, persist, act.

        Returns the seconds until the next look, LOOK where it does not know better; None when the key is at rest,
        and is looked at again only after a kick. Never runs twice at once for a key.
        """


_Key = tuple[int, str]


class Reconciler:
    """Steps over the keys of several controllers when they are due. Lives in one event loop."""

    def __init__(self, controllers: Sequence[Controller], clock: Clock) -> None:
        self._controllers = list(controllers)
        self._clock = clock
        self._heap: list[tuple[float, int, _Key]] = []
        self._due: dict[_Key, float] = {}
        self._order = itertools.count()
        self._running: dict[_Key, asyncio.Task[None]] = {}
        self._kicked: set[_Key] = set()
        self._failures: dict[_Key, int] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up everything in motion, and go on until stop()."""
        self._loop = asyncio.get_running_loop()
        for controller in self._controllers:
            for key in controller.active():
                self.kick(controller, key)
        self._task = asyncio.create_task(self._run())

    def kick(self, controller: Controller, key: str) -> None:
        """Something changed: look at the key as soon as possible. Works from any thread."""
        position = next(index for index, each in enumerate(self._controllers) if each is controller)
        loop = self._loop
        if loop is None or _running_loop() is loop:
            self._kick((position, key))
        elif not loop.is_closed():
            loop.call_soon_threadsafe(self._kick, (position, key))

    async def stop(self) -> None:
        """No new step; those under way end first."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def run_due(self) -> None:
        """Take every step that is due now and wait for them; for tests with a clock of their own."""
        self._launch_due()
        while self._running:
            await asyncio.gather(*self._running.values())

    def _kick(self, key: _Key) -> None:
        if key in self._running:
            self._kicked.add(key)
        else:
            self._schedule(key, 0)
        self._wake.set()

    def _schedule(self, key: _Key, seconds: float) -> None:
        due = self._clock.monotonic() + seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._launch_due()
            wait = self._heap[0][0] - self._clock.monotonic() if self._heap else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    def _launch_due(self) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self._running[key] = asyncio.ensure_future(self._step(key))

    async def _step(self, key: _Key) -> None:
        seconds: float | None
        try:
            seconds = await self._controllers[key[0]].step(key[1])
            self._failures.pop(key, None)
        except Exception:
            count = self._failures[key] = self._failures.get(key, 0) + 1
            seconds = min(_FIRST_PAUSE * 2 ** (count - 1), _LONGEST_PAUSE)
            _log.exception("The step of %s failed; it is taken again in %.1f s", key[1], seconds)
        finally:
            del self._running[key]
        if key in self._kicked:
            self._kicked.discard(key)
            seconds = 0
        if seconds is not None:
            self._schedule(key, seconds)
            self._wake.set()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
