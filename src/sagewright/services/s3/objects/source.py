"""The source of a copy: the object that ``x-amz-copy-source`` names.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3 import archive, errors
from sagewright.services.s3.names import check_key, split_source
from sagewright.services.s3.objects import conditions
from sagewright.services.s3.objects.opening import Opening
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage import ranges
from sagewright.services.s3.storage.expected import MAX_PUT
from sagewright.services.s3.storage.ranges import Span
from sagewright.services.s3.storage.reading import Reading
from sagewright.services.s3.versions import key_of
from sagewright.store import Document


@dataclass(frozen=True, slots=True)
class Source:
    """An object to copy from."""

    bucket: str
    document: Document

    @property
    def key(self) -> str:
        return key_of(self.document)

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

    def __init__(self, records: Records, opening: Opening) -> None:
        self._records = records
        self._opening = opening

    def find(self, ctx: Context, header: str) -> Source:
        """Raises AwsError: an unreadable header, no such object, a condition that does not hold."""
        bucket, key, version = split_source(header)
        if not bucket or not key:
            message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
            raise errors.invalid_argument(message, "x-amz-copy-source", header)
        check_key(key)
        document = self._find(ctx, bucket, key, version)
        conditions.check_copy_source(ctx.request, document.body)
        archive.check_source(document.body, self._records.clock.now())
        return Source(bucket, document)

    def _find(self, ctx: Context, bucket: str, key: str, version: str | None) -> Document:
        expected = ctx.request.get("ExpectedSourceBucketOwner")
        account = self._records.home(bucket).body["Account"]
        if expected and expected != account:
            raise errors.access_denied()
        try:
            return self._records.version(bucket, key, version)
        except AwsError as error:
            if error.code != "MethodNotAllowed":
                raise
            message = "The source of a copy request may not specifically refer to a delete marker by version id."
            raise errors.invalid_request(message) from None

    async def read(self, ctx: Context, source: Source, span: Span) -> Reading:
        """Raises AwsError, those of the source's encryption too."""
        return await self._opening.open(ctx, source.bucket, source.document, span, "CopySource")
