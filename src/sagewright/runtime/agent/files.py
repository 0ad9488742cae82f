"""Files into a job's folder: without a copy where that is safe, and never half-written."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterable
from typing import Any

_FICLONE = 0x40049409
_CHUNK = 1024 * 1024
_NO_FAST_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENOTTY)


def link_or_copy(source: str, target: str, link: bool) -> bool:
    """Make target the same bytes as source; whether it became a link.

    link: a hard link will do, since nobody can write to target.
    """
    if link:
        try:
            os.link(source, target)
            return True
        except OSError as error:
            # Other file system, too many links, or fs.protected_hardlinks.
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EACCES):
                raise
    copy(source, target)
    return False


def copy(source: str, target: str) -> None:
    """A copy of its own, in a new file."""
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            transfer(reader, writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def transfer(reader: int, writer: int) -> None:
    """All bytes from one file to another: shared extents where there are such, else copied inside the kernel."""
    try:
        fcntl.ioctl(writer, _FICLONE, reader)
        return
    except OSError as error:
        if error.errno not in _NO_FAST_COPY:
            raise
    try:
        while os.copy_file_range(reader, writer, 2**30):
            pass
        return
    except OSError as error:
        if error.errno not in _NO_FAST_COPY:
            raise
    while chunk := os.read(reader, _CHUNK):
        write_all(writer, chunk)


def write_all(writer: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(writer, view) :]


def write_pieces(target: str, pieces: Iterable[bytes]) -> None:
    """Write target anew; what an earlier attempt left is dropped."""
    writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        for piece in pieces:
            write_all(writer, piece)
    finally:
        os.close(writer)


def write_json(path: str | os.PathLike[str], document: Any, mode: int = 0o644) -> None:
    """Write path anew; who reads it meanwhile finds the old document or the new one. mode: who may read it."""
    fresh = f"{os.fspath(path)}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "w") as file:
        json.dump(document, file)
    os.replace(fresh, path)
