"""Tags of log groups, by ARN and in the older form by name.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.logs.keeper import Keeper, group_arn


class Tagging:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._tags = keeper.tags

    @operation()
    def tag_resource(self, ctx: Context, resource_arn: str, tags: dict[str, str]) -> None:
        self._tags.add(self._by_arn(ctx, resource_arn), _pairs(tags))

    @operation()
    def untag_resource(self, ctx: Context, resource_arn: str, tag_keys: list[str]) -> None:
        self._tags.remove(self._by_arn(ctx, resource_arn), tag_keys)

    @operation()
    def list_tags_for_resource(self, ctx: Context, resource_arn: str) -> dict[str, Any]:
        return {"tags": self._tags.of(self._by_arn(ctx, resource_arn))}

    @operation()
    def tag_log_group(self, ctx: Context, log_group_name: str, tags: dict[str, str]) -> None:
        self._tags.add(group_arn(self._keeper.group(ctx, log_group_name)), _pairs(tags))

    @operation()
    def untag_log_group(self, ctx: Context, log_group_name: str, tags: list[str]) -> None:
        self._tags.remove(group_arn(self._keeper.group(ctx, log_group_name)), tags)

    @operation()
    def list_tags_log_group(self, ctx: Context, log_group_name: str) -> dict[str, Any]:
        return {"tags": self._tags.of(group_arn(self._keeper.group(ctx, log_group_name)))}

    def _by_arn(self, ctx: Context, arn: str) -> str:
        if ":log-group:" not in arn:
            raise AwsError("ResourceNotFoundException", "The specified resource does not exist.")
        return group_arn(self._keeper.group(ctx, None, arn))


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
