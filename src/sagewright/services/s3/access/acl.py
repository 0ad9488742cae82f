"""Access control lists: every bucket is its owner's alone, as BucketOwnerEnforced (S3's default) has it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError, not_implemented
from sagewright.kit.operation import Context, operation
from sagewright.services.s3.records import Records, owner
from sagewright.store import Document

_OWNERS_OWN = ("private", "bucket-owner-full-control", "bucket-owner-read")
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def check_acl(bucket: Document, request: dict[str, Any]) -> None:
    """Raises AwsError for an ACL that would let others in: 400 where the bucket takes none, else 501."""
    wanted = request.get("ACL")
    policy = request.get("AccessControlPolicy")
    mine = owner(bucket.body["Account"])["ID"]
    others = any(grant.get("Grantee", {}).get("ID") != mine for grant in (policy or {}).get("Grants") or ())
    if (wanted is None or wanted in _OWNERS_OWN) and not others and not any(request.get(name) for name in _GRANTS):
        return
    rules = bucket.body["Configurations"].get("OwnershipControls", {}).get("Rules") or [{}]
    if rules[0].get("ObjectOwnership") == "BucketOwnerEnforced":
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")
    raise not_implemented("s3", "access control lists")


class Access:
    """Reading and setting ACLs."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def get_bucket_acl(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        return _full_control(self._records.bucket(ctx, bucket))

    @operation()
    def put_bucket_acl(self, ctx: Context, bucket: str, **members: Any) -> None:
        check_acl(self._records.bucket(ctx, bucket), ctx.request)

    @operation()
    def get_object_acl(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        self._records.get(ctx, bucket, key)
        return _full_control(self._records.bucket(ctx, bucket))

    @operation()
    def put_object_acl(self, ctx: Context, bucket: str, key: str, **members: Any) -> None:
        self._records.get(ctx, bucket, key)
        check_acl(self._records.bucket(ctx, bucket), ctx.request)


def _full_control(bucket: Document) -> dict[str, Any]:
    user = owner(bucket.body["Account"])
    return {"Owner": user, "Grants": [{"Grantee": {**user, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}
