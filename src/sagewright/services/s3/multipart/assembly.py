"""The file that an upload's parts are written into, each at its own place, so that nothing is copied at its end.

Parts are nearly always of one size but the last: the first one that comes tells the step. A part that is longer, comes
again, or lies too far on gets a blob of its own; and where the parts that Complete names do not lie end to end, they
are copied into a new blob. An upload's document has ``Assembly: {"Blob", "Step"}``, step in bytes of the file; the
document of a part in that file has ``At``, its place there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from sagewright.services.s3 import errors
from sagewright.services.s3.storage import sealed
from sagewright.services.s3.storage.blobs import Unnamed
from sagewright.services.s3.storage.blocks import BLOCK
from sagewright.store import Document, Space, Store

MAX_PARTS = 10_000
_LONGEST = 1 << 40
"""Bytes of the file, with its holes, while its parts arrive."""


class Piece(NamedTuple):
    """Bytes of a part in a file."""

    blob: str
    at: int
    size: int


def pieces_of(upload: dict[str, Any], parts: Sequence[dict[str, Any]]) -> list[Piece]:
    """Where parts lie."""
    return [Piece(part["Blob"], part.get("At", 0), _stored(upload, part["Size"])) for part in parts]


def _stored(upload: dict[str, Any], size: int) -> int:
    """Bytes in the file of a part of size bytes."""
    return size + -(-size // BLOCK) * sealed.TAG if "Seal" in upload else size


class Assemblies:
    """Who writes to which place. All of it is on the event loop's thread, with no await within."""

    def __init__(self, store: Store, unnamed: Unnamed) -> None:
        self._store = store
        self._unnamed = unnamed
        self._writing: set[tuple[str, int]] = set()
        self._ending: Counter[str] = Counter()

    @contextmanager
    def place(self, upload: Document, parts: Space, part: str, number: int, size: int | None) -> Iterator[Piece | None]:
        """A place for a part of size bytes, nobody else's for the block's length; None where it must have a blob.

        parts, part: where its document lies. Raises AwsError NoSuchUpload where the upload has ended meanwhile.
        """
        found = self._store.documents.get(upload.space, upload.key)
        if found is None:
            raise errors.no_such_upload(upload.body["UploadId"])
        claim = (found.body["UploadId"], number)
        if not size or claim in self._writing or self._ending[claim[0]]:
            yield None
            return
        assembly, stored = self._assembly(found, size)
        at = (number - 1) * assembly["Step"]
        present = self._store.documents.get(parts, part)
        if stored > assembly["Step"] or at + stored > _LONGEST or (present is not None and "At" in present.body):
            yield None
            return
        self._writing.add(claim)
        try:
            yield Piece(assembly["Blob"], at, stored)
        except BaseException:
            self._writing.discard(claim)
            self._cut(found.body, assembly["Blob"], parts)
            raise
        finally:
            self._writing.discard(claim)

    def _cut(self, upload: dict[str, Any], blob: str, parts: Space) -> None:
        """Leave nothing of a part that did not come to its end behind those that did."""
        if self._busy(upload):
            return
        there = [part.body for part in self._store.documents.find(parts, limit=MAX_PARTS) if "At" in part.body]
        end = max((piece.at + piece.size for piece in pieces_of(upload, there)), default=0)
        path = self._store.blobs.path(blob)
        with suppress(FileNotFoundError):
            if end:
                os.truncate(path, end)
            else:
                path.unlink()

    def _assembly(self, upload: Document, size: int) -> tuple[dict[str, Any], int]:
        """The upload's, made by its first part, and the part's bytes in it."""
        stored = _stored(upload.body, size)
        assembly = upload.body.get("Assembly")
        if assembly is None:
            assembly = {"Blob": self._unnamed.reserve(), "Step": stored}
            with self._store.transaction():
                self._store.documents.update(upload, body={**upload.body, "Assembly": assembly})
                self._unnamed.take(assembly["Blob"])
        return assembly, stored

    @contextmanager
    def ending(self, upload_id: str) -> Iterator[None]:
        """No place is given away any more."""
        self._ending[upload_id] += 1
        try:
            yield
        finally:
            self._ending[upload_id] -= 1
            self._ending += Counter()  # keeps those above zero

    def whole(self, upload: dict[str, Any], pieces: Sequence[Piece]) -> str | None:
        """The blob that has the pieces end to end and nothing else, where nobody writes; None where there is none."""
        end = 0
        for piece in pieces:
            if piece.blob != pieces[0].blob or piece.at != end:
                return None
            end += piece.size
        blob = pieces[0].blob
        return None if self._busy(upload) or self._store.blobs.size(blob) != end else blob

    def _busy(self, upload: dict[str, Any]) -> bool:
        return any(upload_id == upload["UploadId"] for upload_id, _ in self._writing)

    def join(self, pieces: Sequence[Piece], blob: str) -> None:
        """Make a new blob of pieces, on the way that needs no copy through this process. Blocks for the disk.

        Raises FileNotFoundError where one has gone meanwhile.
        """
        writer = self._store.blobs.writer(blob)
        try:
            target = os.open(writer.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                for piece in pieces:
                    self._append(piece, target)
            finally:
                os.close(target)
            writer.commit()
        except BaseException:
            writer.abort()
            raise

    def _append(self, piece: Piece, target: int) -> None:
        source = os.open(self._store.blobs.path(piece.blob), os.O_RDONLY | os.O_CLOEXEC)
        try:
            at, left, move = piece.at, piece.size, _within_kernel
            while left:
                try:
                    moved = move(source, target, at, left)
                except OSError:
                    if move is _sendfile:
                        raise
                    move = _sendfile
                    continue
                if not moved:
                    raise OSError("a stored part is shorter than it should be")
                at += moved
                left -= moved
        finally:
            os.close(source)


def _within_kernel(source: int, target: int, at: int, count: int) -> int:
    return os.copy_file_range(source, target, count, at)


def _sendfile(source: int, target: int, at: int, count: int) -> int:
    """For file systems that cannot copy within the kernel."""
    return os.sendfile(target, source, at, count)
