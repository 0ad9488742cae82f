"""Objects of the S3 prefixes that a file system is linked to: each comes in once, and stays for later jobs.

FSx for Lustre loads an object when its file is first read. Here the objects below a job's directory come in before the
job's command starts, those that are not there or have changed: whatever the command then opens is there. Files are
copies (shared extents where the disk has them): they are the user's to change, and stored objects are not.

https://docs.aws.amazon.com/fsx/latest/LustreGuide/importing-files-dra.html
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.fetch import disk_error
from sagewright.runtime.agent.files import transfer, write_all
from sagewright.runtime.agent.http import Response
from sagewright.runtime.agent.s3 import S3, S3Error, split

_PART = ".sagewright-part"
"""What a file is called until it is whole."""
_WAYS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Linked:
    """The links of a channel's file system. root: its folder on the host. say: tells the job's log."""

    def __init__(self, channel: dict[str, Any], s3: S3, root: str, say: Callable[[str], None]) -> None:
        self._source = channel["source"]
        self._where = f"channel {channel['name']}, file system {self._source['system']}"
        self._s3 = s3
        self._root = root
        self._say = say

    def bring(self) -> None:
        """One instance at a time brings in what is below the directory and is not there yet. Raises Fault."""
        with _ledger(self._source["ledger"]) as (known, note):
            for link in self._source["links"]:
                self._link(link, known, note)

    def _link(self, link: dict[str, str], known: dict[str, str], note: Callable[[str, str], None]) -> None:
        bucket, prefix = split(link["uri"].rstrip("/") + "/")
        part = _part(link["folder"], self._source["directory"])
        if part is None:
            return
        total = brought = 0
        skipped: list[str] = []
        for key, tag in self._listed(bucket, prefix + part):
            name = key[len(prefix) :]
            folder, _, last = "/".join(filter(None, (link["folder"], name))).rpartition("/")
            target = f"{folder}/{last}" if folder else last
            mark = f"s3://{bucket}/{key} {tag}"
            if _is_no_path(name):
                skipped.append(key)
                continue
            total += bool(last)
            if known.get(target) == mark and os.path.lexists(os.path.join(self._root, target)):
                continue
            self._object(bucket, key, folder, last)
            if last:
                note(target, mark)
                brought += 1
        self._say(
            f"{brought} of the {total} objects of s3://{bucket}/{prefix + part} were brought into the file system "
            f"{self._source['system']}; the others were there."
        )
        if skipped:
            self._say(f"{len(skipped)} objects have no name that a file could have, such as {skipped[0]!r}: left out.")

    def _listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
        try:
            yield from self._s3.tagged(bucket, prefix)
        except S3Error as error:
            raise self._fault(error, f"s3://{bucket}/{prefix}") from None

    def _object(self, bucket: str, key: str, folder: str, name: str) -> None:
        """Make the file, or the folder alone where name is empty. No symbolic link on the way is followed."""
        try:
            place = _opened(self._root, folder.split("/") if folder else ())
            try:
                if name:
                    self._file(bucket, key, place, name)
            finally:
                os.close(place)
        except S3Error as error:
            raise self._fault(error, f"s3://{bucket}/{key}") from None
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR):
                text = f"s3://{bucket}/{key}: {folder}/{name} is in the way on the file system: {error.strerror}"
                raise client_error(f"Data download failed:{text} ({self._where})") from None
            raise disk_error(error) from None

    def _file(self, bucket: str, key: str, place: int, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(_PART, dir_fd=place)
        writer = os.open(_PART, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=place)
        try:
            blob = self._s3.blob(bucket, key)
            if blob is None:
                self._s3.fetch(bucket, key, lambda answer: _take(answer, writer))
            else:
                reader = os.open(blob, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    transfer(reader, writer)
                finally:
                    os.close(reader)
            os.replace(_PART, name, src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            os.unlink(_PART, dir_fd=place)
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


def _is_no_path(name: str) -> bool:
    """Whether a key has no place in a folder; FSx leaves such out."""
    parts = name.split("/")
    return "\0" in name or any(part in ("", ".", "..") for part in parts[:-1]) or parts[-1] in (".", "..")


def _opened(root: str, parts: Sequence[str]) -> int:
    """A folder below root as a file descriptor, made where it is not there; symbolic links are not followed."""
    place = os.open(root, _WAYS)
    for part in parts:
        try:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=place)
            below = os.open(part, _WAYS, dir_fd=place)
        finally:
            os.close(place)
        place = below
    return place


@contextmanager
def _ledger(path: str) -> Iterator[tuple[dict[str, str], Callable[[str, str], None]]]:
    """What came in so far, target -> object and its tag, and how to note more; nobody else has it meanwhile.

    A line a file, written when it is whole: what an agent that was killed brought in is known.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        whole = text.rfind(b"\n") + 1
        file.truncate(whole)
        known: dict[str, str] = dict(json.loads(line) for line in text[:whole].splitlines())

        def note(target: str, mark: str) -> None:
            known[target] = mark
            file.write(json.dumps([target, mark]).encode() + b"\n")

        yield known, note
