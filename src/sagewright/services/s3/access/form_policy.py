"""The policy of an upload by form: until when it holds, and what the form's fields must be.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.s3.storage.expected import MAX_PUT, too_large

_EXEMPT = ("file", "policy", "x-amz-signature", "signature", "awsaccesskeyid")
_LENGTH = "content-length-range"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes that the file may have."""

    least: int = 0
    most: int = MAX_PUT

    def check(self, size: int, *, whole: bool) -> None:
        """whole: no more comes. Raises AwsError EntityTooLarge, EntityTooSmall."""
        if size > self.most:
            error = too_large(size)
            error.members["MaxSizeAllowed"] = self.most
            raise error
        if whole and size < self.least:
            message = "Your proposed upload is smaller than the minimum allowed size"
            raise AwsError("EntityTooSmall", message, ProposedSize=size, MinSizeAllowed=self.least)


def check(text: str, sent: Mapping[str, str], bucket: str, now: float) -> Sizes:
    """What a policy says of a form with these fields (names in lower case).

    text: base64. Raises AwsError InvalidPolicyDocument (400), AccessDenied (403).
    """
    document = _load(text)
    if _moment(document) <= now:
        raise _against("Policy expired.")
    conditions = document.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("Policy missing conditions.")
    sizes = Sizes()
    named = set()
    for condition in conditions:
        operator, name, value = _normal(condition)
        if operator == _LENGTH:
            sizes = Sizes(max(sizes.least, int(name)), min(sizes.most, int(value)))
            continue
        field = str(name)[1:].lower()
        named.add(field)
        text_of = bucket if field == "bucket" else sent.get(field)
        if text_of is None or not _holds(operator, field, text_of, value):
            raise _against(f"Policy Condition failed: {json.dumps([operator, name, value])}")
    extra = [name for name in sent if name not in named and name not in _EXEMPT and not name.startswith("x-ignore-")]
    if extra:
        raise _against(f"Extra input fields: {', '.join(extra)}")
    return sizes


def _load(text: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    return document


def _moment(document: dict[str, Any]) -> float:
    text = document.get("expiration")
    if text is None:
        raise _invalid("Policy missing expiration.")
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        found = None
    if found is None or found.tzinfo is None:
        raise _invalid(f"Invalid 'expiration' value: '{text}'")
    return found.timestamp()


def _normal(condition: Any) -> tuple[str, Any, Any]:
    """A condition as (operator, ``$name``, value), or the two sizes of a range. Raises AwsError."""
    if isinstance(condition, dict):
        if len(condition) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        name, value = next(iter(condition.items()))
        condition = ["eq", f"${name}", value]
    if not isinstance(condition, list) or len(condition) != 3 or not isinstance(condition[0], str):
        raise _invalid("Invalid Condition: must have 3 elements.")
    operator, first, second = condition[0].lower(), condition[1], condition[2]
    if operator == _LENGTH:
        if not all(str(item).isdecimal() and len(str(item)) < 19 for item in (first, second)):
            raise _invalid("Invalid content-length-range: the sizes must be whole numbers.")
        return operator, first, second
    if operator not in ("eq", "starts-with"):
        raise _invalid(f"Invalid Condition operation: {condition[0]}")
    if not isinstance(first, str) or not first.startswith("$") or not isinstance(second, str | int):
        raise _invalid("Invalid Condition: the field must begin with '$', and the value be text.")
    return operator, first, second


def _holds(operator: str, field: str, sent: str, value: Any) -> bool:
    if operator == "eq":
        return sent == str(value)
    parts = sent.split(",") if field == "content-type" else [sent]
    return all(part.startswith(str(value)) for part in parts)


def _against(reason: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {reason}", 403)


def _invalid(reason: str) -> AwsError:
    return AwsError("InvalidPolicyDocument", f"Invalid Policy: {reason}")
