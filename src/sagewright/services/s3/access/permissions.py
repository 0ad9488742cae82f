"""The permissions that each operation needs, as data.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Level = Literal["object", "bucket", "account", "source"]
"""What a permission is on: the object and the bucket of the request, all of S3, the object copied from."""


@dataclass(frozen=True, slots=True)
class Need:
    """action: without ``s3:``. versioned: the action where the request names a version.

    when: members of which the request must have one, else the permission is not needed.
    """

    action: str
    level: Level = "object"
    versioned: str = ""
    when: tuple[str, ...] = ()

    def of(self, request: dict[str, Any], version: object) -> str:
        """The action's full name, or "" where it is not needed."""
        if self.when and not any(request.get(name) for name in self.when):
            return ""
        return f"s3:{self.versioned if self.versioned and version else self.action}"


_GRANTS = ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
_WRITING = (
    Need("PutObject"),
    Need("PutObjectAcl", when=_GRANTS),
    Need("PutObjectTagging", when=("Tagging",)),
    Need("PutObjectRetention", when=("ObjectLockMode", "ObjectLockRetainUntilDate")),
    Need("PutObjectLegalHold", when=("ObjectLockLegalHoldStatus",)),
)
_SOURCE = Need("GetObject", "source", "GetObjectVersion")
_READ = Need("GetObject", versioned="GetObjectVersion")
_BYPASS = Need("BypassGovernanceRetention", when=("BypassGovernanceRetention",))
_LIST = Need("ListBucket", "bucket")

_OBJECTS: dict[str, tuple[Need, ...]] = {
    "CompleteMultipartUpload": (Need("PutObject"),),
    "CopyObject": (_SOURCE, *_WRITING),
    "CreateMultipartUpload": _WRITING,
    "DeleteObject": (Need("DeleteObject", versioned="DeleteObjectVersion"), _BYPASS),
    "DeleteObjectTagging": (Need("DeleteObjectTagging", versioned="DeleteObjectVersionTagging"),),
    "DeleteObjects": (),  # each key on its own: see Authorization.refused
    "GetObject": (_READ,),
    "GetObjectAcl": (Need("GetObjectAcl", versioned="GetObjectVersionAcl"),),
    "GetObjectAttributes": (_READ, Need("GetObjectAttributes", versioned="GetObjectVersionAttributes")),
    "GetObjectTagging": (Need("GetObjectTagging", versioned="GetObjectVersionTagging"),),
    "HeadObject": (_READ,),
    "ListParts": (Need("ListMultipartUploadParts"),),
    "PutObject": _WRITING,
    "PutObjectAcl": (Need("PutObjectAcl", versioned="PutObjectVersionAcl"),),
    "PutObjectRetention": (Need("PutObjectRetention"), _BYPASS),
    "PutObjectTagging": (Need("PutObjectTagging", versioned="PutObjectVersionTagging"),),
    "SelectObjectContent": (Need("GetObject"),),
    "UploadPart": (Need("PutObject"),),
    "UploadPartCopy": (_SOURCE, Need("PutObject")),
}

_BUCKETS = {
    "CreateBucket": (
        Need("CreateBucket", "account"),
        Need("PutBucketAcl", "account", when=_GRANTS),
        Need("PutBucketObjectLockConfiguration", "account", when=("ObjectLockEnabledForBucket",)),
        Need("PutBucketOwnershipControls", "account", when=("ObjectOwnership",)),
    ),
    "HeadBucket": (_LIST,),
    "ListBuckets": (Need("ListAllMyBuckets", "account"),),
    "ListMultipartUploads": (Need("ListBucketMultipartUploads", "bucket"),),
    "ListObjectVersions": (Need("ListBucketVersions", "bucket"),),
    "ListObjects": (_LIST,),
    "ListObjectsV2": (_LIST,),
}

_SETTINGS = {
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    **{
        f"{verb}Bucket{kind}{'s' if verb == 'List' else ''}": f"{'Get' if verb == 'List' else verb}{action}"
        for kind, action in (
            ("AnalyticsConfiguration", "AnalyticsConfiguration"),
            ("IntelligentTieringConfiguration", "IntelligentTieringConfiguration"),
            ("InventoryConfiguration", "InventoryConfiguration"),
            ("MetricsConfiguration", "MetricsConfiguration"),
        )
        for verb in ("Get", "Put", "List")
    },
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
}
"""Actions of bucket settings that are not called as their operation."""

DELETION = Need("DeleteObject", versioned="DeleteObjectVersion")
LISTING = "s3:ListBucket"

OF_LISTS: dict[str, tuple[Literal["bucket", "object"], str]] = {
    "s3:ListBucket": ("bucket", "READ"),
    "s3:ListBucketVersions": ("bucket", "READ"),
    "s3:ListBucketMultipartUploads": ("bucket", "READ"),
    "s3:PutObject": ("bucket", "WRITE"),
    "s3:DeleteObject": ("bucket", "WRITE"),
    "s3:GetBucketAcl": ("bucket", "READ_ACP"),
    "s3:PutBucketAcl": ("bucket", "WRITE_ACP"),
    "s3:GetObject": ("object", "READ"),
    "s3:GetObjectVersion": ("object", "READ"),
    "s3:GetObjectAcl": ("object", "READ_ACP"),
    "s3:GetObjectVersionAcl": ("object", "READ_ACP"),
    "s3:PutObjectAcl": ("object", "WRITE_ACP"),
    "s3:PutObjectVersionAcl": ("object", "WRITE_ACP"),
}
"""The list, and the permission in it, that gives an action."""

READS = ("s3:GetObject", "s3:GetObjectVersion")


def needs(operation: str, request: dict[str, Any]) -> tuple[Need, ...]:
    """The permissions of an operation; one that is listed nowhere needs the one it is called as."""
    found = _OBJECTS.get(operation) or _BUCKETS.get(operation)
    if found is not None or operation in _OBJECTS:
        return found or ()
    level: Level = "object" if "Key" in request else "bucket" if "Bucket" in request else "account"
    return (Need(_SETTINGS.get(operation, operation), level),)


@cache
def bucket_actions() -> set[str]:
    """Actions that are on buckets, in lower case."""
    named = {need.action for some in _BUCKETS.values() for need in some if need.level == "bucket"}
    own = {"CreateBucket", "DeleteBucket", "GetBucketLocation", "GetBucketPolicy", "PutBucketPolicy"}
    own |= {"DeleteBucketPolicy", "GetBucketPolicyStatus", "GetBucketAcl", "PutBucketAcl", "GetBucketLogging"}
    own |= {"PutBucketLogging", "GetBucketTagging", "GetBucketVersioning", "PutBucketVersioning", "GetBucketWebsite"}
    own |= {"PutBucketWebsite", "DeleteBucketWebsite", "GetBucketRequestPayment", "PutBucketRequestPayment"}
    own |= {"GetBucketOwnershipControls"}
    return {f"s3:{name}".lower() for name in {*named, *own, *_SETTINGS.values()}}


@cache
def object_actions() -> set[str]:
    """Actions that are on objects, in lower case."""
    found = {name for some in _OBJECTS.values() for need in some for name in (need.action, need.versioned) if name}
    found |= {"AbortMultipartUpload", "RestoreObject", "GetObjectRetention", "GetObjectLegalHold", "GetObjectTorrent"}
    found |= {"ReplicateObject", "ReplicateDelete", "ReplicateTags", "ObjectOwnerOverrideToBucketOwner"}
    found |= {"GetObjectVersionForReplication", "GetObjectVersionTorrent", "UpdateObjectEncryption"}
    return {f"s3:{name}".lower() for name in found}
