"""tar.gz in and out, trusting neither the archive nor the folder."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import IO, Any, BinaryIO, cast

from sagewright.runtime.agent.fault import client_error
from sagewright.runtime.agent.files import write_pieces
from sagewright.runtime.agent.gzipped import GzipWriter

_ENTRIES = 1_000_000
_RESERVE = 512 * 1024 * 1024
"""Bytes of the disk an archive must leave free."""
_CHUNK = 1024 * 1024


def unpack(stream: BinaryIO, target: str, name: str) -> None:
    """Extract files and folders into target. Raises Fault (ClientError) naming what is wrong with the archive.

    Links, devices and names that lead outside are refused; name is the archive's, for the message.
    """
    room = os.statvfs(target)
    left = room.f_bavail * room.f_frsize - _RESERVE
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for count, member in enumerate(archive):
                path = _safe(member, target, name)
                left -= member.size
                if left < 0 or count >= _ENTRIES:
                    raise client_error(f"Failed to extract {name}: it is too large for this machine's disk.")
                _extract(archive, member, path)
    except (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, UnicodeError) as error:
        raise client_error(f"Failed to extract {name}: not a valid tar.gz archive ({error}).") from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise client_error(f"Failed to extract {name}: {error.filename} is both a file and a folder.") from None


def _safe(member: tarfile.TarInfo, target: str, name: str) -> str:
    if not (member.isreg() or member.isdir()):
        raise client_error(f"Failed to extract {name}: {member.name!r} is a link or a device, which is not allowed.")
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    if member.name.startswith("/") or ".." in parts or "\0" in member.name:
        raise client_error(f"Failed to extract {name}: {member.name!r} leads outside of the folder.")
    return os.path.join(target, *parts)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    if member.isdir():
        os.makedirs(path, exist_ok=True)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    source = archive.extractfile(member)
    if source is None:
        return
    write_pieces(path, iter(lambda: source.read(_CHUNK), b""))
    os.chmod(path, 0o755 if member.mode & stat.S_IXUSR else 0o644)


def files_below(folder: str) -> Iterator[tuple[str, str]]:
    """(relative name, path to read) of every regular file, sorted; a link counts where it stays inside the folder."""
    root = os.path.realpath(folder)
    for base, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(base, name)
            real = os.path.realpath(path)
            if real.startswith(root + "/") and stat.S_ISREG(os.lstat(real).st_mode):
                yield os.path.relpath(path, root), real


def merged(folders: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
    """The files of several hosts' folders as if of one: files_below of all, sorted; and what could not be part of it.

    folders: (host, folder). A name that an earlier host has used is left out, and told by host.
    """
    files: dict[str, str] = {}
    above: set[str] = set()
    left_out: dict[str, list[str]] = {}
    for host, folder in folders:
        for name, path in files_below(folder):
            parents = _parents(name)
            if name in files or name in above or any(parent in files for parent in parents):
                left_out.setdefault(host, []).append(name)
            else:
                files[name] = path
                above.update(parents)
    return sorted(files.items()), left_out


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def pack(files: Iterable[tuple[str, str]], target: str) -> int:
    """Write files (name, path to read) as a tar.gz; how many. The same content gives the same bytes."""
    count = 0
    with (
        open(target, "wb") as raw,
        closing(GzipWriter(raw)) as packed,
        tarfile.open(fileobj=cast(BinaryIO, packed), mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        made: set[str] = set()
        for name, path in files:
            _add_folders(archive, os.path.dirname(name), made)
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as source:
                status = os.fstat(source.fileno())
                archive.addfile(_entry(name, tarfile.REGTYPE, status.st_mode, status.st_size), source)
            count += 1
    return count


def _add_folders(archive: tarfile.TarFile, folder: str, made: set[str]) -> None:
    if folder and folder not in made:
        _add_folders(archive, os.path.dirname(folder), made)
        made.add(folder)
        archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755, 0))


def _entry(name: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = 0o755 if mode & stat.S_IXUSR else 0o644
    entry.size = size
    return entry


class Stream:
    """A body with a read() as tarfile and gzip want it."""

    def __init__(self, read: Any) -> None:
        self._read = read
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts = [self._rest]
        have = len(self._rest)
        while size < 0 or have < size:
            piece = self._read(_CHUNK)
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        if size < 0:
            size = len(whole)
        self._rest = whole[size:]
        return whole[:size]


def gunzip(stream: IO[bytes] | Stream, name: str) -> Iterator[bytes]:
    """What a gzip stream holds, piece by piece. Raises Fault (ClientError)."""
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as source:  # type: ignore[arg-type]
            while piece := source.read(_CHUNK):
                yield piece
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise client_error(
            f"Data download failed:Failed to decompress {name}: not a valid gzip file ({error})."
        ) from None
