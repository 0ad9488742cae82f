"""Marker and Limit, as KMS pages its lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sagewright.core.errors import AwsError
from sagewright.kit.paging import decode_token, encode_token

_Item = TypeVar("_Item")


def paged(items: Sequence[_Item], marker: str | None, limit: int) -> tuple[Sequence[_Item], dict[str, Any]]:
    """A page of items, and the Truncated and NextMarker members that go with it. Raises InvalidMarkerException."""
    start = decode_token(marker, code="InvalidMarkerException") or 0
    if not isinstance(start, int) or start < 0:
        raise AwsError("InvalidMarkerException", "Invalid marker.")
    if start + limit >= len(items):
        return items[start:], {"Truncated": False}
    return items[start : start + limit], {"Truncated": True, "NextMarker": encode_token(start + limit)}
