"""What FUSE is answered: a folder of the host as it is, with the objects that are to come among its files.

No symbolic link is followed here: the kernel has those resolved where the program runs, and sees what that may see.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sagewright.runtime.agent.linked import PART, Object, opened
from sagewright.runtime.linked_folder.arrivals import Arrivals

_SEEN = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks")
_TIMES = ("st_atime", "st_mtime", "st_ctime")
_OURS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NOT_OURS = os.O_APPEND | getattr(os, "O_DIRECT", 0) | getattr(os, "O_NOATIME", 0) | os.O_CREAT | os.O_EXCL
"""The kernel says where to append; the caller's buffers are not ours, nor are its rights."""
_UTIME_NOW = (1 << 30) - 1
_UTIME_OMIT = (1 << 30) - 2
_HIDDEN = ".fuse_hidden"
"""How the names begin that libfuse gives to files that are deleted while they are open."""
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
    """The operations, by their names in libfuse. Paths begin with a slash, which is the folder; None for open files.

    root: the file system's folder on the host. directory: the one below it that is shown. caller: uid, gid and pid of
    whom an operation is for.
    """

    use_ns = True

    def __init__(
        self, root: str, directory: str, arrivals: Arrivals, caller: Callable[[], tuple[int, int, int]]
    ) -> None:
        self._folder = os.path.realpath(os.path.join(root, directory))
        self._start = f"{directory}/" if directory else ""
        self._arrivals = arrivals
        self._caller = caller
        self._root = os.geteuid() == 0
        self._hidden: set[str] = set()

    @contextmanager
    def _at(self, path: str, *, here: bool = True) -> Iterator[tuple[str, int]]:
        """A path's last name, and its folder as a file descriptor. here: have an object come in."""
        if here:
            self._arrivals.bring([path])
        *folders, name = path.strip("/").split("/")
        place = opened(self._folder, folders, make=False)
        try:
            yield name or ".", place
        finally:
            os.close(place)

    def _given(self, name: str, place: int) -> None:
        """To whom the operation is for, as a file or folder made by itself would be."""
        uid, gid, _ = self._caller()
        if self._root and (uid or gid):
            inherits = os.fstat(place).st_mode & stat.S_ISGID
            os.chown(name, uid, -1 if inherits else gid, dir_fd=place, follow_symlinks=False)

    # What is there

    def getattr(self, path: str | None, fh: int | None = None) -> dict[str, Any]:
        if path is None:
            assert fh is not None
            return _seen(os.fstat(fh))
        each = self._arrivals.get(path)
        with self._at(path, here=False) as (name, place):
            try:
                found = os.stat(name, dir_fd=place, follow_symlinks=False)
            except FileNotFoundError:
                if each is None:
                    raise
            else:
                if each is None or self._arrivals.settled(path):
                    return _seen(found)
            return _to_come(each, os.fstat(place))

    def readdir(self, path: str, fh: int) -> list[str]:
        with self._at(path) as (name, place):
            folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            try:
                names = {name for name in os.listdir(folder) if not name.startswith(PART)}
            finally:
                os.close(folder)
        return [".", "..", *sorted(names | self._arrivals.names(path))]

    def readlink(self, path: str) -> str:
        with self._at(path) as (name, place):
            return os.readlink(name, dir_fd=place)

    def statfs(self, path: str) -> dict[str, Any]:
        found = os.statvfs(self._folder)
        return {key: getattr(found, key) for key in _SPACE}

    # Files

    def open(self, path: str, flags: int) -> int:
        if flags & os.O_TRUNC and self._arrivals.get(path):
            return self._emptied(path, flags)
        with self._at(path) as (name, place):
            return os.open(name, flags & ~_NOT_OURS | _OURS, dir_fd=place)

    def _emptied(self, path: str, flags: int) -> int:
        self._arrivals.rest(path)
        with self._at(path, here=False) as (name, place):
            try:
                file = os.open(name, flags & ~_NOT_OURS | _OURS, dir_fd=place)
            except FileNotFoundError:
                file = os.open(name, flags & ~_NOT_OURS | _OURS | os.O_CREAT, 0o644, dir_fd=place)
                os.fchown(file, os.fstat(place).st_uid, os.fstat(place).st_gid)
            self._arrivals.replaced(path)
            return file

    def create(self, path: str, mode: int, flags: int) -> int:
        with self._at(path) as (name, place):
            file = os.open(name, flags & ~_NOT_OURS | _OURS | os.O_CREAT, mode, dir_fd=place)
            self._given(name, place)
            return file

    def read(self, path: str | None, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str | None, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str | None, length: int, fh: int | None = None) -> int:
        if fh is not None:
            os.ftruncate(fh, length)
            return 0
        assert path is not None
        with self._at(path) as (name, place):
            file = os.open(name, os.O_WRONLY | _OURS, dir_fd=place)
            try:
                os.ftruncate(file, length)
            finally:
                os.close(file)
        return 0

    def fsync(self, path: str | None, datasync: int, fh: int) -> int:
        os.fsync(fh)
        return 0

    def release(self, path: str | None, fh: int) -> int:
        os.close(fh)
        return 0

    # Names

    def mknod(self, path: str, mode: int, dev: int) -> int:
        if stat.S_IFMT(mode) not in (stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK):
            raise OSError(errno.EPERM, path)
        with self._at(path) as (name, place):
            os.mknod(name, mode, dir_fd=place)
            self._given(name, place)
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        with self._at(path) as (name, place):
            os.mkdir(name, mode, dir_fd=place)
            self._given(name, place)
        return 0

    def rmdir(self, path: str) -> int:
        if self._arrivals.names(path):
            raise OSError(errno.ENOTEMPTY, path)
        with self._at(path) as (name, place):
            os.rmdir(name, dir_fd=place)
        return 0

    def unlink(self, path: str) -> int:
        """An object that is to come need not come for it."""
        self._arrivals.rest(path)
        to_come = self._arrivals.get(path) is not None
        with self._at(path, here=False) as (name, place):
            try:
                os.unlink(name, dir_fd=place)
            except FileNotFoundError:
                if not to_come:
                    raise
        self._arrivals.deleted(path, self._target(path))
        self._hidden.discard(path)
        return 0

    def symlink(self, path: str, source: str) -> int:
        with self._at(path) as (name, place):
            os.symlink(source, name, dir_fd=place)
            self._given(name, place)
        return 0

    def link(self, path: str, source: str) -> int:
        with self._at(source) as (old, here), self._at(path) as (new, there):
            os.link(old, new, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
        return 0

    def rename(self, old: str, new: str) -> int:
        """A folder takes the objects that are to come along, which then have to come first."""
        self._arrivals.bring([old, *self._arrivals.below(old)])
        self._arrivals.rest(new)
        with self._at(old) as (name, here), self._at(new, here=False) as (other, there):
            folder = stat.S_ISDIR(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
            os.rename(name, other, src_dir_fd=here, dst_dir_fd=there)
        self._arrivals.replaced(new)
        self._arrivals.deleted(old, self._target(old), folder=folder)
        if new.rpartition("/")[2].startswith(_HIDDEN):
            self._hidden.add(new)
        return 0

    def _target(self, path: str) -> str:
        return self._start + path[1:]

    def sweep(self) -> None:
        """Delete what was deleted while it was open, by who has no time any more to close it."""
        for path in list(self._hidden):
            with suppress(OSError):
                self.unlink(path)

    # What is known of a file

    def chmod(self, path: str, mode: int) -> int:
        """By the file itself: os.chmod follows symbolic links."""
        with self._at(path) as (name, place):
            file = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            try:
                if stat.S_ISLNK(os.fstat(file).st_mode):
                    raise OSError(errno.EOPNOTSUPP, path)
                os.chmod(f"/proc/self/fd/{file}", mode)
            finally:
                os.close(file)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        with self._at(path) as (name, place):
            os.chown(name, _same(uid), _same(gid), dir_fd=place, follow_symlinks=False)
        return 0

    def utimens(self, path: str, times: tuple[int, int]) -> int:
        with self._at(path) as (name, place):
            before = os.stat(name, dir_fd=place, follow_symlinks=False)
            atime, mtime = (_time(*each) for each in zip(times, (before.st_atime_ns, before.st_mtime_ns), strict=True))
            os.utime(name, ns=(atime, mtime), dir_fd=place, follow_symlinks=False)
        return 0


def _same(number: int) -> int:
    return -1 if number in (0xFFFFFFFF, -1) else number


def _time(ns: int, before: int) -> int:
    return {_UTIME_NOW: time.time_ns(), _UTIME_OMIT: before}.get(ns, ns)


def _seen(found: os.stat_result) -> dict[str, Any]:
    return {key: getattr(found, key) for key in _SEEN} | {key: getattr(found, f"{key}_ns") for key in _TIMES}


def _to_come(each: Object, folder: os.stat_result) -> dict[str, Any]:
    owner = {"st_uid": folder.st_uid, "st_gid": folder.st_gid}
    times = dict.fromkeys(_TIMES, each.at * 10**9)
    return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": each.size, "st_blocks": 0, **owner, **times}
