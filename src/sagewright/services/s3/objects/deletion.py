"""DeleteObject and DeleteObjects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import conditions
from sagewright.services.s3.records import NULL_VERSION, Records

_MOST = 1000


class Deletion:
    """Deleting what is not there succeeds, as in S3."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    async def delete_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        self._records.bucket(ctx, bucket)
        dropped = self._delete(bucket, key, ctx.request.get("VersionId"), ctx.request.get("IfMatch"))
        await self._records.unnamed.empty(dropped)
        return {}

    @operation()
    async def delete_objects(self, ctx: Context, bucket: str, delete: dict[str, Any], **members: Any) -> dict[str, Any]:
        self._records.bucket(ctx, bucket)
        wanted = delete.get("Objects") or []
        if not 1 <= len(wanted) <= _MOST or not all(item.get("Key") for item in wanted):
            raise errors.malformed_xml()
        deleted: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        dropped: list[str | None] = []
        with self._records.store.transaction():
            for item in wanted:
                key, version = item["Key"], item.get("VersionId")
                try:
                    dropped.append(self._delete(bucket, key, version, item.get("ETag")))
                    deleted.append({"Key": key, "VersionId": version})
                except AwsError as error:
                    failed.append({"Key": key, "VersionId": version, "Code": error.code, "Message": error.message})
        await self._records.unnamed.empty(*dropped)
        return {"Deleted": [] if delete.get("Quiet") else deleted, "Errors": failed}

    def _delete(self, bucket: str, key: str, version: str | None, etag: str | None) -> str | None:
        check_key(key)
        if version not in (None, NULL_VERSION):
            raise errors.invalid_argument("Invalid version id specified", "versionId", version)
        return self._records.remove(bucket, key, conditions.on_delete(etag))
