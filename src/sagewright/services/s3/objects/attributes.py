"""GetObjectAttributes.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors
from sagewright.services.s3.objects import headers
from sagewright.services.s3.objects.listing import checked_limit
from sagewright.services.s3.objects.opening import Opening
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage import checksums
from sagewright.store import Document

_KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


class Attributes:
    """What an object is, without its bytes."""

    def __init__(self, records: Records, opening: Opening) -> None:
        self._records = records
        self._opening = opening

    @operation()
    def get_object_attributes(
        self, ctx: Context, bucket: str, key: str, object_attributes: list[str], **members: Any
    ) -> dict[str, Any]:
        headers.refuse_unsupported(ctx.request)
        if not object_attributes or not set(object_attributes) <= set(_KNOWN):
            message = "Invalid attribute name specified."
            raise errors.invalid_argument(message, "x-amz-object-attributes", ",".join(object_attributes))
        document = self._records.get(ctx, bucket, key)
        self._opening.check(ctx, document)
        body = document.body
        every = {
            "ETag": body["ETag"],
            "Checksum": _object_checksums(body),
            "ObjectParts": self._parts(ctx.request, bucket, document),
            "StorageClass": headers.storage_class(body),
            "ObjectSize": body["Size"],
        }
        chosen = {name: value for name, value in every.items() if name in object_attributes}
        return {
            "LastModified": headers.whole_seconds(body["LastModified"]),
            "VersionId": self._records.told_version(bucket, document),
            **chosen,
        }

    def _parts(self, request: dict[str, Any], bucket: str, document: Document) -> dict[str, Any] | None:
        """The parts themselves are told only of uploads whose parts have checksums of their own."""
        count = document.body.get("PartsCount")
        if not count:
            return None
        if document.body["ChecksumType"] != checksums.COMPOSITE:
            return {"TotalPartsCount": count}
        limit = checked_limit(request.get("MaxParts"), "max-parts", "maxParts")
        marker = int(request.get("PartNumberMarker") or 0)
        left = [part for part in self._records.part_list(bucket, document) if part["PartNumber"] > marker]
        page = left[:limit]
        return {
            "TotalPartsCount": count,
            "PartNumberMarker": marker,
            "NextPartNumberMarker": page[-1]["PartNumber"] if page else marker,
            "MaxParts": limit,
            "IsTruncated": len(left) > len(page),
            "Parts": [
                {"PartNumber": part["PartNumber"], "Size": part["Size"], **checksums.members(part["Checksums"])}
                for part in page
            ],
        }


def _object_checksums(body: dict[str, Any]) -> dict[str, str] | None:
    return checksums.members(body["Checksums"], body["ChecksumType"]) or None
