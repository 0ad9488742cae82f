"""Headers that are in a presigned URL instead, where who gets the URL need not know of them.

SDKs put them there (Metadata, ACL, ServerSideEncryption of a presigned PutObject), and S3 takes them from there.
Checksums it does not: an SDK makes them of a body that it does not have.
"""

from __future__ import annotations

from urllib.parse import unquote_plus

from sagewright.wire.http import Headers, HttpRequest

_PREFIX = "x-amz-"
_SIGNATURES_OWN = (
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
)
_NOT_THE_BODYS = (f"{_PREFIX}checksum-", f"{_PREFIX}sdk-checksum-")


def hoist(request: HttpRequest) -> None:
    """Make them headers. One that is sent as a header too stays as it is sent."""
    if "Signature=" not in request.query or _PREFIX not in request.query.lower():
        return
    found: list[tuple[str, str]] = []
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        name = unquote_plus(name).lower()
        if name.startswith(_PREFIX) and name not in request.headers and not _stays(name):
            found.append((name, unquote_plus(value, encoding="latin-1")))
    if found:
        request.headers = Headers([*request.headers.items(), *found])
        request.hoisted = frozenset(name for name, _ in found)


def _stays(name: str) -> bool:
    return name in _SIGNATURES_OWN or name.startswith(_NOT_THE_BODYS)
