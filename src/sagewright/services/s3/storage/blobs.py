"""Which blobs on disk are S3's to delete: those that no document names any more, or does not name yet.

A blob is on that list before its file is made, and taken off by the transaction that makes a document name it; a
transaction that drops a name puts the blob back on. So a server killed at any point leaves at most what is on the list,
and the sweep at the next start looks at nothing else. The list may hold blobs whose file is not there: ids for the next
writes, many of which come onto it at once, and those deleted lately.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sagewright.core.ids import short_id
from sagewright.services.s3.storage.disk import SMALL, Disk
from sagewright.store import Space, Store

_UNNAMED = Space("s3:unnamed")
_AHEAD = 64
"""Ids put on the list, or taken off it, in one transaction."""


class Unnamed:
    """The list of blobs without a name."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk
        self._reserved: list[str] = []
        self._emptied: list[str] = []

    def reserve(self) -> str:
        """The id of a new blob, on the list; also its entry there."""
        if not self._reserved:
            with self._store.transaction():
                self._forget()
                fresh = [short_id(32) for _ in range(_AHEAD)]
                for blob in fresh:
                    self._store.documents.insert(_UNNAMED, blob, {"Blobs": [blob]})
            self._reserved = fresh
        return self._reserved.pop()

    def announce(self, blobs: Sequence[str]) -> str:
        """Put blobs on the list, inside a transaction that drops their names; the entry to empty()."""
        entry = short_id(32)
        self._store.documents.insert(_UNNAMED, entry, {"Blobs": list(blobs)})
        return entry

    def take(self, entry: str) -> None:
        """A document names the entry's blobs now; call it in the same transaction."""
        self._store.documents.delete(_UNNAMED, entry)

    async def empty(self, *entries: str | None) -> None:
        """Delete the entries' blobs. Who has such a file open keeps it until it is closed."""
        found = [self._store.documents.get(_UNNAMED, entry) for entry in entries if entry]
        blobs = [blob for document in found if document is not None for blob in document.body["Blobs"]]
        if len(blobs) == 1 and self._store.blobs.size(blobs[0]) <= SMALL:
            self._delete(blobs)
        elif blobs:
            await self._disk.run(self._delete, blobs)
        self._emptied += [document.key for document in found if document is not None]
        if len(self._emptied) >= _AHEAD:
            with self._store.transaction():
                self._forget()

    def _forget(self) -> None:
        """Take entries without files off the list."""
        for entry in self._emptied:
            self._store.documents.delete(_UNNAMED, entry)
        self._emptied = []

    def _delete(self, blobs: Iterable[str]) -> None:
        for blob in blobs:
            self._store.blobs.delete(blob)


def blobs_of(body: dict[str, Any] | None) -> list[str]:
    """The blobs that a document's body names."""
    return [body["Blob"]] if body and body.get("Blob") else []


def sweep(store: Store) -> int:
    """Delete what an earlier server, killed, left unnamed; how many blobs. Call it at start, before any request."""
    count = 0
    while found := store.documents.find(_UNNAMED):
        for document in found:
            count += sum(store.blobs.delete(blob) for blob in document.body["Blobs"])
        with store.transaction():
            for document in found:
                store.documents.delete(_UNNAMED, document.key)
    return count
