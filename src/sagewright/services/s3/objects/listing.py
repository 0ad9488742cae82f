"""ListObjects and ListObjectsV2.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, encode_token
from sagewright.services.s3 import archive, errors
from sagewright.services.s3.access.ownership import Holder, holder
from sagewright.services.s3.objects.headers import storage_class, whole_seconds
from sagewright.services.s3.objects.walking import MAX_KEYS, Listed, walk
from sagewright.services.s3.records import Records, objects

_PLAIN = re.compile(r"[A-Za-z0-9_.\-~/]*")


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
        fetch_owner = bool(request.get("FetchOwner"))
        page, shown = self._page(ctx, bucket, after, with_owner=fetch_owner, inside=token is None)
        return shown | {
            "KeyCount": len(page),
            "ContinuationToken": token,
            "NextContinuationToken": encode_token(page.last) if page.truncated else None,
            "StartAfter": encoder(request)(start) if start is not None else None,
        }

    def _page(
        self, ctx: Context, bucket: str, after: str, *, with_owner: bool, inside: bool = False
    ) -> tuple[Listed, dict[str, Any]]:
        """The page, and the output members both listings share. inside: see walking.page()."""
        request = ctx.request
        home = self._records.bucket(ctx, bucket)
        asked = Asked.of(request)
        page = walk(
            self._records.store,
            objects(bucket),
            prefix=asked.prefix,
            delimiter=asked.delimiter,
            after=after,
            limit=asked.limit,
            inside=inside,
        )
        holders = holder(home) if with_owner else None
        content = contents(request, asked.encode, holders, self._records.clock.now())
        return page, asked.shown(bucket, page) | {"Contents": [content(item.key, item.body) for item in page.documents]}


@dataclass(frozen=True, slots=True)
class Asked:
    """What all listings of objects are asked for."""

    prefix: str
    delimiter: str
    limit: int
    encoding: str | None
    encode: Callable[[str], str]

    @classmethod
    def of(cls, request: dict[str, Any]) -> Asked:
        """Raises AwsError InvalidArgument."""
        limit = checked_limit(request.get("MaxKeys"), "max-keys", "maxKeys")
        prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
        return cls(prefix, delimiter, limit, request.get("EncodingType"), encoder(request))

    def shown(self, bucket: str, page: Listed) -> dict[str, Any]:
        """The output members they share."""
        return {
            "Name": bucket,
            "Prefix": self.encode(self.prefix),
            "Delimiter": self.encode(self.delimiter) if self.delimiter else None,
            "MaxKeys": self.limit,
            "EncodingType": self.encoding,
            "IsTruncated": page.truncated,
            "CommonPrefixes": [{"Prefix": self.encode(common)} for common in page.prefixes],
        }


def contents(
    request: dict[str, Any], encode: Callable[[str], str], holders: Holder | None, now: float
) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Makes the entry of an object in a listing from its key and its document's body. Raises AwsError."""
    wanted = request.get("OptionalObjectAttributes") or []
    if not set(wanted) <= {"RestoreStatus"}:
        message = "Invalid attribute name specified."
        raise errors.invalid_argument(message, "x-amz-optional-object-attributes", ",".join(wanted))

    def content(key: str, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "Key": encode(key),
            "LastModified": whole_seconds(body["LastModified"]),
            "ETag": f'"{body["ETag"]}"',
            "ChecksumAlgorithm": list(body["Checksums"]),
            "ChecksumType": body["ChecksumType"],
            "Size": body["Size"],
            "StorageClass": storage_class(body),
            "Owner": holders(body) if holders is not None else None,
        }
        if wanted and (until := archive.restored_until(body, now)) is not None:
            found["RestoreStatus"] = {"IsRestoreInProgress": False, "RestoreExpiryDate": until}
        return found

    return content


def checked_limit(value: int | None, argument: str, spelled: str) -> int:
    """A page's size, at most 1,000. Raises AwsError InvalidArgument."""
    if value is None:
        return MAX_KEYS
    if value < 0:
        message = f"Argument {spelled} must be an integer between 0 and 2147483647"
        raise errors.invalid_argument(message, argument, value)
    return min(value, MAX_KEYS)


def encoder(request: dict[str, Any]) -> Callable[[str], str]:
    """How keys are written in the answer. Raises AwsError InvalidArgument."""
    kind = request.get("EncodingType")
    if kind not in (None, "url"):
        raise errors.invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return _url if kind else str


def _url(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_plus(text, safe="/")
