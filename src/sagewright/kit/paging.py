"""Opaque NextToken values."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from sagewright.core.errors import AwsError

_Item = TypeVar("_Item")


def encode_token(position: Any) -> str:
    """A token that holds a JSON-able position."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode()


def decode_token(token: str | None, *, code: str = "ValidationException") -> Any:
    """The position in a token, None for none. Raises AwsError for a token we did not make."""
    if not token:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError):
        raise AwsError(code, "Invalid NextToken.") from None


def page(found: Sequence[_Item], limit: int, position: Any) -> tuple[Sequence[_Item], str | None]:
    """Split what a query for limit + 1 items found into the page and, where more is left, the token for the next."""
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_token(position)
