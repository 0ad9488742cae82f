"""What every List operation does alike: filters by name, status and time, sorting, paging."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sagewright.core.errors import AwsError
from sagewright.kit.paging import decode_token, page
from sagewright.store import Document, Space, Store
from sagewright.store.documents import OrderBy

_SORTS: Mapping[str, OrderBy] = {
    "Name": "key",
    "CreationTime": "created",
    "LastModifiedTime": "modified",
    "Status": "status",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """The data of one List operation.

    order: SortOrder where the caller names none. size: MaxResults where the caller names none. part: the member of
    each document's body that is looked at; empty for the whole of it.
    """

    order: Literal["Ascending", "Descending"] = "Descending"
    sort: str = "CreationTime"
    size: int = 10
    part: str = ""
    sorts: Mapping[str, OrderBy] = field(default_factory=lambda: _SORTS)

    def run(
        self, store: Store, space: Space, request: Mapping[str, Any], now: float
    ) -> tuple[Sequence[Document], str | None]:
        """A page of documents and the token for the next.

        request: the AWS-cased members (NameContains, StatusEquals, CreationTimeAfter and its kin, SortBy, SortOrder,
        MaxResults, NextToken); times are exclusive bounds. A token says where its page ended: what is created after
        the first page was read is on no later page, and what goes meanwhile hides nothing. Raises AwsError on a
        foreign token.
        """
        order = self.sorts[request.get("SortBy", self.sort)]
        past, first_read = _position(request.get("NextToken"), order)
        before = _seconds(request.get("CreationTimeBefore"))
        if first_read is not None:
            bound = math.nextafter(first_read, math.inf)
            before = bound if before is None else min(before, bound)
        limit = request.get("MaxResults", self.size)
        found = store.documents.find(
            space,
            contains=request.get("NameContains", ""),
            status=request.get("StatusEquals", ""),
            created=(_seconds(request.get("CreationTimeAfter")), before),
            modified=(_seconds(request.get("LastModifiedTimeAfter")), _seconds(request.get("LastModifiedTimeBefore"))),
            order=order,
            descending=request.get("SortOrder", self.order) == "Descending",
            past=past,
            part=self.part,
            limit=limit + 1,
        )
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        position = [order, getattr(last, order), last.key, now if first_read is None else first_read]
        return page(found, limit, position)


def _position(token: str | None, order: OrderBy) -> tuple[tuple[float | str, str] | None, float | None]:
    """Where the page before ended, as Documents.find takes it, and when the first one was read.

    Raises AwsError for a token of another list, or of one in another order.
    """
    match decode_token(token):
        case None:
            return None, None
        case [str(by), (str() | float()) as value, str(key), float(first_read)] if by == order and (
            isinstance(value, float) == (order in ("created", "modified"))
        ):
            return (value, key), first_read
        case _:
            raise AwsError("ValidationException", "Invalid NextToken.")


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
