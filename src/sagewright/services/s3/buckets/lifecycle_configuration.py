"""PutBucketLifecycleConfiguration, and its Get and Delete.

A bucket with rules has the status HAS_RULES in the store, by which the daily run finds it without reading the others.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3.buckets.lifecycle_rules import checked
from sagewright.services.s3.buckets.setting import Asked, change
from sagewright.services.s3.lifecycle import HAS_RULES
from sagewright.services.s3.records import Records

_MEMBER = "LifecycleConfiguration"
_MINIMUM = "TransitionDefaultMinimumObjectSize"


class LifecycleConfigurations:
    """The rules of a bucket. soon: called when there are new ones, which may apply to what is there already."""

    def __init__(self, records: Records, soon: Callable[[], None]) -> None:
        self._records = records
        self._soon = soon

    @operation()
    def put_bucket_lifecycle_configuration(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        asked = Asked(ctx.request.get(_MEMBER), ctx, self._records.bucket(ctx, bucket), self._records)
        kept = checked(asked.value, ctx.request.get(_MINIMUM))
        change(asked, _MEMBER, kept, status=HAS_RULES)
        self._soon()
        return {_MINIMUM: kept[_MINIMUM]}

    @operation()
    def get_bucket_lifecycle_configuration(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        kept: dict[str, Any] | None = self._records.bucket(ctx, bucket).body["Configurations"].get(_MEMBER)
        if kept is None:
            message = "The lifecycle configuration does not exist"
            raise AwsError("NoSuchLifecycleConfiguration", message, 404, BucketName=bucket)
        return kept

    @operation()
    def delete_bucket_lifecycle(self, ctx: Context, bucket: str, **members: Any) -> None:
        change(Asked(None, ctx, self._records.bucket(ctx, bucket), self._records), _MEMBER, None, status="")
