"""Log groups and how long they keep their events.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import page
from sagewright.services.logs.keeper import (
    EXPIRING,
    Keeper,
    filter_space,
    group_arn,
    group_name,
    invalid,
    milliseconds,
    taken,
    token_position,
)
from sagewright.store import Document, DuplicateKey

_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_ALL = 1_000_000


class Groups:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._store = keeper.store

    @operation()
    def create_log_group(
        self,
        ctx: Context,
        log_group_name: str,
        kms_key_id: str | None = None,
        tags: dict[str, str] | None = None,
        log_group_class: str = "STANDARD",
        deletion_protection_enabled: bool = False,
    ) -> None:
        body: dict[str, Any] = {"storedBytes": 0, "logGroupClass": log_group_class}
        if kms_key_id:
            body["kmsKeyId"] = kms_key_id
        if deletion_protection_enabled:
            body["deletionProtectionEnabled"] = True
        with self._store.transaction():
            try:
                group = self._store.documents.insert(self._keeper.group_space(ctx), log_group_name, body)
            except DuplicateKey:
                raise taken("log group") from None
            pairs = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
            self._keeper.tags.add(group_arn(group), pairs)

    @operation()
    def describe_log_groups(
        self,
        ctx: Context,
        log_group_name_prefix: str = "",
        log_group_name_pattern: str = "",
        log_group_identifiers: list[str] | None = None,
        log_group_class: str = "",
        next_token: str | None = None,
        limit: int = 50,
        **members: Any,
    ) -> dict[str, Any]:
        if log_group_name_prefix and log_group_name_pattern:
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        found = self._store.documents.find(
            self._keeper.group_space(ctx),
            prefix=log_group_name_prefix,
            after=token_position(next_token) or "",
            contains=log_group_name_pattern,
            limit=_ALL,
        )
        names = {group_name(one) for one in log_group_identifiers or ()}
        wanted = [
            group
            for group in found
            if log_group_name_pattern in group.key
            and (not names or group.key in names)
            and (not log_group_class or group.body["logGroupClass"] == log_group_class)
        ]
        shown, token = page(wanted, limit, wanted[limit - 1].key if len(wanted) > limit else None)
        return {"logGroups": [_shown(group) for group in shown], "nextToken": token}

    @operation()
    def delete_log_group(self, ctx: Context, log_group_name: str) -> None:
        group = self._keeper.group(ctx, log_group_name)
        if group.body.get("deletionProtectionEnabled"):
            raise AwsError("ValidationException", "The log group is protected against deletion.")
        with self._store.transaction():
            for stream in self._keeper.streams(group):
                self._keeper.forget(group, stream.key)
            for metric_filter in self._store.documents.find(filter_space(group)):
                self._store.documents.delete(metric_filter.space, metric_filter.key)
            self._store.documents.delete(group.space, group.key)
            self._keeper.tags.forget(group_arn(group))

    @operation()
    def put_retention_policy(self, ctx: Context, log_group_name: str, retention_in_days: int) -> None:
        if retention_in_days not in _RETENTIONS:
            allowed = ", ".join(str(days) for days in reversed(_RETENTIONS))
            raise invalid(
                f"1 validation error detected: Value '{retention_in_days}' at 'retentionInDays' failed to satisfy "
                f"constraint: Member must satisfy enum value set: [{allowed}]"
            )
        group = self._keeper.group(ctx, log_group_name)
        self._store.documents.update(group, body={**group.body, "retentionInDays": retention_in_days}, status=EXPIRING)

    @operation()
    def delete_retention_policy(self, ctx: Context, log_group_name: str) -> None:
        group = self._keeper.group(ctx, log_group_name)
        body = {name: value for name, value in group.body.items() if name != "retentionInDays"}
        self._store.documents.update(group, body=body, status="")

    @operation()
    def put_log_group_deletion_protection(
        self, ctx: Context, log_group_identifier: str, deletion_protection_enabled: bool
    ) -> None:
        group = self._keeper.group(ctx, None, log_group_identifier)
        body = {**group.body, "deletionProtectionEnabled": deletion_protection_enabled}
        self._store.documents.update(group, body=body)

    @operation("record-only")
    def associate_kms_key(
        self, ctx: Context, kms_key_id: str, log_group_name: str | None = None, resource_identifier: str | None = None
    ) -> None:
        group = self._keeper.group(ctx, log_group_name, resource_identifier)
        self._store.documents.update(group, body={**group.body, "kmsKeyId": kms_key_id})

    @operation("record-only")
    def disassociate_kms_key(
        self, ctx: Context, log_group_name: str | None = None, resource_identifier: str | None = None
    ) -> None:
        group = self._keeper.group(ctx, log_group_name, resource_identifier)
        body = {name: value for name, value in group.body.items() if name != "kmsKeyId"}
        self._store.documents.update(group, body=body)


def _shown(group: Document) -> dict[str, Any]:
    arn = group_arn(group)
    return {
        "logGroupName": group.key,
        "creationTime": milliseconds(group.created),
        "retentionInDays": group.body.get("retentionInDays"),
        "metricFilterCount": group.body.get("metricFilterCount", 0),
        "arn": f"{arn}:*",
        "storedBytes": group.body["storedBytes"],
        "kmsKeyId": group.body.get("kmsKeyId"),
        "logGroupClass": group.body["logGroupClass"],
        "logGroupArn": arn,
        "deletionProtectionEnabled": group.body.get("deletionProtectionEnabled", False),
    }
