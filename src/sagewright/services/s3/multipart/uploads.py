"""Multipart uploads up to their end: create, upload and copy parts, abort.

``s3:upload`` (parent: the bucket) holds an upload under ``<key>\\0<upload id>``, so that they list in the order of keys
and then of time; ``s3:part`` (parent: bucket and upload id) holds where each part lies (see assembly.py), its ETag
and checksums.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import short_id
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors, lifecycle, locks
from sagewright.services.s3.access import acl
from sagewright.services.s3.multipart.assembly import MAX_PARTS, Assemblies
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import customer, encryption, headers
from sagewright.services.s3.objects.source import Sources
from sagewright.services.s3.objects.tagging import parse_header
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage import checksums
from sagewright.services.s3.storage.blobs import Unnamed, blobs_of
from sagewright.services.s3.storage.checksums import ALGORITHMS, Algorithm
from sagewright.services.s3.storage.expected import Expected, expected
from sagewright.services.s3.storage.sealed import Cipher
from sagewright.services.s3.storage.writing import Intake, Received
from sagewright.store import Document, Space, Store


def uploads(bucket: str) -> Space:
    return Space("s3:upload", parent=bucket)


def upload_parts(bucket: str, upload_id: str) -> Space:
    return Space("s3:part", parent=f"{bucket}/{upload_id}")


def upload_key(key: str, upload_id: str) -> str:
    return f"{key}\0{upload_id}"


def part_key(number: int) -> str:
    return f"{number:05d}"


def find_upload(records: Records, ctx: Context, bucket: str, key: str, upload_id: str) -> Document:
    """Raises AwsError NoSuchBucket, NoSuchUpload."""
    records.bucket(ctx, bucket)
    document = records.store.documents.get(uploads(bucket), upload_key(key, upload_id))
    if document is None:
        raise errors.no_such_upload(upload_id)
    return document


def check_number(number: int) -> None:
    """Raises AwsError InvalidArgument."""
    if not 1 <= number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise errors.invalid_argument(message, "partNumber", number)


def all_parts(store: Store, bucket: str, upload_id: str) -> list[Document]:
    return store.documents.find(upload_parts(bucket, upload_id), limit=MAX_PARTS)


def drop_upload(store: Store, unnamed: Unnamed, bucket: str, upload: Document, *, keep: str = "") -> str:
    """Forget an upload and its parts, inside a transaction; the entry of their blobs, but for the one to keep."""
    found = all_parts(store, bucket, upload.body["UploadId"])
    for part in found:
        store.documents.delete(part.space, part.key)
    store.documents.delete(upload.space, upload.key)
    blobs = {part.body["Blob"] for part in found} | {(upload.body.get("Assembly") or {}).get("Blob", keep)}
    return unnamed.announce(sorted(blobs - {keep}))


def drop_uploads(store: Store, unnamed: Unnamed, bucket: str) -> list[str]:
    """All of a bucket that goes."""
    found: list[str] = []
    while batch := store.documents.find(uploads(bucket)):
        found += [drop_upload(store, unnamed, bucket, upload) for upload in batch]
    return found


class Multipart:
    """Uploads under way."""

    def __init__(self, records: Records, intake: Intake, sources: Sources, assemblies: Assemblies) -> None:
        self._records = records
        self._assemblies = assemblies
        self._intake = intake
        self._sources = sources

    @operation()
    async def create_multipart_upload(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        home = self._records.bucket(ctx, bucket)
        check_key(key)
        algorithm, kind = _checksum_kind(ctx.request)
        upload_id = f"{int(self._records.clock.now() * 1e6):014x}{short_id(50)}"
        body = {
            "Key": key,
            "UploadId": upload_id,
            "Account": ctx.account,
            "Algorithm": algorithm,
            "ChecksumType": kind,
            **headers.described(ctx.request),
            **parse_header(ctx.request.get("Tagging")),
            **locks.of_write(ctx, home, self._records.clock.now()),
            **acl.of_write(ctx, home),
        }
        body |= (await encryption.choose(ctx, self._records.store, home, key)).members
        upload = self._records.store.documents.insert(uploads(bucket), upload_key(key, upload_id), body)
        return {
            "Bucket": bucket,
            "Key": key,
            "UploadId": upload_id,
            "ChecksumAlgorithm": algorithm,
            "ChecksumType": kind if algorithm else None,
            **encryption.told(body, ctx.request),
            **lifecycle.abortion_members(home.body, key, upload.created),
        }

    @operation()
    async def upload_part(
        self, ctx: Context, bucket: str, key: str, part_number: int, upload_id: str, **members: Any
    ) -> dict[str, Any]:
        headers.refuse_unsupported(ctx.request)
        upload = self._open(ctx, bucket, key, part_number, upload_id)
        locks.check_digest(ctx, upload.body.get("Lock") or {}, "Part")
        promised = expected(ctx)
        algorithm = _part_algorithm(upload, promised)
        cipher = await self._cipher(ctx, upload)
        part = await self._receive(ctx, bucket, upload, part_number, promised, algorithm, cipher)
        shown = promised.algorithm or algorithm
        part["Checksums"] = {shown.name: part["Checksums"][shown.name]}
        return headers.written(part) | encryption.told(upload.body, ctx.request)

    @operation()
    async def upload_part_copy(
        self, ctx: Context, bucket: str, key: str, part_number: int, upload_id: str, copy_source: str, **members: Any
    ) -> dict[str, Any]:
        headers.refuse_unsupported(ctx.request)
        upload = self._open(ctx, bucket, key, part_number, upload_id)
        source = self._sources.find(ctx, copy_source)
        span = source.part(ctx.request.get("CopySourceRange"))
        algorithm = ALGORITHMS[upload.body["Algorithm"] or checksums.DEFAULT]
        cipher = await self._cipher(ctx, upload)
        reading = await self._sources.read(ctx, source, span)
        try:
            promised = Expected(reading, length=span.length)
            part = await self._receive(ctx, bucket, upload, part_number, promised, algorithm, cipher)
        finally:
            reading.close()
        result = {
            "ETag": f'"{part["ETag"]}"',
            "LastModified": headers.whole_seconds(self._records.clock.now()),
            **(checksums.members(part["Checksums"]) if upload.body["Algorithm"] else {}),
        }
        told = {"CopySourceVersionId": self._records.told_version(source.bucket, source.document)}
        return {"CopyPartResult": result, **told, **encryption.told(upload.body, ctx.request)}

    @operation()
    async def abort_multipart_upload(
        self, ctx: Context, bucket: str, key: str, upload_id: str, **members: Any
    ) -> dict[str, Any]:
        with self._records.store.transaction():
            upload = find_upload(self._records, ctx, bucket, key, upload_id)
            dropped = drop_upload(self._records.store, self._records.unnamed, bucket, upload)
        await self._records.unnamed.empty(dropped)
        return {}

    async def _cipher(self, ctx: Context, upload: Document) -> Cipher | None:
        """What seals the upload's parts. Raises AwsError."""
        own = customer.check_part(ctx.request, upload.body)
        return await encryption.cipher_of(ctx, self._records.store, upload.body, own)

    def _open(self, ctx: Context, bucket: str, key: str, number: int, upload_id: str) -> Document:
        check_number(number)
        return find_upload(self._records, ctx, bucket, key, upload_id)

    async def _receive(
        self,
        ctx: Context,
        bucket: str,
        upload: Document,
        number: int,
        promised: Expected,
        algorithm: Algorithm,
        cipher: Cipher | None,
    ) -> dict[str, Any]:
        """The part's document. Raises AwsError."""
        space = upload_parts(bucket, upload.body["UploadId"])
        with self._assemblies.place(upload, space, part_key(number), number, promised.length) as piece:
            place = (piece.blob, piece.at) if piece is not None else None
            async with self._intake.receive(promised, algorithm, cipher, place) as received:
                part = self._keep(ctx, bucket, upload, number, received)
        await self._records.unnamed.empty(part.pop("Replaced"))
        return part

    def _keep(self, ctx: Context, bucket: str, upload: Document, number: int, received: Received) -> dict[str, Any]:
        """The part's document; Replaced is the entry of an earlier part of that number, to be emptied.

        Raises AwsError NoSuchUpload where the upload has ended meanwhile.
        """
        store, unnamed = self._records.store, self._records.unnamed
        upload_id = upload.body["UploadId"]
        with store.transaction():
            find_upload(self._records, ctx, bucket, upload.body["Key"], upload_id)
            space = upload_parts(bucket, upload_id)
            present = store.documents.get(space, part_key(number))
            part = received.described() | {"PartNumber": number, "LastModified": self._records.clock.now()}
            store.documents.put(space, part_key(number), part)
            unnamed.take(received.blob)
            alone = present is not None and "At" not in present.body
            replaced = unnamed.announce(blobs_of(present.body)) if present is not None and alone else None
        return {**part, "Replaced": replaced}


def _checksum_kind(request: dict[str, Any]) -> tuple[str | None, str]:
    """The algorithm named, and COMPOSITE or FULL_OBJECT. Raises AwsError InvalidRequest."""
    name, kind = request.get("ChecksumAlgorithm"), request.get("ChecksumType")
    if name is None:
        if kind is not None:
            message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            raise errors.invalid_request(message)
        return None, checksums.FULL_OBJECT
    algorithm = ALGORITHMS.get(str(name).upper())
    if algorithm is None:
        message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        raise errors.invalid_request(f"{message}[{', '.join(ALGORITHMS)}]")
    if kind is not None and kind not in algorithm.types:
        message = f"The {kind} checksum type cannot be used with the {algorithm.name.lower()} checksum algorithm."
        raise errors.invalid_request(message)
    return algorithm.name, kind or algorithm.types[0]


def _part_algorithm(upload: Document, promised: Expected) -> Algorithm:
    """The checksum a part must have: the upload's, which the client must have used too. Raises AwsError."""
    wanted: str | None = upload.body["Algorithm"]
    sent = promised.algorithm
    if wanted is None:
        return ALGORITHMS[checksums.DEFAULT]
    full = upload.body["ChecksumType"] == checksums.FULL_OBJECT
    if (sent is None and not full) or (sent is not None and sent.name != wanted):
        actual = sent.name.lower() if sent is not None else "null"
        message = f"Checksum Type mismatch occurred, expected checksum Type: {wanted.lower()}, "
        raise AwsError("InvalidRequest", f"{message}actual checksum Type: {actual}")
    return ALGORITHMS[wanted]
