"""Settings of a bucket that are kept and given back, and change nothing else: one line each.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3.access.acl import check_acl
from sagewright.services.s3.objects.tagging import check
from sagewright.services.s3.records import Records

_BUCKET_TAGS = 50


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``put_bucket_<name>``, ``get_bucket_<name>``, ``delete_bucket_<delete>`` (empty: cannot be deleted).

    member: the input member with it. whole: Get answers with that member; else with the members inside it.
    code, message: Get's error (404) while nothing is set; without a code it answers with ``unset``.
    initial: what a new bucket has.
    """

    name: str
    member: str
    code: str = ""
    message: str = ""
    whole: bool = False
    delete: str = ""
    prefix: str = "bucket_"
    unset: dict[str, Any] | None = None
    initial: dict[str, Any] | None = None
    check: Callable[[Any], object] | None = None


def _check_policy(policy: str) -> None:
    try:
        document = json.loads(policy)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "Statement" not in document:
        raise AwsError("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")


_BLOCK_ALL = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}

SETTINGS = (
    Setting(
        "tagging",
        "Tagging",
        "NoSuchTagSet",
        "The TagSet does not exist",
        delete="tagging",
        check=lambda tagging: check(tagging.get("TagSet") or [], _BUCKET_TAGS),
    ),
    Setting(
        "cors", "CORSConfiguration", "NoSuchCORSConfiguration", "The CORS configuration does not exist", delete="cors"
    ),
    Setting(
        "lifecycle_configuration",
        "LifecycleConfiguration",
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
        delete="lifecycle",
    ),
    Setting(
        "policy",
        "Policy",
        "NoSuchBucketPolicy",
        "The bucket policy does not exist",
        whole=True,
        delete="policy",
        check=_check_policy,
    ),
    Setting(
        "encryption",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
        whole=True,
        delete="encryption",
    ),
    Setting(
        "public_access_block",
        "PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
        whole=True,
        delete="public_access_block",
        prefix="",
        initial=_BLOCK_ALL,
    ),
    Setting(
        "ownership_controls",
        "OwnershipControls",
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
        whole=True,
        delete="ownership_controls",
        initial={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    ),
    Setting(
        "website",
        "WebsiteConfiguration",
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
        delete="website",
    ),
    Setting(
        "replication",
        "ReplicationConfiguration",
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
        whole=True,
        delete="replication",
    ),
    Setting("logging", "BucketLoggingStatus", unset={}),
    Setting("notification_configuration", "NotificationConfiguration", unset={}),
    Setting("request_payment", "RequestPaymentConfiguration", unset={"Payer": "BucketOwner"}),
    Setting("accelerate_configuration", "AccelerateConfiguration", unset={}),
)


def initial() -> dict[str, Any]:
    """The settings of a new bucket."""
    return {setting.member: setting.initial for setting in SETTINGS if setting.initial is not None}


class Configurations:
    """Put, Get and Delete of every setting, and the two that only answer while reading."""

    def __init__(self, records: Records) -> None:
        self._records = records
        for setting in SETTINGS:
            self._serve(setting)

    @operation()
    def get_bucket_versioning(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        self._records.bucket(ctx, bucket)
        return {}

    @operation()
    def get_object_lock_configuration(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        self._records.bucket(ctx, bucket)
        message = "Object Lock configuration does not exist for this bucket"
        raise AwsError("ObjectLockConfigurationNotFoundError", message, 404, BucketName=bucket)

    def _serve(self, setting: Setting) -> None:
        """Make the setting's operations methods of this object."""

        @operation("record-only")
        def get(self: Configurations, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
            return self._get(ctx, bucket, setting)

        @operation("record-only")
        def put(self: Configurations, ctx: Context, bucket: str, **members: Any) -> None:
            self._put(ctx, bucket, setting)

        @operation("record-only")
        def delete(self: Configurations, ctx: Context, bucket: str, **members: Any) -> None:
            self._change(ctx, bucket, setting, None)

        setattr(self, f"get_{setting.prefix}{setting.name}", MethodType(get, self))
        setattr(self, f"put_{setting.prefix}{setting.name}", MethodType(put, self))
        if setting.delete:
            setattr(self, f"delete_{setting.prefix}{setting.delete}", MethodType(delete, self))

    def _get(self, ctx: Context, bucket: str, setting: Setting) -> dict[str, Any]:
        value = self._records.bucket(ctx, bucket).body["Configurations"].get(setting.member)
        if value is not None:
            return {setting.member: value} if setting.whole else value
        if setting.code:
            raise AwsError(setting.code, setting.message, 404, BucketName=bucket)
        return dict(setting.unset or {})

    def _put(self, ctx: Context, bucket: str, setting: Setting) -> None:
        value = ctx.request.get(setting.member)
        if setting.check is not None:
            setting.check(value)
        self._change(ctx, bucket, setting, value)

    def _change(self, ctx: Context, bucket: str, setting: Setting, value: Any) -> None:
        document = self._records.bucket(ctx, bucket)
        check_acl(document, ctx.request)
        settings = {name: kept for name, kept in document.body["Configurations"].items() if name != setting.member}
        if value is not None:
            settings[setting.member] = value
        self._records.store.documents.update(document, body={**document.body, "Configurations": settings})
