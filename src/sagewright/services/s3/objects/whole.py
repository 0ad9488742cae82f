"""PutObject, GetObject, HeadObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html and API_GetObject.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors
from sagewright.services.s3.access.acl import check_acl
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import conditions, headers
from sagewright.services.s3.objects.tagging import parse_header
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage import checksums, ranges
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.expected import expected
from sagewright.services.s3.storage.ranges import Span
from sagewright.services.s3.storage.reading import Reading
from sagewright.services.s3.storage.writing import Intake
from sagewright.store import Document

BLOB_HEADER = "x-sagewright-blob"
"""A GET or HEAD that carries it is told where the object's bytes lie in the blob folder, so that a workload on the
same disk makes a hard link of them instead of a copy."""

_OVERRIDES = {f"Response{name}": name for name in headers.SYSTEM}


class Objects:
    """Whole objects, in and out."""

    def __init__(self, records: Records, intake: Intake, disk: Disk) -> None:
        self._records = records
        self._intake = intake
        self._disk = disk

    @operation()
    async def put_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        check_acl(self._records.bucket(ctx, bucket), ctx.request)
        check_key(key)
        body = headers.described(ctx.request) | parse_header(ctx.request.get("Tagging"))
        condition = conditions.on_write(ctx.request, key)
        condition(self._records.find(bucket, key))
        async with self._intake.receive(expected(ctx)) as received:
            body |= received.described() | {"ChecksumType": checksums.FULL_OBJECT}
            replaced = self._records.place(bucket, key, body, announced=received.announced, condition=condition)
        await self._records.unnamed.empty(replaced)
        return headers.written(body)

    @operation()
    async def get_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        """Body is an async iterator of bytes."""
        document = self._find(ctx, bucket, key)
        span, shown = self._answer(ctx, bucket, document)
        shown["Body"] = Reading(self._records.store.blobs.path(document.body["Blob"]), span, self._disk)
        return shown

    @operation()
    def head_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        return self._answer(ctx, bucket, self._find(ctx, bucket, key))[1]

    def _find(self, ctx: Context, bucket: str, key: str) -> Document:
        headers.refuse_unsupported(ctx.request)
        document = self._records.get(ctx, bucket, key)
        conditions.check_read(ctx.request, document.body)
        return document

    def _answer(self, ctx: Context, bucket: str, document: Document) -> tuple[Span, dict[str, Any]]:
        """What GET and HEAD share: the bytes meant, and all output members but the body."""
        body, request = document.body, ctx.request
        shown = headers.shown(body)
        whole = Span(0, body["Size"], body["Size"])
        number = request.get("PartNumber")
        if number is not None:
            if request.get("Range"):
                raise errors.invalid_request("Cannot specify both Range header and partNumber query parameter")
            span: Span | None = self._part(bucket, document, number, shown, bool(request.get("ChecksumMode")))
        else:
            span = ranges.parse(request.get("Range"), body["Size"])
            if span is None and str(request.get("ChecksumMode", "")).upper() == "ENABLED":
                shown |= checksums.members(body["Checksums"], body["ChecksumType"])
        if span is not None and span.length:
            shown["ContentRange"] = span.content_range
        for override, name in _OVERRIDES.items():
            if request.get(override):
                shown[name] = request[override]
        if ctx.http is not None and BLOB_HEADER in ctx.http.headers:
            ctx.headers[BLOB_HEADER] = self._records.store.blobs.relative(body["Blob"])
        span = span or whole
        shown["ContentLength"] = span.length
        return span, shown

    def _part(self, bucket: str, document: Document, number: int, shown: dict[str, Any], checksum: bool) -> Span:
        """The span of one part, and its own checksum where the object's is made of its parts'."""
        if not 1 <= number <= 10_000:
            message = "Part number must be an integer between 1 and 10000, inclusive"
            raise errors.invalid_argument(message, "partNumber", number)
        body = document.body
        parts = self._records.part_list(bucket, document)
        span = ranges.part(parts, number, body["Size"])
        shown["PartsCount"] = body.get("PartsCount")
        if checksum and (not parts or body["ChecksumType"] == checksums.COMPOSITE):
            own = next((part["Checksums"] for part in parts if part["PartNumber"] == number), body["Checksums"])
            shown |= checksums.members(own, body["ChecksumType"])
        return span
