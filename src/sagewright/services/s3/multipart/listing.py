"""ListMultipartUploads and ListParts.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import lifecycle
from sagewright.services.s3.multipart.uploads import find_upload, part_key, upload_key, upload_parts, uploads
from sagewright.services.s3.objects import headers
from sagewright.services.s3.objects.listing import checked_limit, encoder
from sagewright.services.s3.objects.walking import LAST, walk
from sagewright.services.s3.records import Records, owner
from sagewright.services.s3.storage import checksums
from sagewright.store import Document


class UploadListing:
    """What is under way."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def list_multipart_uploads(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        request = ctx.request
        home = self._records.bucket(ctx, bucket)
        limit = checked_limit(request.get("MaxUploads"), "max-uploads", "maxUploads")
        prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
        marker, id_marker = request.get("KeyMarker") or "", request.get("UploadIdMarker") or ""
        store = self._records.store
        page = walk(
            store,
            uploads(bucket),
            prefix=prefix,
            delimiter=delimiter,
            after=upload_key(marker, id_marker or LAST) if marker else "",
            limit=limit,
            name=lambda key: _split(key)[0],
        )
        encode = encoder(request)
        next_key, next_id = _split(page.last)
        return {
            "Bucket": bucket,
            "KeyMarker": encode(marker),
            "UploadIdMarker": id_marker,
            "NextKeyMarker": encode(next_key) if page.truncated else None,
            "NextUploadIdMarker": next_id if page.truncated else None,
            "Prefix": encode(prefix),
            "Delimiter": encode(delimiter) if delimiter else None,
            "EncodingType": request.get("EncodingType"),
            "MaxUploads": limit,
            "IsTruncated": page.truncated,
            "Uploads": [
                {
                    "Key": encode(upload.body["Key"]),
                    "Initiated": headers.whole_seconds(upload.created),
                    **_shared(upload, home),
                    "UploadId": upload.body["UploadId"],
                }
                for upload in page.documents
            ],
            "CommonPrefixes": [{"Prefix": encode(common)} for common in page.prefixes],
        }

    @operation()
    def list_parts(self, ctx: Context, bucket: str, key: str, upload_id: str, **members: Any) -> dict[str, Any]:
        upload = find_upload(self._records, ctx, bucket, key, upload_id)
        home = self._records.bucket(ctx, bucket)
        limit = checked_limit(ctx.request.get("MaxParts"), "max-parts", "maxParts")
        marker = max(int(ctx.request.get("PartNumberMarker") or 0), 0)
        found = self._records.store.documents.find(
            upload_parts(bucket, upload_id), after=part_key(marker), limit=limit + 1
        )
        page = found[:limit]
        return {
            "Bucket": bucket,
            "Key": key,
            "UploadId": upload_id,
            "PartNumberMarker": marker,
            "NextPartNumberMarker": page[-1].body["PartNumber"] if page else 0,
            "MaxParts": limit,
            "IsTruncated": len(found) > limit,
            "Parts": [_part(part, shown=bool(upload.body["Algorithm"])) for part in page],
            **_shared(upload, home),
            **lifecycle.abortion_members(home.body, key, upload.created),
        }


def _split(name: str) -> tuple[str, str]:
    """(key, upload id) of an upload's key in the store; a common prefix has no upload id."""
    key, found, upload_id = name.rpartition("\0")
    return (key, upload_id) if found else (name, "")


def _shared(upload: Document, home: Document) -> dict[str, Any]:
    algorithm = upload.body["Algorithm"]
    return {
        "StorageClass": headers.storage_class(upload.body),
        "Owner": owner(home.body["Account"]),
        "Initiator": owner(upload.body["Account"]),
        "ChecksumAlgorithm": algorithm,
        "ChecksumType": upload.body["ChecksumType"] if algorithm else None,
    }


def _part(part: Document, *, shown: bool) -> dict[str, Any]:
    body = part.body
    return {
        "PartNumber": body["PartNumber"],
        "LastModified": headers.whole_seconds(body["LastModified"]),
        "ETag": f'"{body["ETag"]}"',
        "Size": body["Size"],
        **(checksums.members(body["Checksums"]) if shown else {}),
    }
