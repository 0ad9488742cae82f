"""Conditional requests: If-Match and its kin on reads, copies, writes and deletes.

Precedence: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sagewright.core.clock import as_datetime
from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors
from sagewright.services.s3.objects.headers import whole_seconds
from sagewright.services.s3.records import Condition, no_condition
from sagewright.services.s3.versions import is_marker
from sagewright.store import Document


def matches(header: str, etag: str) -> bool:
    """Whether a list of ETags, or ``*``, holds this one (given without quotes)."""
    wanted = (item.strip().removeprefix("W/").strip('"') for item in header.split(","))
    return header.strip() == "*" or etag in wanted


def check_read(request: dict[str, Any], body: dict[str, Any]) -> None:
    """The conditions of a GET or HEAD. Raises AwsError 412, or 304 with the headers that answer carries."""
    failed = _failed(request, body, "")
    if failed in ("IfMatch", "IfUnmodifiedSince"):
        raise errors.precondition_failed(_HEADERS[failed])
    if failed:
        modified = as_datetime(body["LastModified"]).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = {"ETag": f'"{body["ETag"]}"', "Last-Modified": modified}
        raise AwsError("NotModified", "Not Modified", 304, headers=headers)


def check_copy_source(request: dict[str, Any], body: dict[str, Any]) -> None:
    """The conditions of a copy on its source. Raises AwsError 412."""
    failed = _failed(request, body, "CopySource")
    if failed:
        raise errors.precondition_failed(f"x-amz-copy-source-{_HEADERS[failed]}")


_HEADERS = {
    "IfMatch": "If-Match",
    "IfNoneMatch": "If-None-Match",
    "IfModifiedSince": "If-Modified-Since",
    "IfUnmodifiedSince": "If-Unmodified-Since",
}


def _failed(request: dict[str, Any], body: dict[str, Any], prefix: str) -> str | None:
    """The condition that does not hold: a match on the ETag outweighs the date beside it."""
    modified = as_datetime(whole_seconds(body["LastModified"]))
    if_match = request.get(f"{prefix}IfMatch")
    unmodified: datetime | None = request.get(f"{prefix}IfUnmodifiedSince")
    if if_match is not None:
        if not matches(if_match, body["ETag"]):
            return "IfMatch"
    elif unmodified is not None and modified > unmodified:
        return "IfUnmodifiedSince"
    if_none_match = request.get(f"{prefix}IfNoneMatch")
    since: datetime | None = request.get(f"{prefix}IfModifiedSince")
    if if_none_match is not None:
        return "IfNoneMatch" if matches(if_none_match, body["ETag"]) else None
    return "IfModifiedSince" if since is not None and modified <= since else None


def on_write(request: dict[str, Any], key: str) -> Condition:
    """The conditions of a PUT, copy or Complete on what it replaces. Raises AwsError for forms S3 does not take."""
    if_match, if_none_match = request.get("IfMatch"), request.get("IfNoneMatch")
    if if_none_match is not None and if_none_match.strip() != "*":
        more = {"additionalMessage": "We don't accept the provided value of If-None-Match header for this API"}
        raise errors.unsupported_header("If-None-Match", **more)
    if if_match is not None and if_none_match is not None:
        more = {"additionalMessage": "Multiple conditional request headers present in the request"}
        raise errors.unsupported_header("If-Match,If-None-Match", **more)
    if if_match is None and if_none_match is None:
        return no_condition

    return _OnWrite(key, if_match)


class _OnWrite:
    """Looked at before the body is taken in and again when it is there: an object may be deleted in between."""

    def __init__(self, key: str, if_match: str | None) -> None:
        self._key = key
        self._if_match = if_match
        self._held = False

    def __call__(self, present: Document | None) -> None:
        if self._if_match is None:
            if present is not None:
                raise errors.precondition_failed("If-None-Match")
        elif present is None:
            raise errors.conditional_conflict(self._key) if self._held else errors.no_such_key(self._key)
        elif not matches(self._if_match, present.body["ETag"]):
            raise errors.precondition_failed("If-Match")
        self._held = True


def on_delete(etag: str | None, key: str) -> Condition:
    """The condition of a delete: the ETag it expects, or ``*`` for any."""
    if etag is None:
        return no_condition

    def condition(present: Document | None) -> None:
        if present is None:
            raise errors.no_such_key(key)
        if is_marker(present.body) or not matches(etag, present.body["ETag"]):
            raise errors.precondition_failed("If-Match")

    return condition
