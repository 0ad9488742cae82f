"""Housekeeping on a clock that moves when told to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sagewright.core.clock import FakeClock
from sagewright.kit.tidy import DAY, Housekeeping, Tidy, next_midnight

NOON = 20_000 * DAY + DAY / 2


def _scene(scene: Callable[[FakeClock, Housekeeping], Awaitable[None]], *tidiers: Tidy) -> None:
    async def run() -> None:
        clock = FakeClock(NOON)
        housekeeping = Housekeeping(clock, tidiers, nap=0.001)
        task = asyncio.create_task(housekeeping.run())
        await asyncio.sleep(0.02)
        try:
            await scene(clock, housekeeping)
        finally:
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(run())


def test_the_next_midnight_is_always_later():
    assert next_midnight(NOON) == 20_001 * DAY
    assert next_midnight(20_000 * DAY) == 20_001 * DAY
    assert next_midnight(20_001 * DAY - 0.001) == 20_001 * DAY


def test_once_at_the_start_and_once_after_each_midnight():
    runs: list[float] = []

    async def note(now: float) -> None:
        runs.append(now)

    async def scene(clock: FakeClock, housekeeping: Housekeeping) -> None:
        assert runs == [NOON]
        for seconds, count in ((DAY / 2 - 1, 1), (1, 2), (DAY / 2, 2), (3 * DAY, 3)):
            clock.advance(seconds)
            await asyncio.sleep(0.02)
            assert len(runs) == count
        assert runs[1:] == [NOON + DAY / 2, NOON + 4 * DAY]

    _scene(scene, note)


def test_when_told_to():
    runs: list[float] = []

    async def note(now: float) -> None:
        runs.append(now)

    async def scene(clock: FakeClock, housekeeping: Housekeeping) -> None:
        clock.advance(5)
        housekeeping.soon()
        await asyncio.sleep(0.02)
        assert runs == [NOON, NOON + 5]

    _scene(scene, note)


def test_told_in_the_middle_of_a_run_it_runs_again():
    runs: list[float] = []
    keeper: list[Housekeeping] = []

    async def note(now: float) -> None:
        runs.append(now)
        if len(runs) == 2:
            keeper[0].soon()

    async def scene(clock: FakeClock, housekeeping: Housekeeping) -> None:
        keeper.append(housekeeping)
        housekeeping.soon()
        await asyncio.sleep(0.02)
        assert len(runs) == 3

    _scene(scene, note)


def test_a_tidier_that_fails_stops_no_other(caplog):
    runs: list[float] = []

    async def fail(now: float) -> None:
        raise OSError("the disk is full")

    async def note(now: float) -> None:
        runs.append(now)

    async def scene(clock: FakeClock, housekeeping: Housekeeping) -> None:
        clock.advance(DAY)
        await asyncio.sleep(0.02)
        assert len(runs) == 2

    with caplog.at_level(logging.ERROR):
        _scene(scene, fail, note)
    assert "the disk is full" in caplog.text
