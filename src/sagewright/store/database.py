"""The SQLite file (WAL) under a data folder, its migrations, and the transaction around every change.

One connection, used from the event loop's thread alone: a transaction holds no ``await``, so transactions cannot
interleave and need no lock. Another thread gets an error from sqlite3 itself.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sagewright.core.clock import Clock
from sagewright.store.blobs import Blobs
from sagewright.store.changes import Changes
from sagewright.store.documents import Documents
from sagewright.store.entries import Entries
from sagewright.store.migrations import migrate


class Store:
    """Documents, entries and blobs of one data folder.

    folder: where ``sagewright.db`` and ``blobs/`` live; made when absent.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._connection = sqlite3.connect(folder / "sagewright.db", isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;"
            "PRAGMA cache_size = -16000; PRAGMA foreign_keys = ON;"
        )
        migrate(self._connection)
        self._depth = 0
        self.changes = Changes()
        self.documents = Documents(self._connection, self.transaction, self.changes, clock)
        self.entries = Entries(self._connection, self.transaction)
        self.blobs = Blobs(folder / "blobs")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside happen together or not at all. An inner transaction joins the outer one.

        Raises OSError (ENOSPC) where the disk is full.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:  # SQLite ends it by itself where the disk is full
                self._connection.execute("ROLLBACK")
            self.changes.discard()
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        finally:
            self._depth = 0
        self.changes.publish()

    def sync(self) -> None:
        """Bring every committed change to the disk, past a power cut (each commit alone survives a killed process)."""
        self._connection.execute("PRAGMA wal_checkpoint(FULL)")

    def close(self) -> None:
        self._connection.close()
