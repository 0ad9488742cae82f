"""CopyObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors, lifecycle, locks
from sagewright.services.s3.access import acl
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import conditions, encryption, headers
from sagewright.services.s3.objects.encryption import Choice
from sagewright.services.s3.objects.source import Source, Sources
from sagewright.services.s3.objects.tagging import parse_header
from sagewright.services.s3.records import Condition, Placed, Records
from sagewright.services.s3.storage import blocks, checksums
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
        home = self._records.bucket(ctx, bucket)
        check_key(key)
        source = self._sources.find(ctx, copy_source)
        body = _described(ctx.request, source) | locks.of_write(ctx, home, self._records.clock.now())
        body |= acl.of_write(ctx, home)
        _check_self_copy(ctx.request, source, bucket, key)
        condition = conditions.on_write(ctx.request, key)
        condition(self._records.find(bucket, key))
        algorithm = _algorithm(ctx.request, source)
        reading = await self._sources.read(ctx, source, source.whole())
        try:
            choice = await encryption.choose(ctx, self._records.store, home, key)
            placed = await self._link(bucket, key, body, source, choice, algorithm, condition)
            if placed is None:
                placed = await self._copy(bucket, key, body, reading, choice, algorithm, condition)
        finally:
            reading.close()
        written = headers.written(body)
        result = {
            "LastModified": headers.whole_seconds(self._records.clock.now()),
            **{name: value for name, value in written.items() if name == "ETag" or name.startswith("Checksum")},
        }
        return {
            "CopyObjectResult": result,
            "VersionId": placed.version_id,
            "CopySourceVersionId": self._records.told_version(source.bucket, source.document),
            "Expiration": lifecycle.expiration_header(home.body, key, body, self._records.clock.now()),
            **encryption.told(body, ctx.request),
        }

    async def _link(
        self,
        bucket: str,
        key: str,
        body: dict[str, Any],
        source: Source,
        choice: Choice,
        algorithm: Algorithm,
        condition: Condition,
    ) -> Placed | None:
        """Give the bytes a second name: no byte is copied. None where that cannot be, and nothing has happened."""
        seal = encryption.same_key(source.body, choice)
        if seal is None or not _same_sums(source, algorithm):
            return None
        blob = self._records.unnamed.reserve()
        same = {name: source.body[name] for name in ("Size", "ETag", "Checksums", "ChecksumType")} | seal
        same["Runs"] = blocks.listed(self._records.store, source.body)
        try:
            await self._disk.run(self._records.store.blobs.link, source.body["Blob"], blob)
            body |= {**same, "Blob": blob}
            placed = self._records.place(bucket, key, body, announced=blob, condition=condition)
        except OSError:
            await self._records.unnamed.empty(blob)
            return None
        except BaseException:
            await self._records.unnamed.empty(blob)
            raise
        await self._records.unnamed.empty(placed.replaced)
        return placed

    async def _copy(
        self,
        bucket: str,
        key: str,
        body: dict[str, Any],
        reading: Reading,
        choice: Choice,
        algorithm: Algorithm,
        condition: Condition,
    ) -> Placed:
        promised = Expected(reading, length=reading.span.length)
        body |= choice.members
        async with self._intake.receive(promised, algorithm, choice.cipher) as received:
            body |= received.described() | {"ChecksumType": FULL_OBJECT}
            placed = self._records.place(bucket, key, body, announced=received.blob, condition=condition)
        await self._records.unnamed.empty(placed.replaced)
        return placed


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
    if "NoncurrentSince" in source.body:  # this is how an earlier version is made the current one again
        return
    if any(request.get(name) for name in (*headers.STORAGE, "ServerSideEncryption", "SSECustomerAlgorithm")):
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
