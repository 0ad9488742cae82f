"""What every List operation does alike: filters by name, status and time, sorting, paging."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

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

    order: SortOrder where the caller names none. size: MaxResults where the caller names none.
    """

    order: Literal["Ascending", "Descending"] = "Descending"
    sort: str = "CreationTime"
    size: int = 10
    sorts: Mapping[str, OrderBy] = field(default_factory=lambda: _SORTS)

    def run(
        self, store: Store, space: Space, request: Mapping[str, Any], now: float
    ) -> tuple[Sequence[Document], str | None]:
        """A page of documents and the token for the next.

        request: the AWS-cased members (NameContains, StatusEquals, CreationTimeAfter and its kin, SortBy, SortOrder,
        MaxResults, NextToken); times are exclusive bounds. What is created after the first page was read is on no
        later page, so pages of a list that grows at its head do not overlap. Raises AwsError on a foreign token.
        """
        offset, first_read = decode_token(request.get("NextToken")) or (0, None)
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
            order=self.sorts[request.get("SortBy", self.sort)],
            descending=request.get("SortOrder", self.order) == "Descending",
            limit=limit + 1,
            offset=offset,
        )
        return page(found, limit, [offset + limit, now if first_read is None else first_read])


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
