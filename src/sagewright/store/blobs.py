"""Bytes on disk, one file a blob: written to a temporary name, fsynced, renamed, never changed again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sagewright.core.ids import short_id


class BlobWriter:
    """A blob being written; it exists for readers only after commit()."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.id = short_id(32)
        self.path = blobs.incoming / self.id
        self._file: BinaryIO = self.path.open("xb", buffering=0)

    def write(self, chunk: bytes | memoryview) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def commit(self) -> str:
        """Make the bytes durable and give them their place; the blob's id. Blocks for the disk: call it in a thread."""
        os.fsync(self._file.fileno())
        os.fchmod(self._file.fileno(), 0o444)
        self._file.close()
        target = self._blobs.path(self.id)
        fresh = not target.parent.exists()
        target.parent.mkdir(exist_ok=True)
        self.path.rename(target)
        _sync_folder(target.parent)
        if fresh:
            _sync_folder(target.parent.parent)
        return self.id

    def abort(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


class Blobs:
    """The blob folder: ``<first two letters>/<id>``, and ``incoming/`` for writes under way.

    A blob no document names (a server killed between rename and commit) is swept away at the next start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        self.incoming.mkdir(parents=True, exist_ok=True)
        for left in self.incoming.iterdir():
            left.unlink(missing_ok=True)

    def path(self, blob: str) -> Path:
        return self.folder / blob[:2] / blob

    def relative(self, blob: str) -> str:
        """The blob's path inside the folder, as an agent on the same disk looks for it."""
        return f"{blob[:2]}/{blob}"

    def writer(self) -> BlobWriter:
        return BlobWriter(self)

    def link(self, blob: str, name: str) -> None:
        """Give a blob's bytes a second, independent id without a copy. Blocks for the disk; raises OSError."""
        target = self.path(name)
        fresh = not target.parent.exists()
        target.parent.mkdir(exist_ok=True)
        target.hardlink_to(self.path(blob))
        _sync_folder(target.parent)
        if fresh:
            _sync_folder(target.parent.parent)

    def delete(self, blob: str) -> None:
        self.path(blob).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Every blob there is."""
        for shelf in self.folder.iterdir():
            if shelf.name != "incoming":
                yield from (file.name for file in shelf.iterdir())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
