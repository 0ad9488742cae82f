"""The backends against the shipped suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.core.clock import FakeClock
from sagewright.runtime import sandbox
from sagewright.runtime.backend import Backend
from sagewright.runtime.fake import FakeBackend
from sagewright.runtime.local import LocalBackend
from sagewright.testing.backends import BackendSuite


@pytest.mark.skipif(not sandbox.probe().program, reason=f"no bubblewrap: {sandbox.probe().why}")
class TestLocalBackendInBubblewrap(BackendSuite):
    def new_backend(self, data_dir: Path) -> Backend:
        return LocalBackend(data_dir)


class TestLocalBackendPlain(BackendSuite):
    def new_backend(self, data_dir: Path) -> Backend:
        return LocalBackend(data_dir, sandbox_mode="off")


class TestFakeBackend(BackendSuite):
    def new_backend(self, data_dir: Path) -> Backend:
        return FakeBackend(FakeClock())
