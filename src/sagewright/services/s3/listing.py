"""ListObjects and ListObjectsV2.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, encode_token
from sagewright.services.s3 import errors
from sagewright.services.s3.headers import storage_class, whole_seconds
from sagewright.services.s3.records import Records, objects, owner
from sagewright.store import Document, Space, Store

_MAX_KEYS = 1000
_FIRST_BATCH = 32
LAST = "\U0010ffff"
"""Sorts after everything a prefix may be followed by."""


@dataclass(slots=True)
class Listed:
    """One page: documents and common prefixes, each in order; last: the greater of the last of both."""

    documents: list[Document] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""

    def __len__(self) -> int:
        return len(self.documents) + len(self.prefixes)


def walk(store: Store, space: Space, *, prefix: str, delimiter: str, after: str, limit: int) -> Listed:
    """A page of at most limit keys and common prefixes, greater than after, in the order of their UTF-8 bytes.

    Keys under one common prefix are passed over with one seek in the index.
    """
    page = Listed()
    rolled = _common_prefix(after, prefix, delimiter)
    for document in _Cursor(store, space, prefix, after, limit + 1).run():
        key = document.key
        common = _common_prefix(key, prefix, delimiter)
        if common and common == rolled:
            continue
        if len(page) >= limit:
            page.truncated = True
            break
        if common:
            rolled = common
            page.prefixes.append(common)
        else:
            page.documents.append(document)
        page.last = common or key
    return page


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """What key is rolled up into; empty where it stands for itself."""
    if not delimiter or not key.startswith(prefix):
        return ""
    at = key.find(delimiter, len(prefix))
    return key[: at + len(delimiter)] if at >= 0 else ""
