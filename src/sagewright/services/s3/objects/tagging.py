"""Tags of objects.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors
from sagewright.services.s3.records import Records

MAX_OBJECT_TAGS = 10
_MAX_KEY, _MAX_VALUE = 128, 256


def parse_header(header: str | None) -> dict[str, Any]:
    """The Tags member of an object's document from ``x-amz-tagging`` (``a=1&b=2``); empty without tags."""
    if not header:
        return {}
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without "
        raise errors.invalid_argument(f"{message}tag name duplicates.", "x-amz-tagging", header) from None
    return {"Tags": check([{"Key": key, "Value": value} for key, value in pairs], MAX_OBJECT_TAGS)}


def check(tags: list[dict[str, str]], most: int) -> dict[str, str]:
    """A tag set as a dict. Raises AwsError InvalidTag, BadRequest."""
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not key or len(key) > _MAX_KEY:
            raise AwsError("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > _MAX_VALUE:
            raise AwsError("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidTag", "System tags cannot be added/updated by requester", TagKey=key)
        if key in found:
            raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key)
        found[key] = value
    if len(found) > most:
        noun = "Object" if most == MAX_OBJECT_TAGS else "Bucket"
        raise AwsError("BadRequest", f"{noun} tags cannot be greater than {most}")
    return found


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Tagging:
    """GetObjectTagging and its kin."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def get_object_tagging(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        document = self._records.get(ctx, bucket, key)
        return {
            "TagSet": listed(document.body.get("Tags", {})),
            "VersionId": self._records.told_version(bucket, document),
        }

    @operation()
    def put_object_tagging(
        self, ctx: Context, bucket: str, key: str, tagging: dict[str, Any], **members: Any
    ) -> dict[str, Any]:
        tags = check(tagging.get("TagSet") or [], MAX_OBJECT_TAGS)
        return self._set(ctx, bucket, key, tags)

    @operation()
    def delete_object_tagging(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        return self._set(ctx, bucket, key, {})

    def _set(self, ctx: Context, bucket: str, key: str, tags: dict[str, str]) -> dict[str, Any]:
        document = self._records.get(ctx, bucket, key)
        self._records.store.documents.update(document, body={**document.body, "Tags": tags})
        return {"VersionId": self._records.told_version(bucket, document)}
