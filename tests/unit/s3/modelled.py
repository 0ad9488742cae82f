"""A bucket in this process, for tests that compare it with a plain model."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sagewright.core.clock import FakeClock
from sagewright.kit.operation import Context, Services
from sagewright.services.s3 import s3
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage.blobs import Unnamed
from sagewright.services.s3.storage.disk import Disk
from sagewright.store import Store

ACCOUNT = "111122223333"
BODY = {
    "VersionId": "null",
    "LastModified": 1.0,
    "ETag": "e",
    "Size": 1,
    "Checksums": {},
    "ChecksumType": "FULL_OBJECT",
    "Storage": {},
}
"""An object's document, as far as listings look at it."""


class Bucket:
    """A bucket, and calls of S3 on it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.store = Store(folder, self.clock)
        self._services = Services.of(s3(self.store, self.clock))
        self.records = Records(self.store, self.clock, Unnamed(self.store, Disk()))
        self.call("CreateBucket")

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        request = {"Bucket": "bucket", **members}
        context = Context(ACCOUNT, "us-east-1", "s3", operation, "id", None, request)  # type: ignore[arg-type]

        async def run() -> dict[str, Any]:
            return await self._services(context)

        return asyncio.run(run())


@contextmanager
def a_bucket() -> Iterator[Bucket]:
    with tempfile.TemporaryDirectory() as folder:
        bucket = Bucket(Path(folder))
        yield bucket
        bucket.store.close()


def byte_order(text: str) -> bytes:
    return text.encode()


def group_of(key: str, prefix: str, delimiter: str) -> str:
    head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
    return prefix + head + cut if cut else ""
