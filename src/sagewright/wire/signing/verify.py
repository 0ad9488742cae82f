"""Whether a request's signature is good. What is signed is in canonical.py, AWS's errors in refusals.py.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html and, for S3,
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire import hosts, models
from sagewright.wire.http import Headers, HttpRequest
from sagewright.wire.signing import claims, credentials, sigv2
from sagewright.wire.signing.canonical import (
    UNSIGNED,
    Key,
    Keys,
    canonical_requests,
    sign,
    signing_key,
    string_to_sign,
)
from sagewright.wire.signing.chunk_signatures import STREAMED, ChunkSignatures
from sagewright.wire.signing.claims import MOMENT, Claim
from sagewright.wire.signing.refusals import (
    SKEW,
    Refusals,
    check_skew,
    invalid_argument,
    old_signature,
    wrong_region,
    wrong_service,
)

if TYPE_CHECKING:
    from sagewright.wire.route import Route

_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_NOTHING = hashlib.sha256(b"").hexdigest()
_CONSTANTS = (UNSIGNED, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", *STREAMED)
_PAYLOAD = "x-amz-content-sha256"


def verify(request: HttpRequest, to: Route, operation: Any, body: bytes | None, keys: Keys, now: float) -> Key | None:
    """The key that signed a request; None where it is unsigned and may be.

    operation: botocore's OperationModel. body: whole; None for S3's, which is compared with its signed digest where it
    is read: a body in signed chunks by ``request.chunk_signatures``, which is set here. now: epoch seconds.
    Raises AwsError.
    """
    say = Refusals(to.protocol)
    claim = claims.read(request, to, say)
    if claim is None:
        if _may_be_unsigned(to, operation):
            return None
        raise say.unsigned()
    key = keys(claim.found.access_key)
    if key is None:
        raise say.unknown(claim.found.access_key)
    check_token(say, key, claim.token, now)
    if claim.is_v2:
        _check_v2(claim, key, now)
        return key
    _check_date(claim, now)
    _check_scope(claim)
    _check_headers(claim)
    payload = _payload(claim, operation, body)
    _check_signature(claim, key, payload)
    if to.service == "s3":
        _hand_on(claim, key, payload)
    return key


def _may_be_unsigned(to: Route, operation: Any) -> bool:
    """S3's requests, and operations that AWS's model says need no signature."""
    return to.service == "s3" or bool(operation.auth_type == "none" or operation.auth == ["smithy.api#noAuth"])


def check_token(say: Refusals, key: Key, token: str, now: float) -> None:
    """Raises AwsError where a key of a session comes without its token, or past its end."""
    if key.token and not token:
        raise say.unknown(key.access_key)  # a temporary key is none without its token
    if not hmac.compare_digest(token.encode("utf-8", "replace"), key.token.encode()):
        raise say.bad_token(key.access_key, token)
    if key.expires is not None and key.expires <= now:
        raise say.expired_token(token)


def _check_v2(claim: Claim, key: Key, now: float) -> None:
    if hosts.parse(claim.request.host).region not in ("", *sigv2.REGIONS):
        raise old_signature()
    sigv2.check(claim, key, now)


def _check_date(claim: Claim, now: float) -> None:
    moment, say, date = claim.moment, claim.say, claim.found.date
    try:
        if not MOMENT.fullmatch(moment):
            raise ValueError
        at = datetime.fromisoformat(moment).timestamp()
    except ValueError:
        if say.style == "s3":
            message = "AWS authentication requires a valid Date or x-amz-date header"
            raise AwsError("AccessDenied", message, 403) from None
        raise say.incomplete(f"Date must be in ISO-8601 'basic format'. Got '{moment}'.") from None
    if date != moment[:8]:
        if say.style == "s3":
            raise say.incomplete(
                f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{moment[:8]}".'
            )
        raise say.unfit(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{moment[:8]}', from '{moment}'."
        )
    if claim.found.presigned and say.style == "s3":
        credentials.check_expiry(claim.request, now)
        if at > now + SKEW:
            raise AwsError("AccessDenied", "Request is not valid yet", 403)
    elif say.style == "s3":
        check_skew(moment, at, now)
    elif abs(now - at) > SKEW and not _lives(claim, at, now):
        raise _skewed(claim, at, now)


def _lives(claim: Claim, at: float, now: float) -> bool:
    """Whether a URL says itself that it holds longer."""
    return claim.found.expires is not None and at <= now <= at + claim.found.expires


def _skewed(claim: Claim, at: float, now: float) -> AwsError:
    server = datetime.fromtimestamp(now, UTC)
    sign_, limit = ("-", now - SKEW) if at < now else ("+", now + SKEW)
    edge = f"{datetime.fromtimestamp(limit, UTC):%Y%m%dT%H%M%SZ} ({server:%Y%m%dT%H%M%SZ} {sign_} 15 min.)"
    if at < now:
        return claim.say.unfit(f"Signature expired: {claim.moment} is now earlier than {edge}")
    return claim.say.unfit(f"Signature not yet current: {claim.moment} is still later than {edge}")


def _check_scope(claim: Claim) -> None:
    """A key of one service and region is not one of another."""
    found, say = claim.found, claim.say
    names = _signing_names(claim.to.service)
    region = hosts.parse(claim.request.host).region
    if found.service in names and region in ("", found.region):
        return
    if say.style != "s3":
        wrong, right = ("region", region) if found.service in names else ("service", names[0])
        raise say.unfit(
            f"Credential should be scoped to {'a valid' if wrong == 'region' else 'correct'} {wrong}: '{right}'."
        )
    if found.service not in names:
        raise wrong_service(found.service, names[0], presigned=found.presigned)
    raise wrong_region(found.region, region, presigned=found.presigned)


@cache
def _signing_names(service: str) -> tuple[str, ...]:
    extra = {"s3": ("s3express", "s3-object-lambda"), "s3control": ("s3-outposts",)}.get(service, ())
    return (models.entry(service).signing_name, *extra)


def _check_headers(claim: Claim) -> None:
    """Headers that AWS gives a meaning must be signed, or anybody on the way could change them."""
    signed = claim.found.signed_headers
    sent = [name for name, _ in claim.request.headers.items() if _is_unsigned(claim, name)]
    if "host" not in signed:
        if claim.say.style == "s3":
            sent.insert(0, "host")
        else:
            raise claim.say.unfit("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if not sent:
        return
    if claim.say.style == "s3":
        message = "There were headers present in the request which were not signed"
        raise AwsError("AccessDenied", message, 403, HeadersNotSigned=", ".join(sent))
    raise claim.say.unfit(f"'{sent[0]}' must be a 'SignedHeader' in the AWS Authorization.")


def _is_unsigned(claim: Claim, name: str) -> bool:
    signed = claim.found.signed_headers
    return name.startswith("x-amz-") and name not in signed and name not in claim.request.hoisted


def _payload(claim: Claim, operation: Any, body: bytes | None) -> str:
    """What stands for the body in the canonical request. Raises AwsError."""
    declared = claim.request.headers.get(_PAYLOAD)
    if body is not None:
        if declared == UNSIGNED and (operation.auth_type == "v4-unsigned-body" or operation.unsigned_payload):
            return UNSIGNED
        return hashlib.sha256(body).hexdigest()
    declared = declared or claim.query.get("X-Amz-Content-Sha256", "")
    if not declared:
        if claim.found.presigned:
            return UNSIGNED
        raise AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    if declared not in _CONSTANTS and not _SHA256.fullmatch(declared):
        message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        message += f"{STREAMED[0]}, {STREAMED[1]}, or a valid sha256 value."
        raise invalid_argument(message, _PAYLOAD, declared)
    if declared in STREAMED and not models.streams_input(operation):
        raise AwsError("NotImplemented", "A header you provided implies functionality that is not implemented.", 501)
    return declared


def _check_signature(claim: Claim, key: Key, payload: str) -> None:
    found = claim.found
    secret = signing_key(key.secret, found.date, found.region, found.service)
    text = canonical = ""
    for canonical in canonical_requests(
        claim.request, found.signed_headers, payload, s3="s3" in _signing_names(claim.to.service)
    ):
        text = string_to_sign(claim.moment, claim.scope, canonical)
        if hmac.compare_digest(sign(secret, text).encode(), found.signature.encode("utf-8", "replace")):
            return
    raise claim.say.mismatch(key.access_key, text, found.signature, canonical)


def _hand_on(claim: Claim, key: Key, payload: str) -> None:
    """What the signature says of the body, for who reads it."""
    request, found = claim.request, claim.found
    if payload in STREAMED:
        request.chunk_signatures = ChunkSignatures(
            key.access_key,
            signing_key(key.secret, found.date, found.region, found.service),
            claim.moment,
            claim.scope,
            found.signature,
            trailers=payload == STREAMED[1],
        )
    elif payload not in _CONSTANTS:
        if request.body.length == 0 and payload.lower() != _NOTHING:
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ClientComputedContentSHA256=payload,
                S3ComputedContentSHA256=_NOTHING,
            )
        if _PAYLOAD not in request.headers:  # it was in the URL
            request.headers = Headers([*request.headers.items(), (_PAYLOAD, payload)])
