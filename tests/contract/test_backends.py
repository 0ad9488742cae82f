"""The backends against the shipped suite."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from sagewright.core.clock import FakeClock
from sagewright.runtime import sandbox
from sagewright.runtime.backend import Backend
from sagewright.runtime.fake import FakeBackend, Script
from sagewright.runtime.local import LocalBackend
from sagewright.runtime.workload import Workload
from sagewright.testing.backends import BackendSuite, LifecycleSuite


@pytest.mark.skipif(not sandbox.probe().program, reason=f"no bubblewrap: {sandbox.probe().why}")
class TestLocalBackendInBubblewrap(BackendSuite):
    def new_backend(self, data_dir: Path) -> Backend:
        return LocalBackend(data_dir)


class TestLocalBackendPlain(BackendSuite):
    def new_backend(self, data_dir: Path) -> Backend:
        return LocalBackend(data_dir, sandbox_mode="off")


class TestFakeBackend(LifecycleSuite):
    """Time passes by ticks only; the script of a workload is named by its command."""

    SCRIPTS: ClassVar = {
        "lasting": Script(running=60, logs=((0, "begun"),)),
        "brief": Script(downloading=0.1, running=0.3, logs=((0, "begun"), (0.2, "done"))),
        "serving": Script(starting=0.1),
    }

    def new_backend(self, data_dir: Path) -> Backend:
        self.clock = FakeClock()
        return FakeBackend(self.clock, lambda workload: self.SCRIPTS[workload.command[0]])

    def tick(self) -> None:
        self.clock.advance(0.05)

    def lasting(self, id: str) -> Workload:
        return Workload(id, "batch", ("lasting",))

    def brief(self, id: str) -> Workload:
        return Workload(id, "batch", ("brief",))

    def serving(self, id: str) -> Workload:
        return Workload(id, "service", ("serving",))
