"""Bytes on disk, one file a blob: written to a temporary name, renamed, never changed again.

What is written survives the death of this process at once, and a power cut as soon as the kernel has brought it to the
disk by itself (on Linux within half a minute): so it is with the commits of the database beside, and to wait for the
one without the other would cost much and promise no more. Who stores a blob keeps checksums of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sagewright.core.ids import short_id

_NEW = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC


class BlobWriter:
    """A blob being written; it exists for readers only after commit()."""

    def __init__(self, blobs: Blobs, blob: str) -> None:
        self._blobs = blobs
        self.id = blob
        self.path = blobs.incoming / self.id
        self._file = os.open(self.path, _NEW | os.O_EXCL, 0o600)

    def write(self, chunk: bytes | memoryview) -> None:
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._file, view) :]

    def commit(self) -> str:
        """Give the bytes their place; the blob's id. Blocks for the disk."""
        os.fchmod(self._file, 0o444)
        self._close()
        target = self._blobs.path(self.id)
        try:
            self.path.rename(target)
        except FileNotFoundError:
            target.parent.mkdir(exist_ok=True)
            self.path.rename(target)
        return self.id

    def abort(self) -> None:
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class PieceWriter(BlobWriter):
    """A piece of a blob being written, from a place on; who writes the blob says which pieces are there."""

    def __init__(self, blobs: Blobs, blob: str, at: int) -> None:
        self._blobs = blobs
        self.id = blob
        self.path = blobs.path(blob)
        self.path.parent.mkdir(exist_ok=True)
        self._file = os.open(self.path, _NEW, 0o600)
        os.lseek(self._file, at, os.SEEK_SET)

    def commit(self) -> str:
        self._close()
        return self.id

    def abort(self) -> None:
        self._close()


class Blobs:
    """The blob folder: ``<first two letters>/<id>``, and ``incoming/`` for writes under way.

    Which of them nobody needs any more, its user knows.
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

    def writer(self, blob: str = "") -> BlobWriter:
        """blob: an id that is not taken; empty for any."""
        return BlobWriter(self, blob or short_id(32))

    def piece_writer(self, blob: str, at: int) -> PieceWriter:
        """Writes a piece of a blob, whose file is made where there is none."""
        return PieceWriter(self, blob, at)

    def size(self, blob: str) -> int:
        """Bytes of a blob's file; 0 where there is none."""
        try:
            return self.path(blob).stat().st_size
        except FileNotFoundError:
            return 0

    def link(self, blob: str, name: str) -> None:
        """Give a blob's bytes a second, independent id without a copy. Blocks for the disk; raises OSError."""
        target = self.path(name)
        target.parent.mkdir(exist_ok=True)
        target.hardlink_to(self.path(blob))

    def delete(self, blob: str) -> bool:
        """Whether there was such a file."""
        try:
            self.path(blob).unlink()
        except FileNotFoundError:
            return False
        return True

    def ids(self) -> Iterator[str]:
        """Every blob there is."""
        for shelf in self.folder.iterdir():
            if shelf.name != "incoming":
                yield from (file.name for file in shelf.iterdir())
