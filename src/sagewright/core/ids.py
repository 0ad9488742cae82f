"""Identifiers in the forms AWS uses."""

from __future__ import annotations

import secrets
import string
import uuid

_UPPER_ALNUM = string.ascii_uppercase + string.digits


def request_id() -> str:
    """A request id as x-amzn-RequestId carries it (a UUID)."""
    return str(uuid.uuid4())


def unique_id(prefix: str, length: int = 17) -> str:
    """An IAM-style unique id, ``AROA`` + 17 capitals and digits."""
    return prefix + "".join(secrets.choice(_UPPER_ALNUM) for _ in range(length))


def short_id(length: int = 12) -> str:
    """A random lower-case hex id."""
    return secrets.token_hex((length + 1) // 2)[:length]
