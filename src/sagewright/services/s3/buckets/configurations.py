"""Settings of a bucket, kept and given back: a row each.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from types import MethodType
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3.buckets import settings_access
from sagewright.services.s3.buckets import settings_checks as checks
from sagewright.services.s3.buckets.setting import Asked, Setting, change
from sagewright.services.s3.buckets.settings_notification import notification
from sagewright.services.s3.records import Records

SETTINGS = (
    *settings_access.SETTINGS,
    Setting(
        "tagging",
        "Tagging",
        "NoSuchTagSet",
        "The TagSet does not exist",
        delete="tagging",
        check=checks.tagging,
        coverage="behaves",
    ),
    Setting(
        "encryption",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
        whole=True,
        delete="encryption",
        check=checks.encryption,
        coverage="behaves",
    ),
    Setting(
        "website",
        "WebsiteConfiguration",
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
        delete="website",
        check=checks.website,
    ),
    Setting(
        "replication",
        "ReplicationConfiguration",
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
        whole=True,
        delete="replication",
        check=checks.replication,
    ),
    Setting("logging", "BucketLoggingStatus", unset={}, check=checks.logging),
    Setting("notification_configuration", "NotificationConfiguration", unset={}, check=notification),
    Setting("request_payment", "RequestPaymentConfiguration", unset={"Payer": "BucketOwner"}, check=checks.payment),
    Setting("accelerate_configuration", "AccelerateConfiguration", unset={}, check=checks.acceleration),
)


def initial() -> dict[str, Any]:
    """The settings of a new bucket."""
    return {setting.member: setting.initial for setting in SETTINGS if setting.initial is not None}


class Configurations:
    """Put, Get and Delete of every setting."""

    def __init__(self, records: Records) -> None:
        self._records = records
        for setting in SETTINGS:
            self._serve(setting)

    def _serve(self, setting: Setting) -> None:
        """Make the setting's operations methods of this object."""

        @operation(setting.coverage)
        def get(self: Configurations, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
            return self._get(ctx, bucket, setting)

        @operation(setting.coverage)
        def put(self: Configurations, ctx: Context, bucket: str, **members: Any) -> None:
            self._put(ctx, bucket, setting)

        @operation(setting.coverage)
        def delete(self: Configurations, ctx: Context, bucket: str, **members: Any) -> None:
            self._delete(ctx, bucket, setting)

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
        document = self._records.bucket(ctx, bucket)
        value = ctx.request.get(setting.member)
        asked = Asked(value, ctx, document, self._records)
        kept = setting.check(asked) if setting.check is not None else None
        change(asked, setting.member, value if kept is None else kept)

    def _delete(self, ctx: Context, bucket: str, setting: Setting) -> None:
        asked = Asked(None, ctx, self._records.bucket(ctx, bucket), self._records)
        change(asked, setting.member, None)
