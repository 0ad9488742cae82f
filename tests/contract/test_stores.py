"""The shipped StoreSuite over the SQLite store."""

from pathlib import Path

from sagewright.core.clock import Clock
from sagewright.store import Store
from sagewright.testing.stores import StoreSuite


class TestSqliteStore(StoreSuite):
    def make_store(self, folder: Path, clock: Clock) -> Store:
        return Store(folder, clock)
