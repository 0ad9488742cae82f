"""Search and GetSearchSuggestions, over every kind of resource that is here.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, encode_token
from sagewright.kit.tags import Tags
from sagewright.services.sagemaker.search import filters
from sagewright.services.sagemaker.search.filters import Predicate, as_number
from sagewright.services.sagemaker.search.properties import Property, Record, find_property
from sagewright.store import Document, Space, Store
from sagewright.wire import models

if TYPE_CHECKING:
    from botocore.model import StructureShape

_AT_ONCE = 100
"""Documents between two looks at other requests."""
_PAGE = 10
_SORTS = ("LastModifiedTime", "CreationTime")
"""The property that sorts where none is named: the first that the resource has."""

_Place = tuple[tuple[int, float, str], str]
"""Where a resource is in the order: what _rank says, and its name."""


@dataclass(frozen=True, slots=True)
class Searchable:
    """A kind of resource as Search has it.

    resource: its name in a request. member: of SearchRecord. kind: of its documents. arn, described: of a document,
    ARN and record without tags. wrapped: the member of the record that holds the resource itself.
    """

    resource: str
    member: str
    kind: str
    arn: Callable[[Document], str]
    described: Callable[[Document], Mapping[str, Any]]
    wrapped: str = ""


class Search:
    """Looks at every document of a kind: what may be asked of them is more than an index could hold."""

    def __init__(self, store: Store, tags: Tags, kinds: Iterable[Searchable]) -> None:
        self._store = store
        self._tags = tags
        self._kinds = {kind.resource: kind for kind in kinds}

    @operation()
    async def search(
        self,
        ctx: Context,
        resource: str,
        search_expression: Mapping[str, Any] | None = None,
        sort_by: str = "",
        sort_order: str = "Descending",
        next_token: str | None = None,
        max_results: int = _PAGE,
        cross_account_filter_option: str = "SameAccount",
        visibility_conditions: Iterable[Mapping[str, str]] = (),
    ) -> dict[str, Any]:
        kind = self._kind(ctx, resource)
        shape = _shape(kind)
        test = _test(shape, search_expression, visibility_conditions)
        asked = [*filters.names(search_expression or {}), *(each["Key"] for each in visibility_conditions)]
        found_by = find_property(shape, sort_by) if sort_by else _default_sort(shape)
        past = _position(next_token, resource, found_by)
        if cross_account_filter_option == "CrossAccount":
            return {"Results": []}  # no other account has made anything discoverable to this one
        tagged = any("Tags" in name.split(".") for name in (*asked, found_by.name))
        descending = sort_order == "Descending"
        places: list[_Place] = []
        async for document in self._documents(ctx, kind):
            record = self._record(kind, document, tagged=tagged)
            if test(record):
                places.append((_rank(found_by, record, missing=-1 if descending else 1), document.key))
        if past is not None:
            places = [place for place in places if (place < past if descending else place > past)]
        page = (heapq.nlargest if descending else heapq.nsmallest)(max_results + 1, places)
        token = None
        if len(page) > max_results:
            page = page[:max_results]
            token = encode_token([resource, found_by.name, *page[-1]])
        return {"Results": list(self._results(ctx, kind, [key for _, key in page])), "NextToken": token}

    @operation()
    async def get_search_suggestions(
        self, ctx: Context, resource: str, suggestion_query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Hyperparameters, tags and metrics whose names, or last words, begin with the hint."""
        kind = self._kind(ctx, resource)
        hint = (suggestion_query or {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "").lower()
        names: set[str] = set()
        async for document in self._documents(ctx, kind):
            names.update(_free_names(self._record(kind, document, tagged=True)))
        fitting = [
            name
            for name in sorted(names)
            if name.lower().startswith(hint) or name.partition(".")[2].lower().startswith(hint)
        ]
        return {"PropertyNameSuggestions": [{"PropertyName": name} for name in fitting]}

    def _kind(self, ctx: Context, resource: str) -> Searchable:
        if resource not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise AwsError(
                "NotImplemented",
                f"Sagewright does not implement {ctx.service}.{ctx.operation} over {resource} yet, but over {known}.",
                501,
            )
        return self._kinds[resource]

    async def _documents(self, ctx: Context, kind: Searchable) -> AsyncIterator[Document]:
        """All of a kind, with room for other requests in between."""
        space, after = Space(kind.kind, ctx.account, ctx.region), ""
        while found := self._store.documents.find(space, after=after, limit=_AT_ONCE):
            for document in found:
                yield document
            after = found[-1].key
            await asyncio.sleep(0)

    def _record(self, kind: Searchable, document: Document, *, tagged: bool) -> dict[str, Any]:
        record = dict(kind.described(document))
        if tagged:
            record["Tags"] = self._tags.list(kind.arn(document))
        return {kind.wrapped: record} if kind.wrapped else record

    def _results(self, ctx: Context, kind: Searchable, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Of what is still there."""
        space = Space(kind.kind, ctx.account, ctx.region)
        members = _shape(kind).members
        for key in keys:
            document = self._store.documents.get(space, key)
            if document is not None:
                record = self._record(kind, document, tagged=True)
                yield {kind.member: {name: value for name, value in record.items() if name in members}}


def _shape(kind: Searchable) -> StructureShape:
    results = models.operation("sagemaker", "Search").output_shape.members["Results"]
    shape: StructureShape = results.member.members[kind.member]
    return shape


def _test(
    shape: StructureShape, expression: Mapping[str, Any] | None, visibility: Iterable[Mapping[str, str]]
) -> Predicate:
    tests = [] if expression is None else [filters.predicate(shape, expression)]
    for condition in visibility:
        key = condition.get("Key", "")
        if not key.startswith("Tags.") or key == "Tags.":
            raise AwsError(
                "ValidationException", f"The Key of a visibility condition must be Tags.<key>, and it is {key}."
            )
        conditions = [{"Name": key, "Operator": "Equals", "Value": condition.get("Value", "")}]
        tests.append(filters.predicate(shape, {"Filters": conditions}))
    return lambda record: all(test(record) for test in tests)


def _default_sort(shape: StructureShape) -> Property:
    for name in _SORTS[:-1]:
        if name in shape.members:
            return find_property(shape, name)
    return find_property(shape, _SORTS[-1])


def _rank(by: Property, record: Record, *, missing: int) -> tuple[int, float, str]:
    """Where a record is among others. missing: of those without the property, below or above 0."""
    value = next(by.values(record), None)
    if value is None:
        return missing, 0.0, ""
    number = as_number(value) if by.kind != "text" else None
    return (0, 0.0, str(value)) if number is None else (0, number, "")


def _position(token: str | None, resource: str, by: Property) -> _Place | None:
    """Where the page before ended. Raises AwsError for a token of another search."""
    match decode_token(token):
        case None:
            return None
        case [str(of), str(name), [int(flag), float(number), str(text)], str(key)] if (of, name) == (resource, by.name):
            return (flag, number, text), key
        case _:
            raise AwsError("ValidationException", "Invalid NextToken.")


def _free_names(record: Record) -> Iterator[str]:
    """The names in a record that no model knows."""
    yield from (f"HyperParameters.{name}" for name in record.get("HyperParameters") or ())
    yield from (f"Metrics.{each['MetricName']}" for each in record.get("FinalMetricDataList") or ())
    yield from (f"Tags.{each['Key']}" for each in record.get("Tags") or ())
