"""The job's folders to S3, after the command or while it runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.s3 import S3, S3Error

_LOOK = 2.0
"""Seconds between looks for changed files of a continuous upload."""


class Uploader:
    """Stores a job's outputs. base: its /opt/ml. scratch: where archives are made."""

    def __init__(self, s3: S3, base: str, scratch: str) -> None:
        self._s3 = s3
        self._base = base
        self._scratch = scratch
        self._sent: dict[str, tuple[int, int, int]] = {}

    def run(self, upload: dict[str, Any]) -> list[dict[str, Any]]:
        """Store one upload; uri and bytes of each object. Raises Fault."""
        try:
            folder = self._folder(upload["source"])
            if upload["form"] == "tar.gz":
                return self._archive(folder, upload)
            return self._files(folder, upload["uri"].rstrip("/"))
        except S3Error as error:
            raise client_error(f"Artifact upload failed:{error}") from None
        except OSError as error:
            raise Fault("InternalServerError", f"Artifact upload failed:{error}") from None

    def _folder(self, source: str) -> str:
        """The folder, once it is sure that the command did not put a link to somewhere else in its place."""
        path = os.path.join(self._base, source)
        root = os.path.realpath(self._base)
        if os.path.realpath(path) != os.path.normpath(os.path.join(root, source)):
            raise client_error(f"Artifact upload failed:/opt/ml/{source} is a link")
        return path

    def _archive(self, folder: str, upload: dict[str, Any]) -> list[dict[str, Any]]:
        from sagewright.runtime.agent.archive import pack

        target = os.path.join(self._scratch, "upload.tar.gz")
        try:
            if pack(folder, target) == 0 and upload["skip_empty"]:
                return []
            uri = f"{upload['uri'].rstrip('/')}/{upload['name']}"
            return [{"uri": uri, "bytes": self._s3.put(uri, target)}]
        finally:
            with suppress(FileNotFoundError):
                os.unlink(target)

    def _files(self, folder: str, uri: str) -> list[dict[str, Any]]:
        from sagewright.runtime.agent.archive import files_below

        stored = []
        for name, path in files_below(folder):
            with suppress(FileNotFoundError):
                status = os.stat(path)
                mark = (status.st_mtime_ns, status.st_size, status.st_ino)
                target = f"{uri}/{name}"
                if self._sent.get(target) != mark:
                    stored.append({"uri": target, "bytes": self._s3.put(target, path)})
                    self._sent[target] = mark
        return stored


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
