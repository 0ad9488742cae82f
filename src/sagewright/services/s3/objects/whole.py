"""PutObject, GetObject, HeadObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html and API_GetObject.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import archive, errors, lifecycle, locks, versions
from sagewright.services.s3.access import acl
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import conditions, encryption, headers
from sagewright.services.s3.objects.opening import Opening
from sagewright.services.s3.objects.tagging import parse_header
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage import checksums, ranges
from sagewright.services.s3.storage.expected import expected
from sagewright.services.s3.storage.ranges import Span
from sagewright.services.s3.storage.writing import Intake
from sagewright.store import Document

BLOB_HEADER = "x-sagewright-blob"
"""A GET or HEAD that carries it is told where the object's bytes lie in the blob folder, so that a workload on the
same disk makes a hard link of them instead of a copy."""

_OVERRIDES = {f"Response{name}": name for name in headers.SYSTEM}


class Objects:
    """Whole objects, in and out."""

    def __init__(self, records: Records, intake: Intake, opening: Opening) -> None:
        self._records = records
        self._intake = intake
        self._opening = opening

    @operation()
    async def put_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        home = self._records.bucket(ctx, bucket)
        check_key(key)
        body = headers.described(ctx.request) | parse_header(ctx.request.get("Tagging")) | acl.of_write(ctx, home)
        lock = locks.of_write(ctx, home, self._records.clock.now())
        locks.check_digest(ctx, lock, "Object")
        body |= lock
        condition = conditions.on_write(ctx.request, key)
        condition(self._records.find(bucket, key))
        promised = expected(ctx)
        choice = await encryption.choose(ctx, self._records.store, home, key)
        body |= choice.members
        async with self._intake.receive(promised, cipher=choice.cipher) as received:
            body |= received.described() | {"ChecksumType": checksums.FULL_OBJECT}
            placed = self._records.place(bucket, key, body, announced=received.blob, condition=condition)
        await self._records.unnamed.empty(placed.replaced)
        expiration = lifecycle.expiration_header(home.body, key, body, self._records.clock.now())
        told = {"VersionId": placed.version_id, "Expiration": expiration}
        return headers.written(body) | encryption.told(body, ctx.request) | told

    @operation()
    async def get_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        """Body is an async iterator of bytes."""
        home, document = self._find(ctx, bucket, key)
        archive.check_readable(document.body, self._records.clock.now())
        span, shown = self._answer(ctx, home, document)
        shown["Body"] = await self._opening.open(ctx, bucket, document, span)
        await self._tell_place(ctx, bucket, document)
        return shown

    @operation()
    async def head_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        home, document = self._find(ctx, bucket, key)
        self._opening.check(ctx, document)
        shown = self._answer(ctx, home, document)[1]
        await self._tell_place(ctx, bucket, document)
        return shown

    async def _tell_place(self, ctx: Context, bucket: str, document: Document) -> None:
        if ctx.http is not None and BLOB_HEADER in ctx.http.headers:
            place = await self._opening.place(bucket, document)
            if place is not None:
                ctx.headers[BLOB_HEADER] = place

    def _find(self, ctx: Context, bucket: str, key: str) -> tuple[Document, Document]:
        """The bucket and the version."""
        headers.refuse_unsupported(ctx.request)
        home = self._records.bucket(ctx, bucket)
        check_key(key)
        document = self._records.version(bucket, key, ctx.request.get("VersionId"))
        conditions.check_read(ctx.request, document.body)
        return home, document

    def _answer(self, ctx: Context, home: Document, document: Document) -> tuple[Span, dict[str, Any]]:
        """What GET and HEAD share: the bytes meant, and all output members but the body."""
        body, request = document.body, ctx.request
        shown = headers.shown(body) | encryption.told(body, request) | locks.shown(body)
        shown["VersionId"] = body["VersionId"] if versions.status_of(home) else None
        if "NoncurrentSince" not in body:
            shown["Expiration"] = lifecycle.expiration_header(home.body, document.key, body)
        shown["Restore"] = archive.restore_header(body, self._records.clock.now())
        whole = Span(0, body["Size"], body["Size"])
        number = request.get("PartNumber")
        if number is not None:
            if request.get("Range"):
                raise errors.invalid_request("Cannot specify both Range header and partNumber query parameter")
            span: Span | None = self._part(home.key, document, number, shown, bool(request.get("ChecksumMode")))
        else:
            span = ranges.parse(request.get("Range"), body["Size"])
            if span is None and str(request.get("ChecksumMode", "")).upper() == "ENABLED":
                shown |= checksums.members(body["Checksums"], body["ChecksumType"])
        if span is not None and span.length:
            shown["ContentRange"] = span.content_range
        shown |= _overridden(ctx)
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


def _overridden(ctx: Context) -> dict[str, Any]:
    """Headers that the request wants to be other than the object's. Raises AwsError where nobody signed it."""
    found = {name: ctx.request[override] for override, name in _OVERRIDES.items() if ctx.request.get(override)}
    if found and ctx.http is not None and not ctx.access_key:
        raise errors.invalid_request("Request specific response headers cannot be used for anonymous GET requests.")
    return found
