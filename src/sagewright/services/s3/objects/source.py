"""The source of a copy: the object that ``x-amz-copy-source`` names.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sagewright.kit.operation import Context
from sagewright.services.s3 import errors
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import conditions
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage import ranges
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.expected import MAX_PUT
from sagewright.services.s3.storage.ranges import Span
from sagewright.services.s3.storage.reading import Reading
from sagewright.store import Document


@dataclass(frozen=True, slots=True)
class Source:
    """An object to copy from."""

    bucket: str
    document: Document

    @property
    def key(self) -> str:
        return self.document.key

    @property
    def body(self) -> dict[str, Any]:
        return self.document.body

    def whole(self) -> Span:
        """Raises AwsError where it is more than one request copies."""
        size = self.body["Size"]
        if size > MAX_PUT:
            message = "The specified copy source is larger than the maximum allowable size for a copy source: "
            raise errors.invalid_request(f"{message}{MAX_PUT}")
        return Span(0, size, size)

    def part(self, header: str | None) -> Span:
        """The bytes a part is made of."""
        return self.whole() if header is None else ranges.of_copy(header, self.body["Size"])


class Sources:
    """Finds and reads sources."""

    def __init__(self, records: Records, disk: Disk) -> None:
        self._records = records
        self._disk = disk

    def find(self, ctx: Context, header: str) -> Source:
        """Raises AwsError: an unreadable header, no such object, a condition that does not hold."""
        path, _, query = header.partition("?")
        try:
            bucket, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
        except UnicodeDecodeError:
            bucket, key = "", ""
        if not bucket or not key:
            message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
            raise errors.invalid_argument(message, "x-amz-copy-source", header)
        check_key(key)
        name, _, version = query.partition("=")
        document = self._find(ctx, bucket, key, version if name == "versionId" else None)
        conditions.check_copy_source(ctx.request, document.body)
        return Source(bucket, document)

    def _find(self, ctx: Context, bucket: str, key: str, version: str | None) -> Document:
        expected = ctx.request.get("ExpectedSourceBucketOwner")
        account = self._records.home(bucket).body["Account"]
        if expected and expected != account:
            raise errors.access_denied()
        return self._records.version(bucket, key, version)

    def read(self, source: Source, span: Span) -> Reading:
        return Reading(self._records.store.blobs.path(source.body["Blob"]), span, self._disk)
