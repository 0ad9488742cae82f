"""PutLogEvents.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.logs.keeper import Keeper, counted, invalid, milliseconds
from sagewright.services.logs.live import Live
from sagewright.services.logs.metric_filters import MetricFilters
from sagewright.store import Document

_BATCH_BYTES = 1_048_576
_BATCH_SPAN = 86_400_000
_OLDEST = 14 * 86_400_000
_NEWEST = 2 * 3_600_000


class Writing:
    """live and filters: who hears of events once they are kept."""

    def __init__(self, keeper: Keeper, live: Live, filters: MetricFilters) -> None:
        self._keeper = keeper
        self._live = live
        self._filters = filters

    @operation()
    async def put_log_events(
        self,
        ctx: Context,
        log_group_name: str,
        log_stream_name: str,
        log_events: list[dict[str, Any]],
        sequence_token: str | None = None,
        entity: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Append events, kept in the order sent where timestamps are equal.

        At most 10,000 events, 1,048,576 bytes (26 more than its UTF-8 length for each) and 24 hours a call, in
        chronological order. Events over 14 days old, expired by the group's retention or over two hours ahead are
        left out and reported. Any sequence token will do, as with AWS since 2023.
        """
        _check_batch(log_events)
        group = self._keeper.group(ctx, log_group_name)
        stream = self._keeper.stream(group, log_stream_name)
        now = self._keeper.clock.now()
        first, last, rejected = self._window(group, log_events, now)
        kept = log_events[first:last]
        sequence = f"{stream.revision:056d}"
        with self._keeper.store.transaction():
            if kept:
                self._keeper.append(group, stream.key, ((event["timestamp"], event["message"]) for event in kept), now)
                self._count(group, stream, kept, sequence)
        if kept:
            self._live.offer(group, stream.key, kept, milliseconds(now))
            await self._filters.apply(ctx, group, kept)
        return {"nextSequenceToken": sequence, "rejectedLogEventsInfo": rejected or None}

    def _count(self, group: Document, stream: Document, events: list[dict[str, Any]], sequence: str) -> None:
        documents = self._keeper.store.documents
        earliest, latest, size = events[0]["timestamp"], events[-1]["timestamp"], _size(events)
        last = max(stream.body.get("last", latest), latest)
        body = {
            "first": min(stream.body.get("first", earliest), earliest),
            "last": last,
            "ingested": milliseconds(self._keeper.clock.now()),
            "sequence": sequence,
            "bytes": stream.body.get("bytes", 0) + size,
        }
        documents.update(stream, body=body, status=f"{last:015d}")
        documents.update(group, body={**group.body, "storedBytes": group.body["storedBytes"] + size})

    def _window(self, group: Document, events: list[dict[str, Any]], now: float) -> tuple[int, int, dict[str, int]]:
        """The slice of events that is kept, and rejectedLogEventsInfo. Events are in order, so the rest is two ends."""
        times = [event["timestamp"] for event in events]
        moment = milliseconds(now)
        too_old = sum(time < moment - _OLDEST for time in times)
        horizon = self._keeper.horizon(group)
        expired = 0 if horizon is None else sum(time < milliseconds(horizon) for time in times)
        too_new = sum(time <= moment + _NEWEST for time in times)
        rejected = {}
        if too_old:
            rejected["tooOldLogEventEndIndex"] = too_old
        if expired > too_old:
            rejected["expiredLogEventEndIndex"] = expired
        if too_new < len(times):
            rejected["tooNewLogEventStartIndex"] = too_new
        return max(too_old, expired), too_new, rejected


def _size(events: list[dict[str, Any]]) -> int:
    """Bytes as AWS counts them."""
    return sum(counted(event["message"]) for event in events)


def _check_batch(events: list[dict[str, Any]]) -> None:
    """Raises InvalidParameterException."""
    size = _size(events)
    if size > _BATCH_BYTES:
        what = "Upload" if len(events) > 1 else "Log event"
        raise invalid(f"{what} too large: {size} bytes exceeds limit of {_BATCH_BYTES}")
    if any(one["timestamp"] > other["timestamp"] for one, other in pairwise(events)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if events[-1]["timestamp"] - events[0]["timestamp"] > _BATCH_SPAN:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
