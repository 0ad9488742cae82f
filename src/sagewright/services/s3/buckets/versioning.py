"""Versioning and object lock of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError, not_implemented
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors, locks
from sagewright.services.s3.buckets.setting import Asked, change
from sagewright.services.s3.records import Records
from sagewright.services.s3.versions import ENABLED, SUSPENDED, status_of

_MOST = {"Days": 36_500, "Years": 100}


class Versioning:
    """Both configurations. Once on, versioning is only ever suspended, and object lock stays on."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def get_bucket_versioning(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        return {"Status": status_of(self._records.bucket(ctx, bucket)) or None}

    @operation()
    def put_bucket_versioning(
        self, ctx: Context, bucket: str, versioning_configuration: dict[str, Any], **members: Any
    ) -> None:
        home = self._records.bucket(ctx, bucket)
        status = versioning_configuration.get("Status")
        if ctx.request.get("MFA") or versioning_configuration.get("MFADelete") not in (None, "Disabled"):
            raise not_implemented("s3", "MFA delete")
        if status is None:
            message = "The Versioning element must be specified"
            raise AwsError("IllegalVersioningConfigurationException", message)
        if status not in (ENABLED, SUSPENDED):
            raise errors.malformed_xml()
        if status == SUSPENDED and locks.is_on(home):
            message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be "
            raise AwsError("InvalidBucketState", f"{message}changed.", 409)
        change(Asked(None, ctx, home, self._records), "VersioningConfiguration", {"Status": status})

    @operation()
    def get_object_lock_configuration(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        found = self._records.bucket(ctx, bucket).body["Configurations"].get("ObjectLockConfiguration")
        if found is None:
            message = "Object Lock configuration does not exist for this bucket"
            raise AwsError("ObjectLockConfigurationNotFoundError", message, 404, BucketName=bucket)
        return {"ObjectLockConfiguration": found}

    @operation()
    def put_object_lock_configuration(self, ctx: Context, bucket: str, **members: Any) -> None:
        home = self._records.bucket(ctx, bucket)
        wanted = ctx.request.get("ObjectLockConfiguration") or {}
        if wanted.get("ObjectLockEnabled") != ENABLED:
            raise errors.malformed_xml()
        if status_of(home) != ENABLED:
            message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
            raise AwsError("InvalidBucketState", message, 409)
        kept: dict[str, Any] = {"ObjectLockEnabled": ENABLED}
        if wanted.get("Rule") is not None:
            kept["Rule"] = {"DefaultRetention": _default(wanted["Rule"].get("DefaultRetention") or {})}
        change(Asked(None, ctx, home, self._records), "ObjectLockConfiguration", kept)


def _default(wanted: dict[str, Any]) -> dict[str, Any]:
    """Raises AwsError."""
    if wanted.get("Mode") not in (locks.GOVERNANCE, locks.COMPLIANCE) or ("Days" in wanted) == ("Years" in wanted):
        raise errors.malformed_xml()
    unit = "Days" if "Days" in wanted else "Years"
    if wanted[unit] <= 0:
        raise errors.invalid_argument("Default retention period must be a positive integer value.", unit, wanted[unit])
    if wanted[unit] > _MOST[unit]:
        message = f"Default retention period in {unit.lower()} is too large"
        raise errors.invalid_argument(message, unit, wanted[unit])
    return {"Mode": wanted["Mode"], unit: wanted[unit]}
