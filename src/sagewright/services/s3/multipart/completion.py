"""CompleteMultipartUpload: the parts become one object, in one file, so that it is read and linked like any other.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors, lifecycle
from sagewright.services.s3.multipart.assembly import Assemblies, pieces_of
from sagewright.services.s3.multipart.uploads import all_parts, check_number, drop_upload, find_upload
from sagewright.services.s3.objects import conditions, encryption, headers
from sagewright.services.s3.records import Condition, Records
from sagewright.services.s3.storage import checksums
from sagewright.services.s3.storage.checksums import ALGORITHMS, COMPOSITE, DEFAULT
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.expected import bad_digest
from sagewright.store import Document

_TRIES = 10
_SMALLEST = 5 * 2**20
"""Fewest bytes of every part but the last."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the parts make together: the object's document but for its blob, and the parts' documents in order."""

    body: dict[str, Any]
    parts: list[dict[str, Any]]

    @property
    def part_list(self) -> list[dict[str, Any]]:
        return [{name: part[name] for name in ("PartNumber", "Size", "Checksums")} for part in self.parts]


class Completion:
    """The end of uploads."""

    def __init__(self, records: Records, disk: Disk, assemblies: Assemblies) -> None:
        self._records = records
        self._disk = disk
        self._assemblies = assemblies

    @operation()
    async def complete_multipart_upload(
        self, ctx: Context, bucket: str, key: str, upload_id: str, **members: Any
    ) -> dict[str, Any]:
        with self._assemblies.ending(upload_id):
            for _ in range(_TRIES):
                try:
                    return await self._complete(ctx, bucket, key, upload_id)
                except FileNotFoundError:
                    pass  # a part came again, or another Complete was faster: what is there now decides
        raise AwsError("InternalError", "The file of a stored part is not there.", 500)

    async def _complete(self, ctx: Context, bucket: str, key: str, upload_id: str) -> dict[str, Any]:
        try:
            upload = find_upload(self._records, ctx, bucket, key, upload_id)
        except AwsError:
            done = self._records.find(bucket, key)
            if done is None or done.body.get("UploadId") != upload_id:
                raise
            return _answer(ctx, bucket, key, done.body) | {"VersionId": self._records.told_version(bucket, done)}
        whole = _choose(upload, self._parts(bucket, upload_id), ctx.request)
        condition = conditions.on_write(ctx.request, key)
        condition(self._records.find(bucket, key))
        body, version_id = await self._assemble(ctx, bucket, upload, whole, condition)
        home = self._records.home(bucket)
        expiration = lifecycle.expiration_header(home.body, key, body, self._records.clock.now())
        return _answer(ctx, bucket, key, body) | {"VersionId": version_id, "Expiration": expiration}

    def _parts(self, bucket: str, upload_id: str) -> dict[int, dict[str, Any]]:
        return {part.body["PartNumber"]: part.body for part in all_parts(self._records.store, bucket, upload_id)}

    async def _assemble(
        self, ctx: Context, bucket: str, upload: Document, whole: _Whole, condition: Condition
    ) -> tuple[dict[str, Any], str | None]:
        """The object's document, in its place, and its version id. Raises FileNotFoundError where a part has gone."""
        unnamed = self._records.unnamed
        pieces = pieces_of(upload.body, whole.parts)
        blob, announced = self._assemblies.whole(upload.body, pieces), None
        try:
            if blob is None:
                blob = announced = unnamed.reserve()
                await self._disk.run(self._assemblies.join, pieces, blob)
            body = {**whole.body, "Blob": blob}
            with self._records.store.transaction():
                present = self._records.store.documents.get(upload.space, upload.key)
                if present is None:
                    raise FileNotFoundError(upload.key)
                dropped = drop_upload(self._records.store, unnamed, bucket, present, keep=blob)
                placed = self._records.place(
                    bucket,
                    upload.body["Key"],
                    body,
                    announced=announced,
                    condition=condition,
                    part_list=whole.part_list,
                )
        except BaseException:
            await unnamed.empty(announced)
            raise
        self._records.store.blobs.path(blob).chmod(0o444)
        await unnamed.empty(dropped, placed.replaced)
        return body, placed.version_id


def _answer(ctx: Context, bucket: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    host = ctx.http.host if ctx.http is not None else "s3.amazonaws.com"
    scheme = ctx.http.scheme if ctx.http is not None else "https"
    place = {"Location": f"{scheme}://{host}/{bucket}/{key}", "Bucket": bucket, "Key": key}
    told = {name: value for name, value in encryption.told(body).items() if not name.startswith("SSECustomer")}
    return place | headers.written(body) | told


def _choose(upload: Document, uploaded: dict[int, dict[str, Any]], request: dict[str, Any]) -> _Whole:
    """The parts the client lists, checked against what it uploaded. Raises AwsError."""
    wanted = (request.get("MultipartUpload") or {}).get("Parts") or []
    if not wanted or not all(item.get("PartNumber") and item.get("ETag") for item in wanted):
        raise errors.malformed_xml()
    numbers = [item["PartNumber"] for item in wanted]
    for number in numbers:
        check_number(number)
    if any(second <= first for first, second in pairwise(numbers)):
        message = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise AwsError("InvalidPartOrder", message, UploadId=upload.body["UploadId"])
    kind = request.get("ChecksumType")
    if kind is not None and kind != upload.body["ChecksumType"]:
        message = f"The upload was created using the {upload.body['ChecksumType']} checksum mode. The complete request "
        raise errors.invalid_request(f"{message}must use the same checksum mode.")
    found = [_part(upload, uploaded, item) for item in wanted]
    for part in found[:-1]:
        if part["Size"] < _SMALLEST:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ETag=part["ETag"],
                MinSizeAllowed=_SMALLEST,
                PartNumber=part["PartNumber"],
                ProposedSize=part["Size"],
            )
    return _Whole(_described(upload, found, request), found)


def _part(upload: Document, uploaded: dict[int, dict[str, Any]], item: dict[str, Any]) -> dict[str, Any]:
    number = item["PartNumber"]
    part = uploaded.get(number)
    algorithm = upload.body["Algorithm"]
    if algorithm and upload.body["ChecksumType"] == COMPOSITE and item.get(ALGORITHMS[algorithm].member) is None:
        message = f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
        raise errors.invalid_request(
            f"{message}checksum for each part. It was missing for part {number} in the request."
        )
    if part is not None and part["ETag"] == item["ETag"].strip().strip('"'):
        sent = {name: item.get(known.member) for name, known in ALGORITHMS.items()}
        if all(value in (None, part["Checksums"].get(name, value)) for name, value in sent.items()):
            return part
    message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
    message += "specified entity tag may not match the part's entity tag."
    members = {"UploadId": upload.body["UploadId"], "PartNumber": number, "ETag": item["ETag"].strip('"')}
    raise AwsError("InvalidPart", message, **members)


def _described(upload: Document, parts: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    size = sum(part["Size"] for part in parts)
    declared = request.get("MpuObjectSize")
    if declared is not None and declared != size:
        message = (
            f"The provided 'x-amz-mp-object-size' header value {declared} does not match what was computed: {size}"
        )
        raise errors.invalid_request(message)
    etag = hashlib.md5(b"".join(bytes.fromhex(part["ETag"]) for part in parts), usedforsecurity=False).hexdigest()
    algorithm = ALGORITHMS[upload.body["Algorithm"] or DEFAULT]
    values = [(part["Checksums"][algorithm.name], part["Size"]) for part in parts]
    if upload.body["ChecksumType"] == COMPOSITE:
        checksum = checksums.composite(algorithm, [value for value, _ in values])
    else:
        checksum = checksums.full_object(algorithm, values)
    sent = request.get(algorithm.member)
    if sent is not None and sent not in (checksum, checksum.partition("-")[0]):
        raise bad_digest(algorithm)
    names = ("Headers", "Metadata", "Storage", "Tags", "Lock", "Acl", "Owner", "Seal")
    kept = {name: upload.body[name] for name in names if name in upload.body}
    return kept | {
        "Size": size,
        "Runs": [run for part in parts for run in part["Runs"]],
        "ETag": f"{etag}-{len(parts)}",
        "Checksums": {algorithm.name: checksum},
        "ChecksumType": upload.body["ChecksumType"],
        "PartsCount": len(parts),
        "UploadId": upload.body["UploadId"],
    }
