"""Reading and setting access control lists, and the list of what is written.

A bucket's or an object's list is in its document's ``Acl``, where it is not the owner's alone; an object's owner is in
``Owner`` (a canonical user), where that is not the bucket's.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3.access import grants
from sagewright.services.s3.access.grants import Grants
from sagewright.services.s3.access.ownership import (
    ENFORCED,
    PREFERRED,
    bucket_grants,
    bucket_owner,
    check_public,
    lists_with_enforced,
    no_lists,
    object_grants,
    object_owner,
    ownership,
)
from sagewright.services.s3.access.publicity import is_public
from sagewright.services.s3.records import Records, owner
from sagewright.store import Document


def of_write(ctx: Context, bucket: Document) -> dict[str, Any]:
    """Acl and Owner of a new version, as far as its document has them. Raises AwsError."""
    mine, whose = bucket_owner(bucket), _writer(ctx)
    if ownership(bucket) == ENFORCED:
        wanted = grants.asked(ctx.request, mine, mine)
        if wanted is not None and (ctx.request.get("ACL") == "private" or not grants.only(wanted, mine)):
            raise no_lists()
        return {}
    if ownership(bucket) == PREFERRED and ctx.request.get("ACL") == "bucket-owner-full-control":
        whose = mine
    wanted = grants.asked(ctx.request, whose, mine)
    return ({"Owner": whose} if whose != mine else {}) | _kept(bucket, wanted, whose)


def of_bucket(ctx: Context, bucket: Document) -> dict[str, Any]:
    """Acl of a new bucket, as far as its document has one. Raises AwsError."""
    mine = bucket_owner(bucket)
    wanted = grants.asked(ctx.request, mine)
    if wanted is not None and ownership(bucket) == ENFORCED and not grants.only(wanted, mine):
        raise lists_with_enforced()
    return _kept(bucket, wanted, mine)


def _writer(ctx: Context) -> str:
    if ctx.principal is not None and ctx.principal.kind == "anonymous":
        return grants.ANONYMOUS
    return owner(ctx.principal.account if ctx.principal is not None else ctx.account)["ID"]


def _kept(bucket: Document, wanted: Grants | None, whose: str) -> dict[str, Any]:
    if wanted is None or grants.only(wanted, whose):
        return {}
    check_public(bucket, wanted)
    return {"Acl": wanted}


class Access:
    """The operations on lists, and whether a bucket is public."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def get_bucket_acl(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        home = self._records.bucket(ctx, bucket)
        return _shown(bucket_owner(home), bucket_grants(home))

    @operation()
    def put_bucket_acl(self, ctx: Context, bucket: str, **members: Any) -> None:
        home = self._records.bucket(ctx, bucket)
        mine = bucket_owner(home)
        wanted = _wanted(ctx, home, mine, "")
        if ownership(home) != ENFORCED:
            self._set(home, _kept(home, wanted, mine))

    @operation()
    def get_object_acl(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        document = self._records.get(ctx, bucket, key)
        home = self._records.home(bucket)
        return _shown(object_owner(home, document.body), object_grants(home, document.body))

    @operation()
    def put_object_acl(self, ctx: Context, bucket: str, key: str, **members: Any) -> None:
        document = self._records.get(ctx, bucket, key)
        home = self._records.home(bucket)
        whose = object_owner(home, document.body)
        wanted = _wanted(ctx, home, whose, bucket_owner(home))
        if ownership(home) != ENFORCED:
            self._set(document, _kept(home, wanted, whose))
        version = self._records.told_version(bucket, document)
        if version is not None:
            ctx.headers["x-amz-version-id"] = version

    @operation()
    def get_bucket_policy_status(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        policy = self._records.bucket(ctx, bucket).body["Configurations"].get("Policy")
        if policy is None:
            message = "The bucket policy does not exist"
            raise AwsError("NoSuchBucketPolicy", message, 404, BucketName=bucket)
        return {"PolicyStatus": {"IsPublic": is_public(policy)}}

    def _set(self, document: Document, acl: dict[str, Any]) -> None:
        body = {name: value for name, value in document.body.items() if name != "Acl"} | acl
        self._records.store.documents.update(document, body=body)


def _wanted(ctx: Context, home: Document, whose: str, of_bucket: str) -> Grants:
    """The list a Put*Acl asks for. Raises AwsError."""
    wanted = grants.asked(ctx.request, whose, of_bucket)
    if wanted is None:
        message = "Your request was missing a required header"
        raise AwsError("MissingSecurityHeader", message, MissingHeaderName="x-amz-acl")
    if ownership(home) == ENFORCED and (ctx.request.get("ACL") == "private" or not grants.only(wanted, whose)):
        raise no_lists()
    check_public(home, wanted)
    return wanted


def _shown(whose: str, listed: Grants) -> dict[str, Any]:
    return {"Owner": {"ID": whose}, "Grants": listed}
