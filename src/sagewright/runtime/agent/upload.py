"""The job's folders to S3, after the command or while it runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.s3 import S3, S3Error

_LOOK = 2.0
"""Seconds between looks for changed files of a continuous upload."""


_SHOWN = 5
"""Names of files left out that a log line tells."""


class Uploader:
    """Stores a job's outputs. base: its /opt/ml. scratch: where archives are made. say: tells the job's log."""

    def __init__(self, s3: S3, base: str, scratch: str, say: Callable[[str], None]) -> None:
        self._s3 = s3
        self._base = base
        self._scratch = scratch
        self._say = say
        self._sent: dict[str, tuple[int, int, int]] = {}

    def run(self, upload: dict[str, Any], peers: Sequence[tuple[str, str]] = ()) -> list[dict[str, Any]]:
        """Store one upload; uri and bytes of each object. Raises Fault.

        peers: host name and /opt/ml of other instances whose folder of that name goes into it too.
        """
        from sagewright.runtime.agent.archive import merged

        source = upload["source"]
        try:
            bases = [("", self._base), *peers]
            files, left_out = merged((host, _folder(base, source)) for host, base in bases)
            for host, names in left_out.items():
                shown = ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
                self._say(
                    f"{len(names)} of the files in {host}'s /opt/ml/{source} are not stored, since another instance "
                    f"has written files of the same name: {shown}"
                )
            if upload["form"] == "tar.gz":
                return self._archive(files, upload)
            return self._files(files, upload["uri"].rstrip("/"))
        except S3Error as error:
            raise client_error(f"Artifact upload failed:{error}") from None
        except OSError as error:
            raise Fault("InternalServerError", f"Artifact upload failed:{error}") from None

    def _archive(self, files: list[tuple[str, str]], upload: dict[str, Any]) -> list[dict[str, Any]]:
        from sagewright.runtime.agent.archive import pack

        target = os.path.join(self._scratch, "upload.tar.gz")
        if upload["skip_empty"] and not files:
            return []
        try:
            pack(files, target)
            uri = f"{upload['uri'].rstrip('/')}/{upload['name']}"
            return [{"uri": uri, "bytes": self._s3.put(uri, target)}]
        finally:
            with suppress(FileNotFoundError):
                os.unlink(target)

    def _files(self, files: list[tuple[str, str]], uri: str) -> list[dict[str, Any]]:
        stored = []
        for name, path in files:
            with suppress(FileNotFoundError):
                status = os.stat(path)
                mark = (status.st_mtime_ns, status.st_size, status.st_ino)
                target = f"{uri}/{name}"
                if self._sent.get(target) != mark:
                    stored.append({"uri": target, "bytes": self._s3.put(target, path)})
                    self._sent[target] = mark
        return stored


def _folder(base: str, source: str) -> str:
    """The folder, once it is sure that the command did not put a link to somewhere else in its place. Raises Fault."""
    path = os.path.join(base, source)
    root = os.path.realpath(base)
    if os.path.realpath(path) != os.path.normpath(os.path.join(root, source)):
        raise client_error(f"Artifact upload failed:/opt/ml/{source} is a link")
    return path


class Continuous:
    """Stores uploads again and again while the command runs, those files that changed."""

    def __init__(self, uploader: Uploader, uploads: list[dict[str, Any]], say: Callable[[str], None]) -> None:
        self._uploader = uploader
        self._uploads = uploads
        self._say = say
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        if uploads:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._done.wait(_LOOK):
            for upload in self._uploads:
                try:
                    self._uploader.run(upload)
                except Fault as fault:
                    self._say(f"Could not upload {upload['source']}: {fault.text}")

    def stop(self) -> None:
        """Let the round under way end."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
