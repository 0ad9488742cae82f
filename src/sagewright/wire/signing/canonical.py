"""What a signature is made over: the canonical request, the string to sign, and the key.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html and, for S3,
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from sagewright.wire.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+|/")
"""A path that stays as it is: nothing to encode, no empty and no dotted segment."""
_SPACES = re.compile(" {2,}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that may sign. token: empty unless temporary. expires: epoch seconds, None for never.

    whom: whatever its keeper wants back once a signature is good.
    """

    access_key: str
    secret: str
    token: str = ""
    expires: float | None = None
    whom: Any = None


Keys = Callable[[str], Key | None]
"""The key of an id; None for one that is unknown or made inactive."""


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """date: yyyymmdd."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode("latin-1", "replace"), "sha256")
    return key


def sign(key: bytes, text: str) -> str:
    """text: with header values as they came, one character a byte."""
    return hmac.digest(key, text.encode("latin-1", "replace"), "sha256").hex()


def string_to_sign(moment: str, scope: str, request: str) -> str:
    """moment: yyyymmddThhmmssZ. scope: date/region/service/aws4_request. request: the canonical one."""
    digest = hashlib.sha256(request.encode("latin-1", "replace")).hexdigest()
    return f"{ALGORITHM}\n{moment}\n{scope}\n{digest}"


def canonical_requests(request: HttpRequest, signed: Sequence[str], payload: str, *, s3: bool) -> Iterator[str]:
    """The canonical request, in each form that the path as it was sent may have; the last is AWS's own.

    A path that encodes more, or less, than it must (``:``, ``%7E``, ``%2f``) is signed by some clients as they send it,
    by others as AWS reads it. signed: names of signed headers. payload: its digest or what stands for it.
    """
    query = canonical_query(request.query)
    headers = "".join([f"{name}:{_trimmed(request.headers.get(name))}\n" for name in sorted(signed)])
    for path in _paths(request.path, s3=s3):
        yield f"{request.method}\n{path}\n{query}\n{headers}\n{';'.join(signed)}\n{payload}"


def canonical_query(query: str) -> str:
    """Sorted, every character encoded that may be; without the signature itself."""
    if not query:
        return ""
    parts = [part.partition("=") for part in query.split("&") if part]
    pairs = sorted((_recoded(name), _recoded(value)) for name, _, value in parts)
    return "&".join([f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature"])


def _paths(path: str, *, s3: bool) -> tuple[str, ...]:
    if _PLAIN_PATH.fullmatch(path):
        return (path,)
    raw = path.encode("latin-1")
    clean = quote(unquote_to_bytes(raw), safe="/")
    both = (path, clean) if s3 else (quote(_normal(path).encode("latin-1"), safe="/"), quote(_normal(clean), safe="/"))
    return both if both[0] != both[1] else both[:1]


def _normal(path: str) -> str:
    """Without empty and dotted segments."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return f"/{'/'.join(kept)}{'/' if kept and path.endswith('/') else ''}"


def _recoded(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return quote(unquote_to_bytes(text.replace("+", " ").encode("latin-1")), safe="")


def _trimmed(value: str) -> str:
    value = value.strip(" \t")
    return _SPACES.sub(" ", value) if "  " in value else value
