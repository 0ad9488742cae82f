"""Who owns an object, whether lists count in a bucket, and what is kept from the public there.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors
from sagewright.services.s3.access import grants
from sagewright.services.s3.access.grants import Grants
from sagewright.services.s3.records import owner
from sagewright.store import Document

ENFORCED, PREFERRED, WRITER = "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"
SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def ownership(bucket: Document) -> str:
    """A bucket without the setting is as buckets were before there was one."""
    rules = bucket.body["Configurations"].get("OwnershipControls", {}).get("Rules")
    return str(rules[0]["ObjectOwnership"]) if rules else WRITER


def blocks(bucket: Document, switch: str) -> bool:
    """Whether one of SWITCHES is on."""
    return bool(bucket.body["Configurations"].get("PublicAccessBlockConfiguration", {}).get(switch))


def bucket_owner(bucket: Document) -> str:
    """Its canonical user."""
    return owner(bucket.body["Account"])["ID"]


def object_owner(bucket: Document, body: dict[str, Any]) -> str:
    """The canonical user that owns a version: its writer, where lists count and the bucket's owner is another."""
    return bucket_owner(bucket) if ownership(bucket) == ENFORCED else body.get("Owner", bucket_owner(bucket))


Holder = Callable[[dict[str, Any]], dict[str, str]]
"""The owner of a version, by its document's body, as listings show it."""


def holder(bucket: Document) -> Holder:
    """Who owns which of a bucket's objects."""
    mine, enforced = owner(bucket.body["Account"]), ownership(bucket) == ENFORCED
    return lambda body: mine if enforced or "Owner" not in body else {"ID": body["Owner"]}


def bucket_grants(bucket: Document) -> Grants:
    mine = [grants.user(bucket_owner(bucket))]
    return mine if ownership(bucket) == ENFORCED else bucket.body.get("Acl", mine)


def object_grants(bucket: Document, body: dict[str, Any]) -> Grants:
    its = [grants.user(object_owner(bucket, body))]
    return its if ownership(bucket) == ENFORCED else body.get("Acl", its)


def check_public(bucket: Document, wanted: Grants) -> None:
    """Raises AwsError AccessDenied for a list that lets everybody into a bucket that blocks such."""
    if grants.is_public(wanted) and blocks(bucket, "BlockPublicAcls"):
        raise errors.access_denied()


def no_lists() -> AwsError:
    return AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def check_controls(bucket: Document, value: dict[str, Any]) -> None:
    """What PutBucketOwnershipControls may set. Raises AwsError."""
    rules = value.get("Rules") or []
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in (ENFORCED, PREFERRED, WRITER):
        raise errors.malformed_xml()
    kept = bucket.body.get("Acl")
    if rules[0]["ObjectOwnership"] == ENFORCED and kept is not None and not grants.only(kept, bucket_owner(bucket)):
        raise lists_with_enforced()


def lists_with_enforced() -> AwsError:
    message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    return AwsError("InvalidBucketAclWithObjectOwnership", message)


def all_switches(value: dict[str, Any]) -> dict[str, bool]:
    """A public access block with what it leaves out. Raises AwsError."""
    if not value:
        raise errors.invalid_request("Must specify at least one configuration.")
    return {switch: bool(value.get(switch)) for switch in SWITCHES}
