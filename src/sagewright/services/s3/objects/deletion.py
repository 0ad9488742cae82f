"""DeleteObject and DeleteObjects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors, locks
from sagewright.services.s3.access.authorization import Authorization
from sagewright.services.s3.names import check_key
from sagewright.services.s3.objects import conditions
from sagewright.services.s3.records import Records, Removed

_MOST = 1000


class Deletion:
    """Deleting what is not there succeeds, as in S3."""

    def __init__(self, records: Records, authorization: Authorization) -> None:
        self._records = records
        self._authorization = authorization

    @operation()
    async def delete_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        self._check_bypass(ctx, bucket)
        removed = self._delete(ctx, bucket, {"Key": key, **ctx.request, "ETag": ctx.request.get("IfMatch")})
        await self._records.unnamed.empty(removed.replaced)
        return {"VersionId": removed.version_id, "DeleteMarker": removed.marker or None}

    @operation()
    async def delete_objects(self, ctx: Context, bucket: str, delete: dict[str, Any], **members: Any) -> dict[str, Any]:
        self._check_bypass(ctx, bucket)
        wanted = delete.get("Objects") or []
        if not 1 <= len(wanted) <= _MOST or not all(item.get("Key") for item in wanted):
            raise errors.malformed_xml()
        refused = await self._authorization.refused(ctx, bucket, wanted)
        deleted: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        dropped: list[str | None] = []
        with self._records.store.transaction():
            for item, refusal in zip(wanted, refused, strict=True):
                key, version = item["Key"], item.get("VersionId")
                try:
                    if refusal is not None:
                        raise refusal
                    removed = self._delete(ctx, bucket, item)
                    dropped.append(removed.replaced)
                    deleted.append({"Key": key, "VersionId": version, **_marker(removed)})
                except AwsError as error:
                    failed.append({"Key": key, "VersionId": version, "Code": error.code, "Message": error.message})
        await self._records.unnamed.empty(*dropped)
        return {"Deleted": [] if delete.get("Quiet") else deleted, "Errors": failed}

    def _check_bypass(self, ctx: Context, bucket: str) -> None:
        home = self._records.bucket(ctx, bucket)
        if ctx.request.get("BypassGovernanceRetention") and not locks.is_on(home):
            message = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets."
            raise errors.invalid_argument(message, "x-amz-bypass-governance-retention", "true")

    def _delete(self, ctx: Context, bucket: str, item: dict[str, Any]) -> Removed:
        """item: Key, VersionId and conditions, of either operation. Raises AwsError."""
        key, version = item["Key"], item.get("VersionId")
        check_key(key)
        for name, header in _OF_DIRECTORIES.items():
            if item.get(name) is not None:
                raise errors.unsupported_header(header)
        condition = conditions.on_delete(item.get("ETag"), key)
        if version is None:
            return self._records.remove(bucket, key, condition)
        bypass = bool(ctx.request.get("BypassGovernanceRetention"))
        return self._records.remove_version(bucket, key, version, bypass=bypass, condition=condition)


_OF_DIRECTORIES = {
    "IfMatchLastModifiedTime": "x-amz-if-match-last-modified-time",
    "IfMatchSize": "x-amz-if-match-size",
    "LastModifiedTime": "LastModifiedTime",
    "Size": "Size",
}
"""Conditions that only directory buckets know."""


def _marker(removed: Removed) -> dict[str, Any]:
    if not removed.marker:
        return {}
    return {"DeleteMarker": True, "DeleteMarkerVersionId": removed.version_id}
