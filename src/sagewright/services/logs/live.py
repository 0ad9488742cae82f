"""StartLiveTail: the events of log groups as they are put, in one update a second.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import request_id
from sagewright.kit.operation import Context, operation
from sagewright.services.logs.keeper import Keeper, group_arn, invalid
from sagewright.services.logs.patterns import Pattern, compile_pattern
from sagewright.store import Document, Space

_PAUSE = 1.0
_NOWHERE = Space("logs.live", "", "")
_MOST_EVENTS = 500
_LONGEST = 3 * 3_600
"""Seconds of a session."""


class Session:
    """What one client wants to see, and what there is for it since its last update."""

    def __init__(self, groups: Sequence[Document], names: list[str], prefixes: list[str], pattern: Pattern) -> None:
        self._groups = {(group.space, group.key) for group in groups}
        self._names = frozenset(names)
        self._prefixes = tuple(prefixes)
        self._pattern = pattern
        self._begin()

    def _begin(self) -> None:
        self._found: list[tuple[int, dict[str, Any]]] = []
        self._matched = 0

    def offer(self, group: Document, stream: str, events: Sequence[dict[str, Any]], ingested: int) -> None:
        """events: as PutLogEvents takes them. Of more than fit into an update, each is as likely to be in it."""
        if (group.space, group.key) not in self._groups:
            return
        if (self._names and stream not in self._names) or (self._prefixes and not stream.startswith(self._prefixes)):
            return
        about = {"logStreamName": stream, "logGroupIdentifier": f"{group.space.account}:{group.key}"}
        for event in events:
            if not self._pattern.matches(event["message"]):
                continue
            self._matched += 1
            shown = (self._matched, {**about, **event, "ingestionTime": ingested})
            if len(self._found) < _MOST_EVENTS:
                self._found.append(shown)
            elif (place := random.randrange(self._matched)) < _MOST_EVENTS:  # noqa: S311
                self._found[place] = shown

    def update(self) -> dict[str, Any]:
        """A sessionUpdate of what has come in since the last."""
        found, matched = sorted(self._found, key=lambda item: item[0]), self._matched
        self._begin()
        return {
            "sessionMetadata": {"sampled": matched > len(found)},
            "sessionResults": [event for _, event in found],
        }


class Live:
    """Sessions live in this process alone; each ends with its client, with the server, or after three hours."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._sessions: set[Session] = set()

    def offer(self, group: Document, stream: str, events: Sequence[dict[str, Any]], ingested: int) -> None:
        """Events that have just been kept. ingested: milliseconds since the epoch."""
        for session in self._sessions:
            session.offer(group, stream, events, ingested)

    @operation()
    async def start_live_tail(
        self,
        ctx: Context,
        log_group_identifiers: list[str],
        log_stream_names: list[str] | None = None,
        log_stream_name_prefixes: list[str] | None = None,
        log_event_filter_pattern: str = "",
    ) -> dict[str, Any]:
        """Up to 10 groups by ARN; streams of a single group by name or prefix. At most 500 events an update: more are
        sampled, and the update says so."""
        names, prefixes = log_stream_names or [], log_stream_name_prefixes or []
        if names and prefixes:
            raise invalid("LogStreamNames and LogStreamNamePrefixes are mutually exclusive parameters.")
        if (names or prefixes) and len(log_group_identifiers) > 1:
            raise invalid("LogStreamNames and LogStreamNamePrefixes can be specified for a single log group only.")
        groups = [self._group(ctx, identifier) for identifier in log_group_identifiers]
        session = Session(groups, names, prefixes, compile_pattern(log_event_filter_pattern))
        start = {
            "requestId": ctx.request_id,
            "sessionId": request_id(),
            "logGroupIdentifiers": [group_arn(group) for group in groups],
            "logStreamNames": names,
            "logStreamNamePrefixes": prefixes,
            "logEventFilterPattern": log_event_filter_pattern,
        }
        return {"responseStream": self._events(session, start)}

    def _group(self, ctx: Context, identifier: str) -> Document:
        if not identifier.startswith("arn:") or identifier.endswith("*"):
            raise invalid(f"The log group identifier {identifier} is not the ARN of a log group.")
        group = self._keeper.group(ctx, None, identifier)
        if group_arn(group) != identifier:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        return group

    async def _events(self, session: Session, start: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        clock, changes = self._keeper.clock, self._keeper.store.changes
        end = clock.monotonic() + _LONGEST
        self._sessions.add(session)
        try:
            yield {"sessionStart": start}
            while clock.monotonic() < end:
                await changes.wait(_NOWHERE, "", _PAUSE)  # nobody writes there: a second, or the server's end
                yield {"sessionUpdate": session.update()}
                if changes.closed:
                    return
            raise AwsError("SessionTimeoutException", "The live tail session has been open for three hours.")
        finally:
            self._sessions.discard(session)
