"""Objects of the S3 prefixes that a file system is linked to: each comes in once, and stays for later jobs.

FSx for Lustre loads an object when its file is first read, and so does ``lazy`` where the machine has FUSE. Elsewhere
the objects below a job's directory come in before the job's command starts, those that are not there or have changed.
Files are copies (shared extents where the disk has them): they are the user's to change, and stored objects are not.

https://docs.aws.amazon.com/fsx/latest/LustreGuide/importing-files-dra.html
"""

from __future__ import annotations

import calendar
import errno
import fcntl
import hashlib
import json
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.fetch import disk_error
from sagewright.runtime.agent.files import transfer, write_all
from sagewright.runtime.agent.http import Response
from sagewright.runtime.agent.s3 import S3, S3Error, split

PART = ".sagewright-part"
"""How the name of a file begins until it is whole."""
_GONE = " deleted"
"""Behind what is known of an object: a job deleted its file, which stays away as long as the object stays the same."""
_BROUGHT = "{absent} of the {total} objects of {uri} were brought into the file system {system}; the others were there."
_TO_COME = (
    "{absent} of the {total} objects of {uri} come into the file system {system} when first read; others are there."
)
_WAYS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Object:
    """One that is not in the file system, or has changed. folder, name: its place; name is empty for a folder."""

    def __init__(self, bucket: str, key: str, tag: str, folder: str, name: str, size: int, modified: str) -> None:
        self.bucket = bucket
        self.key = key
        self.folder = folder
        self.name = name
        self.size = size
        self.modified = modified
        self.mark = f"s3://{bucket}/{key} {tag}"

    @property
    def at(self) -> int:
        """When the object was made, in seconds since the epoch."""
        try:
            return calendar.timegm(time.strptime(self.modified[:19], "%Y-%m-%dT%H:%M:%S"))
        except ValueError:
            return 0

    @property
    def part(self) -> str:
        """What its file is called until it is whole."""
        return f"{PART}-{_digest(self.name)}"

    @property
    def target(self) -> str:
        """Below the file system's root."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


class Linked:
    """The links of a channel's file system. root: its folder on the host. say: tells the job's log."""

    def __init__(self, channel: dict[str, Any], s3: S3, root: str, say: Callable[[str], None]) -> None:
        self._source = channel["source"]
        self._where = f"channel {channel['name']}, file system {self._source['system']}"
        self._s3 = s3
        self._root = root
        self._say = say
        self._ledger = Ledger(self._source["ledger"])

    def bring(self) -> None:
        """One instance at a time brings in what is below the directory and is not there yet. Raises Fault."""
        with self._turn(), self._ledger:
            for each in self._absent(_BROUGHT):
                self._object(each)

    def lay_out(self) -> list[Object]:
        """Make the folders alone; the objects that are to come in when they are read. Raises Fault."""
        with self._ledger:
            found = list(self._absent(_TO_COME))
            for each in found:
                self._place(each)
        return [each for each in found if each.name]

    def take(self, each: Object) -> None:
        """Bring one object in, unless somebody else has by now; others may come in meanwhile. Raises Fault."""
        with self._turn(each):
            if not self.has(each):
                self._place(each, self._file)
                self.keep(each)

    def has(self, each: Object) -> bool:
        """Whether it came in, and is there or was deleted by a job."""
        with self._ledger:
            return self._is_there(each)

    def keep(self, each: Object) -> None:
        """What stands in its place is to stay."""
        with self._ledger:
            self._ledger.note(each.target, each.mark)

    def delete(self, target: str, each: Object | None = None, *, folder: bool = False) -> None:
        """A file, or a folder with all in it, is to stay away. each: the object, where it has not come in."""
        with self._ledger:
            known = self._ledger.known
            marks = {target: each.mark if each else known.get(target, "")}
            if folder:
                marks |= {name: mark for name, mark in known.items() if name.startswith(f"{target}/")}
            for name, mark in marks.items():
                if mark and not mark.endswith(_GONE):
                    self._ledger.note(name, mark + _GONE)

    def _absent(self, told: str) -> Iterator[Object]:
        for link in self._source["links"]:
            bucket, prefix = split(link["uri"].rstrip("/") + "/")
            part = _part(link["folder"], self._source["directory"])
            if part is not None:
                yield from self._absent_of(link["folder"], bucket, prefix, part, told)

    def _absent_of(self, base: str, bucket: str, prefix: str, part: str, told: str) -> Iterator[Object]:
        total = absent = 0
        skipped: list[str] = []
        for key, tag, size, modified in self._listed(bucket, prefix + part):
            name = key[len(prefix) :]
            if _is_no_path(name):
                skipped.append(key)
                continue
            folder, _, last = "/".join(filter(None, (base, name))).rpartition("/")
            each = Object(bucket, key, tag, folder, last, size, modified)
            total += bool(last)
            if not (last and self._is_there(each)):
                absent += bool(last)
                yield each
        where = {"uri": f"s3://{bucket}/{prefix + part}", "system": self._source["system"]}
        self._say(told.format(absent=absent, total=total, **where))
        if skipped:
            self._say(f"{len(skipped)} objects have no name that a file could have, such as {skipped[0]!r}: left out.")

    def _is_there(self, each: Object) -> bool:
        known = self._ledger.known.get(each.target)
        path = os.path.join(self._root, each.target)
        return known == each.mark + _GONE or (known == each.mark and os.path.lexists(path))

    @contextmanager
    def _turn(self, each: Object | None = None) -> Iterator[None]:
        """Nobody else brings this object in meanwhile, or any at all. Taken before the ledger, never within."""
        path = f"{self._source['ledger']}.turns"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if hasattr(fcntl, "F_OFD_SETLKW"):  # Linux, as is FUSE here; elsewhere the ledger is held all along
                where = (int(_digest(each.target), 16), 1) if each else (0, 0)
                fcntl.fcntl(file, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, *where, 0))
            yield
        finally:
            os.close(file)

    def _listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, str, int, str]]:
        try:
            yield from self._s3.entries(bucket, prefix)
        except S3Error as error:
            raise self._fault(error, f"s3://{bucket}/{prefix}") from None

    def _object(self, each: Object) -> None:
        """Make the file, or the folder alone where it has no name, and note it."""
        self._place(each, self._file)
        if each.name:
            self._ledger.note(each.target, each.mark)

    def _place(self, each: Object, then: Callable[[Object, int], None] | None = None) -> None:
        """Make the folder, then something in it. No symbolic link on the way is followed."""
        try:
            place = opened(self._root, each.folder.split("/") if each.folder else ())
            try:
                if then is not None and each.name:
                    then(each, place)
            finally:
                os.close(place)
        except S3Error as error:
            raise self._fault(error, f"s3://{each.bucket}/{each.key}") from None
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR):
                text = (
                    f"s3://{each.bucket}/{each.key}: {each.target} is in the way on the file system: {error.strerror}"
                )
                raise client_error(f"Data download failed:{text} ({self._where})") from None
            raise disk_error(error) from None

    def _file(self, each: Object, place: int) -> None:
        with suppress(FileNotFoundError):
            os.unlink(each.part, dir_fd=place)
        writer = os.open(each.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=place)
        try:
            blob = self._s3.blob(each.bucket, each.key)
            if blob is None:
                self._s3.fetch(each.bucket, each.key, lambda answer: _take(answer, writer))
            else:
                reader = os.open(blob, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    transfer(reader, writer)
                finally:
                    os.close(reader)
            os.utime(writer, (each.at, each.at))
            os.replace(each.part, each.name, src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            os.unlink(each.part, dir_fd=place)
            raise
        finally:
            os.close(writer)

    def _fault(self, error: S3Error, uri: str) -> Fault:
        return client_error(f"Data download failed:{error} ({self._where}: {uri})")


def _take(answer: Response, writer: int) -> None:
    os.ftruncate(writer, 0)
    os.lseek(writer, 0, os.SEEK_SET)
    for piece in answer.chunks():
        write_all(writer, piece)


def _part(folder: str, directory: str) -> str | None:
    """What of a link's keys lies below a directory: the start of their names; None where nothing does."""
    if not directory or folder == directory or folder.startswith(f"{directory}/"):
        return ""
    if not folder:
        return f"{directory}/"
    return f"{directory[len(folder) + 1 :]}/" if directory.startswith(f"{folder}/") else None


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:15]


def _is_no_path(name: str) -> bool:
    """Whether a key has no place in a folder; FSx leaves such out."""
    parts = name.split("/")
    return "\0" in name or any(part in ("", ".", "..") for part in parts[:-1]) or parts[-1] in (".", "..")


def opened(root: str, parts: Sequence[str], *, make: bool = True) -> int:
    """A folder below root as a file descriptor. Symbolic links are not followed. make: where it is not there."""
    place = os.open(root, _WAYS)
    for part in parts:
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=place)
            below = os.open(part, _WAYS, dir_fd=place)
        finally:
            os.close(place)
        place = below
    return place


class Ledger:
    """What came in so far, and of which object: ``known``, while one is in it and nobody else is.

    A line a file, written when it is whole: what an agent that was killed brought in is known.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        self._read = 0
        self.known: dict[str, str] = {}

    def __enter__(self) -> Ledger:
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        size = os.fstat(self._file).st_size
        text = os.pread(self._file, size - self._read, self._read) if size > self._read else b""
        whole = text.rfind(b"\n") + 1
        os.ftruncate(self._file, self._read + whole)
        self._read += whole
        self.known.update(json.loads(line) for line in text[:whole].splitlines())
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._file)

    def note(self, target: str, mark: str) -> None:
        line = json.dumps([target, mark]).encode() + b"\n"
        self.known[target] = mark
        self._read += os.write(self._file, line)
