"""What a request says of who signed it. Parsing only: whether the signature is good is wire.signing.verify's to say.

Formats: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from sagewright.core.errors import AwsError
from sagewright.wire.http import HttpRequest

_WEEK = 604_800
_PRESIGNED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders")


@dataclass(frozen=True, slots=True)
class Credential:
    """A parsed signature; fields that its version lacks are empty.

    date: yyyymmdd of the scope. region: empty for SigV4A, which signs for several. expires: seconds a presigned URL
    lives from its X-Amz-Date; for SigV2 the moment it ends, in seconds since the epoch; None where there is none.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    presigned: bool
    expires: int | None = None


def scope(request: HttpRequest) -> tuple[str, str, str, bool] | None:
    """(access key, region, signing name, presigned), or None where no signature can be read. Never raises."""
    header = request.headers.get("authorization")
    if header:
        start = header.find("Credential=")
        if start >= 0:
            found = _split(header[start + 11 :].partition(",")[0].strip())
            return (*found, False) if found is not None else None
        return _scope_v2(header)
    if "X-Amz-Credential=" in request.query:
        found = _split(_value(request.query, "X-Amz-Credential") or "")
        return (*found, True) if found is not None else None
    if "AWSAccessKeyId=" in request.query and "Signature=" in request.query:
        return _value(request.query, "AWSAccessKeyId") or "", "", "s3", True
    return None


def credential(request: HttpRequest) -> Credential | None:
    """The request's signature; None for an unsigned request. Raises AwsError where it is malformed."""
    header = request.headers.get("authorization")
    if header.startswith("AWS4-"):
        return _from_header(header, request)
    found = scope(request)
    if header.startswith("AWS "):
        if found is None:
            raise AwsError("InvalidArgument", "AWS authorization header is invalid. Expected AwsAccessKeyId:signature")
        return Credential(found[0], "", "", "s3", (), header.rpartition(":")[2], False)
    if header:
        return None
    if found is None:
        if "X-Amz-Credential=" in request.query:
            raise _query_error("Error parsing the X-Amz-Credential parameter; incorrect number of parts.")
        return None
    query = query_of(request.query)
    if "AWSAccessKeyId" in query:
        ends = query.get("Expires", "")
        return Credential(
            found[0], "", "", "s3", (), query.get("Signature", ""), True, int(ends) if ends.isdecimal() else None
        )
    return _from_query(query, found)


def check_expiry(request: HttpRequest, now: float) -> None:
    """Raise AwsError (403) for a presigned URL that is past its time; now in seconds since the epoch."""
    query = request.query
    if "X-Amz-Credential=" in query:
        _check_v4(query_of(query), now)
    elif "AWSAccessKeyId=" in query and "Signature=" in query:
        _check_v2(query_of(query), now)


def _split(value: str) -> tuple[str, str, str] | None:
    """``AKID/20240101/us-east-1/s3/aws4_request`` (SigV4A: without the region) as (access key, region, service)."""
    parts = value.rsplit("/", 4)
    if parts[-1] != "aws4_request":
        return None
    if len(parts) == 5 and _is_date(parts[1]):
        return parts[0], parts[2], parts[3]
    parts = value.rsplit("/", 3)
    if len(parts) == 4 and _is_date(parts[1]):
        return parts[0], "", parts[2]
    return None


def _is_date(text: str) -> bool:
    return len(text) == 8 and text.isdecimal()


def _scope_v2(header: str) -> tuple[str, str, str, bool] | None:
    """``AWS AKID:signature``, S3's old signature."""
    scheme, _, rest = header.partition(" ")
    access_key, colon, _ = rest.partition(":")
    return (access_key.strip(), "", "s3", False) if scheme == "AWS" and colon else None


def _from_header(header: str, request: HttpRequest) -> Credential:
    fields: dict[str, str] = {}
    for part in header.partition(" ")[2].split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not fields.get(name)]
    found = _split(fields.get("Credential", ""))
    if missing or found is None:
        raise _malformed(request, missing, header)
    date = fields["Credential"].split("/")[-3 if not found[1] else -4]
    signed = tuple(fields["SignedHeaders"].split(";"))
    return Credential(found[0], date, found[1], found[2], signed, fields["Signature"], False)


def _malformed(request: HttpRequest, missing: list[str], header: str) -> AwsError:
    if "x-amz-target" in request.headers or "smithy-protocol" in request.headers:
        needs = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        needs = needs or "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        return AwsError("IncompleteSignatureException", f"{needs} Authorization={header.partition(' ')[0]}")
    why = f"missing {missing[0]}" if missing else "the Credential is mal-formed; expecting "
    if not missing:
        why += '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
    return AwsError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {why}")


def _from_query(query: dict[str, str], found: tuple[str, str, str, bool]) -> Credential:
    access_key, region, service, _ = found
    if service == "s3" and any(not query.get(name) for name in (*_PRESIGNED, "X-Amz-Expires")):
        raise incomplete_query()
    date = query["X-Amz-Credential"].split("/")[-4 if region else -3]
    signed = tuple(query.get("X-Amz-SignedHeaders", "").split(";"))
    expires = _lifetime(query) if "X-Amz-Expires" in query else None
    return Credential(access_key, date, region, service, signed, query.get("X-Amz-Signature", ""), True, expires)


def _lifetime(query: dict[str, str]) -> int:
    """Seconds of X-Amz-Expires."""
    text = query["X-Amz-Expires"]
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal()) or len(text) > 18:
        raise _query_error("X-Amz-Expires should be a number")
    if text.startswith("-"):
        raise _query_error("X-Amz-Expires must be non-negative")
    seconds = int(text)
    if seconds > _WEEK:
        raise _query_error(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            "604800 seconds"
        )
    return seconds


def _check_v4(query: dict[str, str], now: float) -> None:
    if "X-Amz-Expires" not in query:
        return
    seconds = _lifetime(query)
    try:
        start = datetime.strptime(query.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        end = start + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise _query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"") from None
    if now > end.timestamp():
        raise _expired(end, now, {"X-Amz-Expires": str(seconds)})


def _check_v2(query: dict[str, str], now: float) -> None:
    text = query.get("Expires", "")
    if not (text.isascii() and text.isdecimal()):
        raise AwsError(
            "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            403,
        )
    if len(text) < 12 and now > int(text):
        raise _expired(datetime.fromtimestamp(int(text), UTC), now, {})


def _expired(end: datetime, now: float, more: dict[str, str]) -> AwsError:
    server = datetime.fromtimestamp(now, UTC)
    times = {"Expires": f"{end:%Y-%m-%dT%H:%M:%SZ}", "ServerTime": f"{server:%Y-%m-%dT%H:%M:%SZ}"}
    members: dict[str, Any] = {**more, **times}
    return AwsError("AccessDenied", "Request has expired", 403, **members)


def incomplete_query() -> AwsError:
    """For a URL that lacks a part of its signature."""
    return _query_error(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    )


def _query_error(message: str) -> AwsError:
    return AwsError("AuthorizationQueryParametersError", message)


def query_of(text: str) -> dict[str, str]:
    """Names and values of a query string; of a name that is there twice, the first."""
    query: dict[str, str] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        query.setdefault(unquote_plus(name), unquote_plus(value))
    return query


def _value(query: str, name: str) -> str | None:
    return query_of(query).get(name)
