"""A page of a listing: keys in the order of their UTF-8 bytes, rolled up at a delimiter.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sagewright.store import Document, Space, Store

MAX_KEYS = 1000
LAST = "\U0010ffff"
"""Sorts after nearly everything a prefix may be followed by."""
_FIRST_BATCH = 32

Fetch = Callable[[str, int], list[tuple[str, Document]]]
"""At least so many documents after a place, with their own places, in order; fewer only where there are no more."""


@dataclass(slots=True)
class Listed:
    """One page: documents and common prefixes, each in order; last: the place of the last of both."""

    documents: list[Document] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""

    def __len__(self) -> int:
        return len(self.documents) + len(self.prefixes)


def walk(
    store: Store,
    space: Space,
    *,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
    name: Callable[[str], str] = str,
    inside: bool = False,
) -> Listed:
    """A page of at most limit keys and common prefixes of a space. See page()."""

    def fetch(at: str, size: int) -> list[tuple[str, Document]]:
        return [(found.key, found) for found in store.documents.find(space, prefix=prefix, after=at, limit=size)]

    return page(fetch, prefix=prefix, delimiter=delimiter, after=after, limit=limit, name=name, inside=inside)


def page(
    fetch: Fetch,
    *,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
    name: Callable[[str], str] = str,
    inside: bool = False,
) -> Listed:
    """A page of at most limit documents and common prefixes, with places greater than after.

    Keys under one common prefix are passed over with one seek in the index. name: the key of a place.
    inside: whether a common prefix that after lies in is told; a marker's has been told before.
    """
    if not delimiter:
        return _plain(fetch, after, limit)
    listed = Listed()
    rolled = "" if inside else _common_prefix(name(after), prefix, delimiter)
    at = max(after, rolled + LAST) if rolled else after
    size = _FIRST_BATCH
    while limit:
        batch = fetch(at, size)
        passed = 0
        for place, document in batch:
            common = _common_prefix(name(place), prefix, delimiter)
            if common and common == rolled:
                passed += 1
                continue
            if len(listed) == limit:
                listed.truncated = True
                return listed
            if common:
                rolled = common
                listed.prefixes.append(common)
            else:
                listed.documents.append(document)
            listed.last = common or place
        if len(batch) < size:
            break
        at = batch[-1][0]
        if rolled and at.startswith(rolled):
            at = max(at, rolled + LAST)
        size = _FIRST_BATCH if passed > size // 2 else min(size * 2, MAX_KEYS + 1)
    return listed


def _plain(fetch: Fetch, after: str, limit: int) -> Listed:
    batch = fetch(after, limit + 1) if limit else []
    told = batch[:limit]
    return Listed([document for _, document in told], [], len(batch) > limit, told[-1][0] if told else "")


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """What key is rolled up into; empty where it stands for itself."""
    if not delimiter or not key.startswith(prefix):
        return ""
    at = key.find(delimiter, len(prefix))
    return key[: at + len(delimiter)] if at >= 0 else ""
