"""The process that shows a file system's folder with the objects linked to it, which come in when they are first read.

A FUSE file system (https://www.kernel.org/doc/html/latest/filesystems/fuse.html) on mfusepy. Its first line of standard
input says what to show; the end of that input is its end. What it has to say goes to its standard output, a line each:
JSON documents (``say``), and ``mounted`` once.

What is not an object to come is passed through to the folder. No symbolic link is followed here: the kernel has those
resolved where the program runs, and sees what that may see.
"""

from __future__ import annotations

import calendar
import errno
import json
import os
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.linked import PART, Linked, Object, opened
from sagewright.runtime.agent.s3 import S3
from sagewright.runtime.agent.signer import Signer

_SEEN = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks", "st_atime", "st_mtime", "st_ctime")
_WITHOUT = (
    "Linked objects come in before the command starts: when they are read, with FUSE (Debian's fuse3, a /dev/fuse that "
    "is open to this user, and pip install 'sagewright[fuse]')."
)
_SPACE = (
    "f_bavail",
    "f_bfree",
    "f_blocks",
    "f_bsize",
    "f_favail",
    "f_ffree",
    "f_files",
    "f_flag",
    "f_frsize",
    "f_namemax",
)


class Folder:
    """The operations, by their names in libfuse. Paths begin with a slash, which is the folder.

    root: the file system's folder on the host. directory: the one below it that is shown. absent: what is to come.
    """

    def __init__(self, root: str, directory: str, linked: Linked, absent: list[Object]) -> None:
        self._folder = os.path.realpath(os.path.join(root, directory))
        self._linked = linked
        self._lock = threading.Lock()
        start = f"{directory}/" if directory else ""
        self._absent = {"/" + each.target[len(start) :]: each for each in absent}
        self._names: dict[str, set[str]] = {}
        for path in self._absent:
            folder, _, name = path.rpartition("/")
            self._names.setdefault(folder or "/", set()).add(name)

    # Objects

    def _here(self, path: str) -> None:
        """Have an object come in that is to come; nothing happens for any other path. Raises OSError."""
        with self._lock:
            each = self._absent.get(path)
            if each is None:
                return
            try:
                self._linked.take(each)
            except Fault as fault:
                say(fault.text, fault=[fault.kind, fault.text])
                raise OSError(errno.EIO, fault.text) from None
            self._forget(path)

    def _forget(self, path: str) -> None:
        if self._absent.pop(path, None) is not None:
            folder, _, name = path.rpartition("/")
            self._names[folder or "/"].discard(name)

    @contextmanager
    def _at(self, path: str, *, here: bool = True) -> Iterator[tuple[str, int]]:
        """A path's last name, and its folder as a file descriptor. here: have an object come in."""
        if here:
            self._here(path)
        *folders, name = path.strip("/").split("/")
        place = opened(self._folder, folders, make=False)
        try:
            yield name or ".", place
        finally:
            os.close(place)

    # What is there

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        each = self._absent.get(path)
        with self._at(path, here=False) as (name, place):
            if each is not None:
                return _to_come(each, os.fstat(place))
            found = os.stat(name, dir_fd=place, follow_symlinks=False)
        return {key: getattr(found, key) for key in _SEEN}

    def readdir(self, path: str, fh: int) -> list[str]:
        with self._at(path) as (name, place):
            folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            try:
                names = set(os.listdir(folder)) - {PART}
            finally:
                os.close(folder)
        return [".", "..", *sorted(names | self._names.get(path, set()))]

    def readlink(self, path: str) -> str:
        with self._at(path) as (name, place):
            return os.readlink(name, dir_fd=place)

    def statfs(self, path: str) -> dict[str, Any]:
        found = os.statvfs(self._folder)
        return {key: getattr(found, key) for key in _SPACE}

    # Files

    def open(self, path: str, flags: int) -> int:
        if flags & os.O_TRUNC:
            return self._emptied(path, flags)
        with self._at(path) as (name, place):
            return os.open(name, flags & ~os.O_APPEND | os.O_NOFOLLOW, dir_fd=place)

    def _emptied(self, path: str, flags: int) -> int:
        with self._lock, self._at(path, here=False) as (name, place):
            file = os.open(name, flags & ~os.O_APPEND | os.O_NOFOLLOW | os.O_CREAT, 0o644, dir_fd=place)
            self._forget(path)
            return file

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        with self._at(path) as (name, place):
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode, dir_fd=place)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        if fh is not None:
            os.ftruncate(fh, length)
            return 0
        with self._at(path) as (name, place):
            file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=place)
            try:
                os.ftruncate(file, length)
            finally:
                os.close(file)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        os.fsync(fh)
        return 0

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    # Names

    def mkdir(self, path: str, mode: int) -> int:
        with self._at(path) as (name, place):
            os.mkdir(name, mode, dir_fd=place)
        return 0

    def rmdir(self, path: str) -> int:
        if self._names.get(path):
            raise OSError(errno.ENOTEMPTY, path)
        with self._at(path) as (name, place):
            os.rmdir(name, dir_fd=place)
        return 0

    def unlink(self, path: str) -> int:
        with self._at(path) as (name, place):
            os.unlink(name, dir_fd=place)
        return 0

    def symlink(self, path: str, source: str) -> int:
        with self._at(path) as (name, place):
            os.symlink(source, name, dir_fd=place)
        return 0

    def link(self, path: str, source: str) -> int:
        with self._at(source) as (old, here), self._at(path) as (new, there):
            os.link(old, new, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
        return 0

    def rename(self, old: str, new: str) -> int:
        """A folder takes the objects that are to come along, which then have to come first."""
        for path in [path for path in list(self._absent) if path.startswith(f"{old}/")]:
            self._here(path)
        with self._at(old) as (name, here), self._at(new) as (other, there):
            os.rename(name, other, src_dir_fd=here, dst_dir_fd=there)
        return 0

    # What is known of a file

    def chmod(self, path: str, mode: int) -> int:
        with self._at(path) as (name, place):
            os.chmod(name, mode, dir_fd=place)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        with self._at(path) as (name, place):
            os.chown(name, _same(uid), _same(gid), dir_fd=place, follow_symlinks=False)
        return 0

    def utimens(self, path: str, times: tuple[float, float] | None = None) -> int:
        with self._at(path) as (name, place):
            os.utime(name, times, dir_fd=place, follow_symlinks=False)
        return 0


def say(text: str, **more: Any) -> None:
    """A line for the job's log. fault: kind and text of one that is the job's, should its command fail."""
    os.write(1, json.dumps({"text": text, **more}).encode() + b"\n")


def _same(number: int) -> int:
    return -1 if number in (0xFFFFFFFF, -1) else number


def _to_come(each: Object, folder: os.stat_result) -> dict[str, Any]:
    try:
        at = calendar.timegm(time.strptime(each.modified[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        at = 0
    owner = {"st_uid": folder.st_uid, "st_gid": folder.st_gid}
    times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), at)
    return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": each.size, "st_blocks": 0, **owner, **times}


def _line() -> bytes:
    """The first line of the input, and nothing behind it."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 65536)):
        line += piece
    return line


def _end_with_input(place: str) -> None:
    while os.read(0, 4096):
        pass
    subprocess.run(["fusermount3", "-uz", place], capture_output=True, check=False)
    time.sleep(1)
    os._exit(0)


def main() -> None:
    """spec: place (where to mount), channel (of launch.json), root, directory, data_dir, credentials, account, region,
    patience."""
    spec = json.loads(_line())
    try:
        import mfusepy
    except (ImportError, OSError):
        say(_WITHOUT)
        return
    s3 = S3(spec["data_dir"], Signer(spec["credentials"], spec["account"], spec["region"]), spec["patience"])
    found: list[str] = []
    linked = Linked(spec["channel"], s3, spec["root"], found.append)
    try:
        absent = linked.lay_out()
    except Fault:
        return  # the agent meets it too, and says so

    def init(self: Any, path: str) -> None:
        for line in found:
            say(line)
        os.write(1, b"mounted\n")

    threading.Thread(target=_end_with_input, args=(spec["place"],), daemon=True).start()
    kind = type("Mounted", (Folder, mfusepy.Operations), {"init": init})
    everybody = {"allow_other": True} if os.getuid() == 0 else {}
    options = {"foreground": True, "default_permissions": True, "fsname": "sagewright", **everybody}
    shown = kind(spec["root"], spec["directory"], linked, absent)
    try:
        mfusepy.FUSE(shown, spec["place"], nothreads=False, **options)
    except RuntimeError:
        say(_WITHOUT)
