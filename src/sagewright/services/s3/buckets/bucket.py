"""CreateBucket, HeadBucket, DeleteBucket, ListBuckets, GetBucketLocation.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError, not_implemented
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, encode_token
from sagewright.services.s3 import errors, versions
from sagewright.services.s3.access import acl
from sagewright.services.s3.buckets import configurations
from sagewright.services.s3.buckets.settings_lists import drop_lists
from sagewright.services.s3.multipart.uploads import drop_uploads
from sagewright.services.s3.names import check_bucket_name
from sagewright.services.s3.objects.headers import whole_seconds
from sagewright.services.s3.objects.tagging import check
from sagewright.services.s3.records import BUCKETS, Records, objects, owner
from sagewright.services.s3.versions import ENABLED, old_versions
from sagewright.store import Document

_HOME = "us-east-1"
_MAX_BUCKETS = 10_000


class Buckets:
    """Buckets themselves. Any region's client reaches them; each knows its own."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._documents = records.store.documents

    @operation()
    def create_bucket(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        check_bucket_name(bucket)
        region = _region(ctx)
        settings = configurations.initial()
        if ctx.request.get("ObjectLockEnabledForBucket"):
            settings["VersioningConfiguration"] = {"Status": ENABLED}
            settings["ObjectLockConfiguration"] = {"ObjectLockEnabled": ENABLED}
        if ctx.request.get("ObjectOwnership"):
            settings["OwnershipControls"] = {"Rules": [{"ObjectOwnership": ctx.request["ObjectOwnership"]}]}
        tags = (ctx.request.get("CreateBucketConfiguration") or {}).get("Tags")
        if tags:
            check(tags, 50)
            settings["Tagging"] = {"TagSet": tags}
        body = {"Account": ctx.account, "Region": region, "Configurations": settings}
        present = self._documents.get(BUCKETS, bucket)
        if present is not None:
            self._check_taken(ctx, present, region)
        else:
            now = self._records.clock.now()
            body |= acl.of_bucket(ctx, Document(BUCKETS, bucket, body, "", now, now, 1))
            self._documents.insert(BUCKETS, bucket, body)
        location = f"/{bucket}" if region == _HOME else f"http://{bucket}.s3.amazonaws.com/"
        return {"Location": location, "BucketArn": f"arn:aws:s3:::{bucket}"}

    @operation()
    def head_bucket(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        document = self._records.bucket(ctx, bucket)
        return {
            "BucketRegion": document.body["Region"],
            "AccessPointAlias": False,
            "BucketArn": f"arn:aws:s3:::{bucket}",
        }

    @operation()
    def get_bucket_location(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        region = self._records.bucket(ctx, bucket).body["Region"]
        return {"LocationConstraint": None if region == _HOME else region}

    @operation()
    async def delete_bucket(self, ctx: Context, bucket: str, **members: Any) -> None:
        store = self._records.store
        with store.transaction():
            home = self._records.bucket(ctx, bucket)
            if any(self._documents.find(space, limit=1) for space in (objects(bucket), old_versions(bucket))):
                kept = versions.status_of(home)
                message = "The bucket you tried to delete is not empty"
                message += ". You must delete all versions in the bucket." if kept else ""
                raise AwsError("BucketNotEmpty", message, 409, BucketName=bucket)
            dropped = drop_uploads(store, self._records.unnamed, bucket)
            drop_lists(store, bucket)
            self._documents.delete(BUCKETS, bucket)
        await self._records.unnamed.empty(*dropped)

    @operation()
    def list_buckets(self, ctx: Context, **members: Any) -> dict[str, Any]:
        request = ctx.request
        limit = request.get("MaxBuckets", _MAX_BUCKETS)
        if not 1 <= limit <= _MAX_BUCKETS:
            message = f"Argument maxBuckets must be an integer between 1 and {_MAX_BUCKETS}"
            raise errors.invalid_argument(message, "max-buckets", limit)
        after = decode_token(request.get("ContinuationToken"), str, code="InvalidArgument") or ""
        found: list[Document] = []
        while len(found) <= limit:
            batch = self._documents.find(BUCKETS, prefix=request.get("Prefix", ""), after=after, limit=1000)
            if not batch:
                break
            after = batch[-1].key
            found += [bucket for bucket in batch if self._listed(ctx, bucket)]
        more = len(found) > limit
        found = found[:limit]
        return {
            "Buckets": [_summary(bucket, detailed=bool(request)) for bucket in found],
            "Owner": owner(ctx.account),
            "ContinuationToken": encode_token(found[-1].key) if more else None,
            "Prefix": request.get("Prefix"),
        }

    def _listed(self, ctx: Context, bucket: Document) -> bool:
        region = ctx.request.get("BucketRegion")
        return bucket.body["Account"] == ctx.account and region in (None, bucket.body["Region"])

    def _check_taken(self, ctx: Context, present: Document, region: str) -> None:
        """Raises AwsError, but for a bucket of us-east-1 that its owner makes again there."""
        if present.body["Account"] != ctx.account:
            message = "The requested bucket name is not available. The bucket namespace is shared by all users of the "
            message += "system. Please select a different name and try again."
            raise AwsError("BucketAlreadyExists", message, 409, BucketName=present.key)
        if not present.body["Region"] == region == _HOME:
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise AwsError("BucketAlreadyOwnedByYou", message, 409, BucketName=present.key)


def _region(ctx: Context) -> str:
    """The new bucket's region. Raises AwsError."""
    configuration = ctx.request.get("CreateBucketConfiguration") or {}
    if configuration.get("Location") or configuration.get("Bucket"):
        raise not_implemented("s3", "directory buckets")
    constraint = configuration.get("LocationConstraint")
    if not constraint:
        if ctx.region != _HOME:
            raise _illegal_constraint("unspecified")
        return _HOME
    region = "eu-west-1" if constraint == "EU" else str(constraint)
    if region == _HOME or region.count("-") < 2:
        message = "The specified location-constraint is not valid"
        raise AwsError("InvalidLocationConstraint", message, LocationConstraint=constraint)
    if ctx.region not in (_HOME, region):
        raise _illegal_constraint(constraint)
    return region


def _illegal_constraint(constraint: str) -> AwsError:
    message = f"The {constraint} location constraint is incompatible for the region specific endpoint this request was "
    return AwsError("IllegalLocationConstraintException", f"{message}sent to.")


def _summary(bucket: Document, *, detailed: bool) -> dict[str, Any]:
    return {
        "Name": bucket.key,
        "CreationDate": whole_seconds(bucket.created),
        "BucketRegion": bucket.body["Region"] if detailed else None,
        "BucketArn": f"arn:aws:s3:::{bucket.key}" if detailed else None,
    }
