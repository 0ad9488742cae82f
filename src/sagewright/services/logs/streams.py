"""Log streams.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.arn import Arn
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import page
from sagewright.services.logs.keeper import (
    Keeper,
    invalid,
    milliseconds,
    stream_space,
    taken,
    token_position,
)
from sagewright.store import Document, DuplicateKey


class Streams:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._documents = keeper.store.documents

    @operation()
    def create_log_stream(self, ctx: Context, log_group_name: str, log_stream_name: str) -> None:
        group = self._keeper.group(ctx, log_group_name)
        try:
            self._documents.insert(stream_space(group), log_stream_name, {})
        except DuplicateKey:
            raise taken("log stream") from None

    @operation()
    def describe_log_streams(
        self,
        ctx: Context,
        log_group_name: str | None = None,
        log_group_identifier: str | None = None,
        log_stream_name_prefix: str = "",
        order_by: str = "LogStreamName",
        descending: bool = False,
        next_token: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """One page by name, or by the time of the last event; streams without events come first then."""
        if order_by == "LastEventTime" and log_stream_name_prefix:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        group = self._keeper.group(ctx, log_group_name, log_group_identifier)
        offset = token_position(next_token) or 0
        found = self._documents.find(
            stream_space(group),
            prefix=log_stream_name_prefix,
            order="status" if order_by == "LastEventTime" else "key",
            descending=descending,
            limit=limit + 1,
            offset=offset,
        )
        shown, token = page(found, limit, offset + limit)
        return {"logStreams": [_shown(group, stream) for stream in shown], "nextToken": token}

    @operation()
    def delete_log_stream(self, ctx: Context, log_group_name: str, log_stream_name: str) -> None:
        group = self._keeper.group(ctx, log_group_name)
        stream = self._keeper.stream(group, log_stream_name)
        left = group.body["storedBytes"] - stream.body.get("bytes", 0)
        with self._keeper.store.transaction():
            self._keeper.forget(group, log_stream_name)
            self._documents.update(group, body={**group.body, "storedBytes": left})


def _shown(group: Document, stream: Document) -> dict[str, Any]:
    resource = f"log-group:{group.key}:log-stream:{stream.key}"
    return {
        "logStreamName": stream.key,
        "creationTime": milliseconds(stream.created),
        "firstEventTimestamp": stream.body.get("first"),
        "lastEventTimestamp": stream.body.get("last"),
        "lastIngestionTime": stream.body.get("ingested"),
        "uploadSequenceToken": stream.body.get("sequence"),
        "arn": str(Arn("logs", group.space.region, group.space.account, resource)),
        "storedBytes": 0,
    }
