"""S3's signatures of version 2, which boto3 still makes for URLs and forms unless told otherwise.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html and, for forms,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/HTTPPOSTExamples.html
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from sagewright.core.errors import AwsError
from sagewright.wire import hosts
from sagewright.wire.http import HttpRequest
from sagewright.wire.signing import credentials, refusals
from sagewright.wire.signing.canonical import Key
from sagewright.wire.signing.claims import MOMENT, Claim

REGIONS = frozenset(
    {
        "us-east-1",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "sa-east-1",
    }
)
"""Where S3 takes them: the Regions of before 2014."""

_SIGNED = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)
"""Query parameters that are signed, as AWS's own clients do it; the others are not."""


def check(claim: Claim, key: Key, now: float) -> None:
    """Raises AwsError for a signature, or a date, that is not good. The body is not signed."""
    request, found = claim.request, claim.found
    if found.presigned:
        credentials.check_expiry(request, now)
    else:
        moment = request.headers.get("x-amz-date") or request.headers.get("date")
        refusals.check_skew(moment, _at(moment), now)
    path = hosts.parse(request.host).s3_path(request.path)
    for resource in dict.fromkeys((_with_slash(path), path)):
        text = _string_to_sign(request, resource, presigned=found.presigned)
        if matches(key.secret, text, found.signature):
            return
    raise refusals.text_mismatch(key.access_key, text, found.signature)


def matches(secret: str, text: str, signature: str) -> bool:
    """text: with header values as they came, one character a byte. signature: base64."""
    right = base64.b64encode(hmac.digest(secret.encode(), text.encode("latin-1", "replace"), "sha1"))
    return hmac.compare_digest(right, signature.encode("utf-8", "replace"))


def _with_slash(path: str) -> str:
    """As boto3 signs a bucket's own path: with a slash that it does not send."""
    return f"{path}/" if path.count("/") == 1 and path != "/" else path


def _string_to_sign(request: HttpRequest, path: str, *, presigned: bool) -> str:
    """path: with the bucket. x-amz- headers may be in the URL instead."""
    sent = credentials.query_of(request.query) if presigned else {}
    amz = {name.lower(): _bytewise(value) for name, value in sent.items() if name.lower().startswith("x-amz-")}
    amz |= {name: value.strip() for name, value in request.headers.items() if name.startswith("x-amz-")}
    date = sent.get("Expires", "") if presigned else "" if "x-amz-date" in amz else request.headers.get("date")
    described = [request.headers.get(name).strip() for name in ("content-md5", "content-type")]
    lines = [request.method, *described, date]
    lines += [f"{name}:{amz[name]}" for name in sorted(amz)]
    parts = [part.partition("=") for part in request.query.split("&")]
    signed = sorted(((name, equals + _decoded(value)) for name, equals, value in parts if name in _SIGNED))
    query = f"?{'&'.join(name + value for name, value in signed)}" if signed else ""
    return "\n".join([*lines, f"{path}{query}"])


def _decoded(value: str) -> str:
    return unquote(value, encoding="latin-1")


def _bytewise(value: str) -> str:
    """Text as headers have it, one character a byte."""
    return value.encode().decode("latin-1").strip()


def _at(moment: str) -> float:
    """Epoch seconds. Raises AwsError."""
    try:
        parsed = datetime.fromisoformat(moment) if MOMENT.fullmatch(moment) else parsedate_to_datetime(moment)
        return parsed.timestamp()
    except (ValueError, OverflowError):
        message = "AWS authentication requires a valid Date or x-amz-date header"
        raise AwsError("AccessDenied", message, 403) from None
