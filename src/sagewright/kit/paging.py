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


def decode_token(token: str | None, form: type | None = None, *, code: str = "ValidationException") -> Any:
    """The position in a token, None for none. Raises AwsError for a token we did not make.

    form: what positions of this list are, int for those counted from 0; without it, the caller looks for itself.
    """
    if not token:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(token.encode()))
        json.dumps(position, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (binascii.Error, ValueError, RecursionError):
        raise AwsError(code, "Invalid NextToken.") from None
    if form is None or (type(position) is form and not (isinstance(position, int) and position < 0)):
        return position
    raise AwsError(code, "Invalid NextToken.")


def page(found: Sequence[_Item], limit: int, position: Any) -> tuple[Sequence[_Item], str | None]:
    """Split what a query for limit + 1 items found into the page and, where more is left, the token for the next."""
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_token(position)
