"""A data folder of an earlier Sagewright opens with all that is in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sagewright.core.clock import FakeClock
from sagewright.store import Space, Store
from sagewright.store.migrations import SCRIPTS

HERE = Space("kind", "000000000000", "us-east-1")


@pytest.mark.parametrize("version", range(1, len(SCRIPTS)))
def test_an_earlier_schema_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    old = sqlite3.connect(tmp_path / "sagewright.db")
    for script in SCRIPTS[:version]:
        old.executescript(script)
    old.execute(
        "INSERT INTO documents (kind, account, region, parent, key, status, created, modified, revision, body) "
        "VALUES (?,?,?,?,?,?,?,?,?,?)",
        (*HERE, "key", "on", 1.0, 2.0, 1, '{"a": 1}'),
    )
    old.execute(f"PRAGMA user_version = {version}")
    old.commit()
    old.close()
    for _ in range(2):
        store = Store(tmp_path, FakeClock())
        assert [each.body for each in store.documents.find(HERE, status="on", order="modified")] == [{"a": 1}]
        store.close()


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    later = sqlite3.connect(tmp_path / "sagewright.db")
    later.execute(f"PRAGMA user_version = {len(SCRIPTS) + 1}")
    later.close()
    with pytest.raises(RuntimeError, match="newer Sagewright"):
        Store(tmp_path, FakeClock())
