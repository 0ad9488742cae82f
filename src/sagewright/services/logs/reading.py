"""GetLogEvents: the events of one stream, forwards and backwards.

A token is a place between two events: ``f/`` stands just after an event and reads on, ``b/`` just before one and reads
back. Where nothing is left in its direction the same token comes back, which is how clients see the end. Event ids and
the numbers in tokens are 56 digits: the timestamp, then the event's number.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
"""

from __future__ import annotations

import re
from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.logs.keeper import Event, Keeper, counted, invalid

_TOKEN = re.compile(r"([fb])/(\d{14})(\d{42})/s")
_PAGE_BYTES = 1_048_576

Place = tuple[int, int]
"""(timestamp, id) of an event."""


def event_id(event: Event) -> str:
    return f"{event.timestamp:014d}{event.id:042d}"


def fitting(events: list[Event]) -> list[Event]:
    """As many of the events, from the first on, as a page of 1 MB takes; at least one."""
    room = _PAGE_BYTES
    for count, event in enumerate(events):
        room -= counted(event.message)
        if room < 0 and count:
            return events[:count]
    return events


class Reading:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @operation()
    def get_log_events(
        self,
        ctx: Context,
        log_stream_name: str,
        log_group_name: str | None = None,
        log_group_identifier: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        next_token: str | None = None,
        limit: int = 10_000,
        start_from_head: bool = False,
        unmask: bool = False,
    ) -> dict[str, Any]:
        """A page in time order: at most 10,000 events or 1 MB. Without a token the newest, or with startFromHead the
        oldest. start_time is inclusive, end_time exclusive."""
        way, place = _parse(next_token) if next_token else ("f" if start_from_head else "b", None)
        group = self._keeper.group(ctx, log_group_name, log_group_identifier)
        self._keeper.stream(group, log_stream_name)
        found = fitting(
            self._keeper.events(
                group,
                log_stream_name,
                start=start_time,
                end=end_time,
                after=place if way == "f" else None,
                before=place if way == "b" else None,
                descending=way == "b",
                limit=limit,
            )
        )
        if way == "b":
            found.reverse()
        forward, backward = _tokens(found, way, place)
        return {
            "events": [
                {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested}
                for event in found
            ],
            "nextForwardToken": forward,
            "nextBackwardToken": backward,
        }


def _tokens(found: list[Event], way: str, place: Place | None) -> tuple[str, str]:
    """nextForwardToken and nextBackwardToken after a page."""
    if found:
        return _token("f", found[-1][:2]), _token("b", found[0][:2])
    time, number = place or (0, 1)
    if way == "f":
        return _token("f", (time, number)), _token("b", (time, number + 1))
    return _token("f", (time, max(number - 1, 0))), _token("b", (time, number))


def _token(way: str, place: Place) -> str:
    return f"{way}/{place[0]:014d}{place[1]:042d}/s"


def _parse(token: str) -> tuple[str, Place]:
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise invalid("The specified nextToken is invalid.")
    return match[1], (int(match[2]), int(match[3]))
