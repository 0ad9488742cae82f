"""The one way from an object's document to its bytes: verified, and decrypted where they are encrypted.

An object whose bytes turn out to be damaged is marked, ``Corrupt: epoch seconds``, told in the log, and never served.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3.objects import customer, encryption
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage import blocks
from sagewright.services.s3.storage.blocks import Corrupt, Plain
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.ranges import Span
from sagewright.services.s3.storage.reading import Reading, verify
from sagewright.services.s3.versions import key_of
from sagewright.store import Document

_log = logging.getLogger(__name__)


class Opening:
    """Opens objects."""

    def __init__(self, records: Records, disk: Disk) -> None:
        self._records = records
        self._disk = disk
        self._verifying: dict[str, asyncio.Task[None]] = {}

    def check(self, ctx: Context, document: Document, prefix: str = "") -> bytes | None:
        """Whether the request may see the object, as far as its bytes go; the customer's key. prefix: of a copy.

        Raises AwsError: InternalError for an object known to be damaged, those of customer.check().
        """
        if document.body.get("Corrupt"):
            raise _damaged()
        return customer.check(ctx.request, document.body, prefix)

    async def open(self, ctx: Context, bucket: str, document: Document, span: Span, prefix: str = "") -> Reading:
        """The span's bytes, the first of them already verified. Raises AwsError."""
        own = self.check(ctx, document, prefix)
        body = document.body
        file = -1
        try:
            # Before anything is awaited: who replaces the object meanwhile deletes the file.
            file = os.open(self._records.store.blobs.path(body["Blob"]), os.O_RDONLY | os.O_CLOEXEC)
            runs = blocks.runs_of(self._records.store, body)
            guard = await encryption.cipher_of(ctx, self._records.store, body, own) or Plain()
        except BaseException as error:
            if file >= 0:
                os.close(file)
            if isinstance(error, FileNotFoundError):
                raise self._report(bucket, document, Corrupt("its file is not there")) from None
            if isinstance(error, Corrupt):
                raise self._report(bucket, document, error) from None
            raise
        reading = Reading(file, runs, guard, span, self._disk, lambda found: self._report(bucket, document, found))
        return await reading.start()

    async def place(self, bucket: str, document: Document) -> str | None:
        """Where in the blob folder a file with just the object's bytes lies, verified; None for an encrypted object.

        Raises AwsError.
        """
        body = document.body
        if "Seal" in body:
            return None
        blob: str = body["Blob"]
        # Who asks again, since it takes long, waits for the same.
        task = self._verifying.get(blob)
        if task is None:
            task = self._verifying[blob] = asyncio.create_task(self._verify(body))
            task.add_done_callback(lambda done: self._verified(blob, done))
        try:
            await asyncio.shield(task)
        except Corrupt as found:
            raise self._report(bucket, document, found) from None
        return self._records.store.blobs.relative(blob)

    async def _verify(self, body: dict[str, Any]) -> None:
        store = self._records.store
        await self._disk.run(verify, store.blobs.path(body["Blob"]), blocks.runs_of(store, body), Plain())

    def _verified(self, blob: str, task: asyncio.Task[None]) -> None:
        del self._verifying[blob]
        if not task.cancelled():
            task.exception()  # whoever still waits is told

    def _report(self, bucket: str, document: Document, found: Corrupt) -> AwsError:
        key, version = key_of(document), document.body["VersionId"]
        present = self._records.stored(bucket, key, version)
        if present is None or present.body.get("Blob") != document.body["Blob"]:
            # Deleted, or written anew, while it was read: its file has gone, which is no damage.
            return AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        _log.error("object damaged: s3://%s/%s, version %s: %s", bucket, key, version, found)
        if not present.body.get("Corrupt"):
            marked = {**present.body, "Corrupt": self._records.clock.now()}
            self._records.store.documents.update(present, body=marked)
        return _damaged()


def _damaged() -> AwsError:
    message = "The stored object is damaged: its bytes are not those that were written. Delete it or write it again."
    return AwsError("InternalError", message, 500, headers={"x-sagewright-damaged": "true"})
