"""ListObjects, ListObjectsV2, ListObjectVersions.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, encode_token
from sagewright.services.s3 import errors
from sagewright.services.s3.objects.headers import storage_class, whole_seconds
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


def walk(
    store: Store,
    space: Space,
    *,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
    name: Callable[[str], str] = str,
) -> Listed:
    """A page of at most limit keys and common prefixes, greater than after, in the order of their UTF-8 bytes.

    Keys under one common prefix are passed over with one seek in the index. name: what a key is called.
    """
    page = Listed()
    rolled = _common_prefix(name(after), prefix, delimiter)
    at = rolled + LAST if rolled else after
    size = _FIRST_BATCH if delimiter else limit + 1
    while limit:
        batch = store.documents.find(space, prefix=prefix, after=at, limit=size)
        passed = 0
        for document in batch:
            key = document.key
            common = _common_prefix(name(key), prefix, delimiter)
            if common and common == rolled:
                passed += 1
                continue
            if len(page) == limit:
                page.truncated = True
                return page
            if common:
                rolled = common
                page.prefixes.append(common)
            else:
                page.documents.append(document)
            page.last = common or key
        if len(batch) < size:
            break
        at = batch[-1].key
        if rolled and at.startswith(rolled):
            at = rolled + LAST
        size = _FIRST_BATCH if passed > size // 2 else min(size * 2, _MAX_KEYS + 1)
    return page


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """What key is rolled up into; empty where it stands for itself."""
    if not delimiter or not key.startswith(prefix):
        return ""
    at = key.find(delimiter, len(prefix))
    return key[: at + len(delimiter)] if at >= 0 else ""


class Listing:
    """The listings of a bucket's current objects."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def list_objects(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        request = ctx.request
        marker = request.get("Marker") or ""
        page, shown = self._page(ctx, bucket, marker, with_owner=True)
        encode = encoder(request)
        shown["Marker"] = encode(marker)
        if page.truncated and request.get("Delimiter"):
            shown["NextMarker"] = encode(page.last)
        return shown

    @operation()
    def list_objects_v2(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        request = ctx.request
        token = request.get("ContinuationToken")
        start = request.get("StartAfter")
        if token is not None:
            after = decode_token(token, code="InvalidArgument")
            if not isinstance(after, str):
                raise errors.invalid_argument(
                    "The continuation token provided is incorrect", "continuation-token", token
                )
        else:
            after = start or ""
        page, shown = self._page(ctx, bucket, after, with_owner=bool(request.get("FetchOwner")))
        return shown | {
            "KeyCount": len(page),
            "ContinuationToken": token,
            "NextContinuationToken": encode_token(page.last) if page.truncated else None,
            "StartAfter": encoder(request)(start) if start is not None else None,
        }

    @operation()
    def list_object_versions(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        """Each object has one version, ``null``, as in a bucket that never had versioning."""
        request = ctx.request
        marker = request.get("KeyMarker") or ""
        encode = encoder(request)
        page, shown = self._page(ctx, bucket, marker, with_owner=True)
        versions = shown.pop("Contents")
        for document, version in zip(page.documents, versions, strict=True):
            version |= {"VersionId": document.body["VersionId"], "IsLatest": True}
        last = page.documents[-1] if page.documents and page.documents[-1].key == page.last else None
        return shown | {
            "Versions": versions,
            "KeyMarker": encode(marker),
            "VersionIdMarker": request.get("VersionIdMarker") or "",
            "NextKeyMarker": encode(page.last) if page.truncated else None,
            "NextVersionIdMarker": last.body["VersionId"] if page.truncated and last is not None else None,
        }

    def _page(self, ctx: Context, bucket: str, after: str, *, with_owner: bool) -> tuple[Listed, dict[str, Any]]:
        """The page, and the output members both listings share."""
        request = ctx.request
        home = self._records.bucket(ctx, bucket)
        prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
        limit = checked_limit(request.get("MaxKeys"), "max-keys", "maxKeys")
        encode = encoder(request)
        store = self._records.store
        page = walk(store, objects(bucket), prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        holder = owner(home.body["Account"]) if with_owner else None
        return page, {
            "Name": bucket,
            "Prefix": encode(prefix),
            "Delimiter": encode(delimiter) if delimiter else None,
            "MaxKeys": limit,
            "EncodingType": request.get("EncodingType"),
            "IsTruncated": page.truncated,
            "Contents": [_content(document, encode, holder) for document in page.documents],
            "CommonPrefixes": [{"Prefix": encode(common)} for common in page.prefixes],
        }


def checked_limit(value: int | None, argument: str, spelled: str) -> int:
    """A page's size, at most 1,000. Raises AwsError InvalidArgument."""
    if value is None:
        return _MAX_KEYS
    if value < 0:
        message = f"Argument {spelled} must be an integer between 0 and 2147483647"
        raise errors.invalid_argument(message, argument, value)
    return min(value, _MAX_KEYS)


def encoder(request: dict[str, Any]) -> Callable[[str], str]:
    """How keys are written in the answer. Raises AwsError InvalidArgument."""
    kind = request.get("EncodingType")
    if kind not in (None, "url"):
        raise errors.invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return _url if kind else str


def _url(text: str) -> str:
    return quote_plus(text, safe="/")


def _content(document: Document, encode: Callable[[str], str], holder: dict[str, str] | None) -> dict[str, Any]:
    body = document.body
    return {
        "Key": encode(document.key),
        "LastModified": whole_seconds(body["LastModified"]),
        "ETag": f'"{body["ETag"]}"',
        "ChecksumAlgorithm": list(body["Checksums"]),
        "ChecksumType": body["ChecksumType"],
        "Size": body["Size"],
        "StorageClass": storage_class(body),
        "Owner": holder,
    }
