"""Where log groups, streams and events are kept, and how long.

A group is a document; a stream is a document under its group, whose status column is the time of its last event, so
that the database can order by it; an event is an entry under its stream. Times on the wire are milliseconds since the
epoch, in the store seconds. A retention policy hides expired events at once; ``logs.retention`` deletes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.kit.paging import decode_token
from sagewright.kit.tags import TagErrors, Tags
from sagewright.store import Document, Space, Store

_DAY = 86_400
_ALL = 1_000_000
_OVERHEAD = 26
"""Bytes that AWS counts for each event beside its message."""

GROUPS = "logs.group"
"""The kind of the groups' documents."""
EXPIRING = "expiring"
"""The status of a group that has a retention policy."""


class Event(NamedTuple):
    """One log event. id grows with every write over all streams, so (timestamp, id) orders events for good."""

    timestamp: int
    id: int
    ingested: int
    message: str


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def missing_group() -> AwsError:
    return AwsError("ResourceNotFoundException", "The specified log group does not exist.")


def missing_stream() -> AwsError:
    return AwsError("ResourceNotFoundException", "The specified log stream does not exist.")


def taken(what: str) -> AwsError:
    return AwsError("ResourceAlreadyExistsException", f"The specified {what} already exists")


def token_position(token: str | None) -> Any:
    """Raises InvalidParameterException for a token that is none of ours."""
    try:
        return decode_token(token)
    except AwsError:
        raise invalid("The specified nextToken is invalid.") from None


def counted(message: str) -> int:
    """Bytes of an event as AWS counts them."""
    return len(message.encode()) + _OVERHEAD


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


@dataclass(frozen=True, slots=True)
class Keeper:
    """Finds groups and streams, and reads events."""

    store: Store
    clock: Clock

    @property
    def tags(self) -> Tags:
        return Tags(self.store, TagErrors("InvalidParameterException", "TooManyTagsException"))

    def group_space(self, ctx: Context) -> Space:
        return Space(GROUPS, ctx.account, ctx.region)

    def groups(self, ctx: Context) -> list[Document]:
        """All groups by name."""
        return self.store.documents.find(self.group_space(ctx), limit=_ALL)

    def group(self, ctx: Context, name: str | None, identifier: str | None = None) -> Document:
        """A group by name, or by an identifier that is a name or an ARN. Raises ResourceNotFoundException."""
        if name and identifier:
            raise invalid("LogGroup name and LogGroup identifier are mutually exclusive parameters.")
        name = name or group_name(identifier or "")
        if not name:
            raise invalid("Either LogGroup name or LogGroup identifier must be specified.")
        found = self.store.documents.get(self.group_space(ctx), name)
        if found is None:
            raise missing_group()
        return found

    def stream(self, group: Document, name: str) -> Document:
        """Raises ResourceNotFoundException."""
        found = self.store.documents.get(stream_space(group), name)
        if found is None:
            raise missing_stream()
        return found

    def streams(self, group: Document, prefix: str = "") -> list[Document]:
        """All streams of a group by name."""
        return self.store.documents.find(stream_space(group), prefix=prefix, limit=_ALL)

    def events(
        self,
        group: Document,
        stream: str,
        *,
        start: int | None = None,
        end: int | None = None,
        after: tuple[int, int] | None = None,
        before: tuple[int, int] | None = None,
        descending: bool = False,
        limit: int,
    ) -> list[Event]:
        """Events of a stream that have not expired.

        start: timestamp >= start. end: timestamp < end. after, before: strictly past that (timestamp, id).
        """
        horizon = self.horizon(group)
        earliest = horizon if start is None else max(start / 1000, horizon or 0.0)
        rows = self.store.entries.read(
            event_space(group, stream),
            start=earliest,
            end=None if end is None else end / 1000,
            after=None if after is None else (after[0] / 1000, after[1]),
            before=None if before is None else (before[0] / 1000, before[1]),
            descending=descending,
            limit=limit,
        )
        return [_event(*row) for row in rows]

    def append(self, group: Document, stream: str, events: Iterable[tuple[int, str]], now: float) -> None:
        """events: (timestamp, message) pairs."""
        ingested = milliseconds(now)
        rows = ((at / 1000, f"{ingested} {message}") for at, message in events)
        self.store.entries.append(event_space(group, stream), rows)

    def horizon(self, group: Document) -> float | None:
        """Events before this time have expired, epoch seconds; None where nothing expires."""
        days = group.body.get("retentionInDays")
        return None if days is None else self.clock.now() - days * _DAY

    def expire(self, group: Document, stream: str, horizon: float, limit: int) -> int:
        """Delete up to limit events from before horizon (epoch seconds); how many went."""
        space = event_space(group, stream)
        with self.store.transaction():
            present = self.store.documents.get(stream_space(group), stream)
            latest = self.store.documents.get(group.space, group.key)
            gone = [_event(*row) for row in self.store.entries.read(space, end=horizon, limit=limit)]
            if not gone or present is None or latest is None:
                return 0
            self.store.entries.delete(space, before=horizon, limit=limit)
            size = sum(counted(event.message) for event in gone)
            left = self.store.entries.read(space, limit=1)
            first = round(left[0].at * 1000) if left else present.body["last"]
            body = {**present.body, "first": first, "bytes": max(0, present.body.get("bytes", 0) - size)}
            self.store.documents.update(present, body=body)
            stored = max(0, latest.body["storedBytes"] - size)
            self.store.documents.update(latest, body={**latest.body, "storedBytes": stored})
            return len(gone)

    def forget(self, group: Document, stream: str) -> None:
        """Delete a stream and its events."""
        self.store.documents.delete(stream_space(group), stream)
        self.store.entries.delete(event_space(group, stream))


def group_name(identifier: str) -> str:
    """The name in a group's ARN, with or without its ``:*``; a name as it is."""
    if not identifier.startswith("arn:"):
        return identifier
    resource = Arn.parse(identifier).resource if identifier.count(":") >= 5 else ""
    return resource.removeprefix("log-group:").removesuffix(":*")


def group_arn(group: Document) -> str:
    """Without the ``:*`` that policies take."""
    return str(Arn("logs", group.space.region, group.space.account, f"log-group:{group.key}"))


def stream_space(group: Document) -> Space:
    return Space("logs.stream", group.space.account, group.space.region, group.key)


def filter_space(group: Document) -> Space:
    return Space("logs.filter", group.space.account, group.space.region, group.key)


def event_space(group: Document, stream: str) -> Space:
    """Group names have no colon and neither have stream names, so the parent is unambiguous."""
    return Space("logs.event", group.space.account, group.space.region, f"{group.key}:{stream}")


def _event(id: int, at: float, body: str) -> Event:
    ingested, _, message = body.partition(" ")
    return Event(round(at * 1000), id, int(ingested), message)
