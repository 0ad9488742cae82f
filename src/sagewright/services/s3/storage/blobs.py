"""Which blobs on disk are S3's to delete: those that no document names any more, or does not name yet.

A blob is announced before it gets its place and taken off that list by the transaction that makes a document name it;
a transaction that drops a name puts the blob back on. So a server killed at any point leaves at most what is on the
list, and the sweep at the next start looks at nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sagewright.core.ids import short_id
from sagewright.services.s3.storage.disk import Disk
from sagewright.store import Space, Store

_UNNAMED = Space("s3:unnamed")


class Unnamed:
    """The list of blobs without a name."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk

    def announce(self, blobs: Sequence[str]) -> str:
        """Put blobs on the list; the entry to take() off or empty()."""
        entry = short_id(24)
        self._store.documents.insert(_UNNAMED, entry, {"Blobs": list(blobs)})
        return entry

    def take(self, entry: str) -> None:
        """A document names the entry's blobs now; call it in the same transaction."""
        self._store.documents.delete(_UNNAMED, entry)

    async def empty(self, *entries: str | None) -> None:
        """Delete the entries' blobs. Who has such a file open keeps it until it is closed."""
        found = [self._store.documents.get(_UNNAMED, entry) for entry in entries if entry]
        blobs = [blob for document in found if document is not None for blob in document.body["Blobs"]]
        if blobs:
            await self._disk.run(self._delete, blobs)
        with self._store.transaction():
            for document in found:
                if document is not None:
                    self._store.documents.delete(_UNNAMED, document.key)

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
            for blob in document.body["Blobs"]:
                store.blobs.delete(blob)
                count += 1
        with store.transaction():
            for document in found:
                store.documents.delete(_UNNAMED, document.key)
    return count
