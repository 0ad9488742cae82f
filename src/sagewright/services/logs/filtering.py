"""FilterLogEvents: the events of many streams in one time order.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import encode_token
from sagewright.services.logs.keeper import Event, Keeper, counted, invalid, token_position
from sagewright.services.logs.patterns import compile_pattern
from sagewright.services.logs.reading import event_id
from sagewright.store import Document

_CHUNK = 500
_SCAN = 50_000
"""Events looked at in one call; past that the page ends, with a token, even when it is empty."""
_PAGE_BYTES = 1_048_576

Place = tuple[int, int]


class Filtering:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @operation()
    def filter_log_events(
        self,
        ctx: Context,
        log_group_name: str | None = None,
        log_group_identifier: str | None = None,
        log_stream_names: list[str] | None = None,
        log_stream_name_prefix: str = "",
        start_time: int | None = None,
        end_time: int | None = None,
        filter_pattern: str = "",
        next_token: str | None = None,
        limit: int = 10_000,
        start_from_head: bool = True,
        **members: Any,
    ) -> dict[str, Any]:
        """A page of matching events by time, at most limit of them or 1 MB. start_time and end_time are inclusive."""
        if log_stream_names and log_stream_name_prefix:
            raise invalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
        matches = compile_pattern(filter_pattern).matches
        group = self._keeper.group(ctx, log_group_name, log_group_identifier)
        position = token_position(next_token)
        place = None if position is None else (int(position[0]), int(position[1]))
        streams = self._streams(group, log_stream_names, log_stream_name_prefix, start_time, end_time)
        end = None if end_time is None else end_time + 1
        sources = [
            self._source(group, stream, start_time, end, place, descending=not start_from_head) for stream in streams
        ]
        found: list[dict[str, Any]] = []
        room, last = _PAGE_BYTES, place
        merged = heapq.merge(*sources, key=lambda item: item[0][:2], reverse=not start_from_head)
        for looked_at, (event, stream) in enumerate(merged):
            fits = matches(event.message)
            size = counted(event.message) if fits else 0
            if looked_at >= _SCAN or len(found) >= limit or (found and size > room):
                return {"events": found, "searchedLogStreams": [], "nextToken": encode_token(last)}
            last = event[:2]
            if fits:
                found.append(_shown(event, stream))
                room -= size
        return {"events": found, "searchedLogStreams": []}

    def _streams(
        self, group: Document, names: list[str] | None, prefix: str, start: int | None, end: int | None
    ) -> list[str]:
        """Streams that may hold events of the time asked for. Raises ResourceNotFoundException for a name unknown."""
        found = [self._keeper.stream(group, name) for name in names] if names else self._keeper.streams(group, prefix)
        return [
            stream.key
            for stream in found
            if "last" in stream.body
            and (start is None or stream.body["last"] >= start)
            and (end is None or stream.body["first"] <= end)
        ]

    def _source(
        self,
        group: Document,
        stream: str,
        start: int | None,
        end: int | None,
        place: Place | None,
        *,
        descending: bool,
    ) -> Iterator[tuple[Event, str]]:
        while True:
            bounds = {"before" if descending else "after": place}
            events = self._keeper.events(
                group, stream, start=start, end=end, descending=descending, limit=_CHUNK, **bounds
            )
            for event in events:
                yield event, stream
            if len(events) < _CHUNK:
                return
            place = events[-1][:2]


def _shown(event: Event, stream: str) -> dict[str, Any]:
    return {
        "logStreamName": stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingested,
        "eventId": event_id(event),
    }
