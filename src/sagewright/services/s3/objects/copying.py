"""CopyObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.ids import short_id
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors
from sagewright.services.s3.access.acl import check_acl
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import conditions, headers
from sagewright.services.s3.objects.source import Source, Sources
from sagewright.services.s3.objects.tagging import parse_header
from sagewright.services.s3.records import Condition, Records
from sagewright.services.s3.storage import checksums
from sagewright.services.s3.storage.checksums import ALGORITHMS, FULL_OBJECT, Algorithm
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.expected import Expected
from sagewright.services.s3.storage.reading import Reading
from sagewright.services.s3.storage.writing import Intake

_DIRECTIVES = ("COPY", "REPLACE")


class Copying:
    """Copies within the store."""

    def __init__(self, records: Records, intake: Intake, sources: Sources, disk: Disk) -> None:
        self._records = records
        self._intake = intake
        self._sources = sources
        self._disk = disk

    @operation()
    async def copy_object(
        self, ctx: Context, bucket: str, key: str, copy_source: str, **members: Any
    ) -> dict[str, Any]:
        check_acl(self._records.bucket(ctx, bucket), ctx.request)
        check_key(key)
        source = self._sources.find(ctx, copy_source)
        body = _described(ctx.request, source)
        _check_self_copy(ctx.request, source, bucket, key)
        condition = conditions.on_write(ctx.request, key)
        condition(self._records.find(bucket, key))
        reading = self._sources.read(source, source.whole())
        algorithm = _algorithm(ctx.request, source)
        if not _same_sums(source, algorithm) or not await self._link(bucket, key, body, source, condition):
            await self._copy(bucket, key, body, reading, algorithm, condition)
        reading.close()
        written = headers.written(body)
        result = {
            "LastModified": headers.whole_seconds(self._records.clock.now()),
            **{name: value for name, value in written.items() if name == "ETag" or name.startswith("Checksum")},
        }
        return {"CopyObjectResult": result, **headers.encryption(body)}

    async def _link(self, bucket: str, key: str, body: dict[str, Any], source: Source, condition: Condition) -> bool:
        """Give the bytes a second name: no byte is copied. False where that cannot be, and nothing has happened."""
        blob = short_id(32)
        announced = self._records.unnamed.announce([blob])
        same = {name: source.body[name] for name in ("Size", "ETag", "Checksums", "ChecksumType")}
        try:
            await self._disk.run(self._records.store.blobs.link, source.body["Blob"], blob)
            body |= {**same, "Blob": blob}
            replaced = self._records.place(bucket, key, body, announced=announced, condition=condition)
        except OSError:
            await self._records.unnamed.empty(announced)
            return False
        except BaseException:
            await self._records.unnamed.empty(announced)
            raise
        await self._records.unnamed.empty(replaced)
        return True

    async def _copy(
        self, bucket: str, key: str, body: dict[str, Any], reading: Reading, algorithm: Algorithm, condition: Condition
    ) -> None:
        async with self._intake.receive(Expected(reading, length=reading.span.length), algorithm) as received:
            body |= received.described() | {"ChecksumType": FULL_OBJECT}
            replaced = self._records.place(bucket, key, body, announced=received.announced, condition=condition)
        await self._records.unnamed.empty(replaced)


def _described(request: dict[str, Any], source: Source) -> dict[str, Any]:
    """Headers, metadata, tags and storage of the copy. Raises AwsError."""
    for name in ("MetadataDirective", "TaggingDirective"):
        if request.get(name, "COPY") not in _DIRECTIVES:
            kind = name.removesuffix("Directive").lower()
            wire = f"x-amz-{kind}-directive"
            raise errors.invalid_argument(f"Unknown {kind} directive.", wire, request[name])
    body = headers.described(request)
    if request.get("MetadataDirective") != "REPLACE":
        body |= {name: source.body[name] for name in ("Headers", "Metadata")}
    if request.get("TaggingDirective") == "REPLACE":
        return body | parse_header(request.get("Tagging"))
    return body | ({"Tags": source.body["Tags"]} if source.body.get("Tags") else {})


def _check_self_copy(request: dict[str, Any], source: Source, bucket: str, key: str) -> None:
    if (source.bucket, source.key) != (bucket, key) or request.get("MetadataDirective") == "REPLACE":
        return
    if any(request.get(name) for name in headers.STORAGE):
        return
    raise errors.invalid_request(
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
        "metadata, storage class, website redirect location or encryption attributes."
    )


def _algorithm(request: dict[str, Any], source: Source) -> Algorithm:
    """The algorithm asked for, else the source's. Raises AwsError."""
    name = request.get("ChecksumAlgorithm") or next(iter(source.body["Checksums"]), checksums.DEFAULT)
    algorithm = ALGORITHMS.get(str(name).upper())
    if algorithm is None:
        raise errors.invalid_request("Checksum algorithm provided is unsupported.")
    return algorithm


def _same_sums(source: Source, algorithm: Algorithm) -> bool:
    """Whether the copy's ETag and checksum are the source's: a copy is in one piece, its source may not be."""
    body = source.body
    return "-" not in body["ETag"] and body["ChecksumType"] == FULL_OBJECT and algorithm.name in body["Checksums"]
