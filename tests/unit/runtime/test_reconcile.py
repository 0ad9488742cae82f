import asyncio
import logging
import threading

import pytest

from sagewright.core.clock import FakeClock, SystemClock
from sagewright.runtime.reconcile import Reconciler


class Counting:
    """Steps a key a number of times, each the same seconds after the last."""

    def __init__(self, times: int = 3, seconds: float = 0.04, fail: int = 0) -> None:
        self.times = times
        self.seconds = seconds
        self.fail = fail
        self.steps: list[str] = []

    def active(self) -> list[str]:
        return ["a"]

    async def step(self, key: str) -> float | None:
        self.steps.append(key)
        if len(self.steps) <= self.fail:
            raise RuntimeError("as planned")
        return self.seconds if len(self.steps) < self.times else None


def test_what_was_in_motion_is_taken_up_and_left_at_rest() -> None:
    async def main() -> None:
        controller = Counting()
        reconciler = Reconciler([controller], SystemClock())
        await reconciler.start()
        await asyncio.sleep(0.2)
        assert controller.steps == ["a"] * 3
        reconciler.kick(controller, "b")
        await asyncio.sleep(0.01)
        assert controller.steps[3:] == ["b"]
        await reconciler.stop()

    asyncio.run(main())


def test_kicks_come_through_from_other_threads() -> None:
    async def main() -> None:
        controller = Counting(times=1)
        reconciler = Reconciler([controller], SystemClock())
        await reconciler.start()
        await asyncio.sleep(0.01)
        thread = threading.Thread(target=reconciler.kick, args=(controller, "b"))
        thread.start()
        await asyncio.to_thread(thread.join)
        await asyncio.sleep(0.02)
        assert controller.steps == ["a", "b"]
        await reconciler.stop()

    asyncio.run(main())


def test_a_step_that_raises_is_logged_and_taken_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        clock = FakeClock()
        controller = Counting(times=3, fail=2)
        reconciler = Reconciler([controller], clock)
        reconciler.kick(controller, "a")
        for expected in (1, 2, 2, 3):
            await reconciler.run_due()
            assert len(controller.steps) == expected
            clock.advance(0.11)

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "as planned" in caplog.text


def test_a_kick_during_a_step_is_not_lost() -> None:
    class Slow(Counting):
        async def step(self, key: str) -> float | None:
            await super().step(key)
            if len(self.steps) == 1:
                reconciler.kick(self, key)
            return None

    controller = Slow()
    reconciler = Reconciler([controller], FakeClock())

    async def main() -> None:
        reconciler.kick(controller, "a")
        await reconciler.run_due()
        await reconciler.run_due()

    asyncio.run(main())
    assert controller.steps == ["a", "a"]


def test_a_key_is_never_stepped_twice_at_once() -> None:
    class Overlap(Counting):
        inside = 0
        most = 0

        async def step(self, key: str) -> float | None:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.005)
            self.inside -= 1
            self.steps.append(key)
            return None

    async def main() -> None:
        controller = Overlap()
        reconciler = Reconciler([controller], SystemClock())
        await reconciler.start()
        for _ in range(10):
            reconciler.kick(controller, "a")
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.03)
        await reconciler.stop()
        assert controller.most == 1
        assert len(controller.steps) >= 2

    asyncio.run(main())


def test_at_rest_nothing_happens() -> None:
    async def main() -> None:
        reconciler = Reconciler([Counting(times=1)], SystemClock())
        await reconciler.start()
        await asyncio.sleep(0.02)
        assert reconciler._heap == []
        await reconciler.stop()

    asyncio.run(main())
