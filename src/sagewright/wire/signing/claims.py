"""A request's signature as it was sent, read but not yet checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from sagewright.core.errors import AwsError
from sagewright.wire.http import HttpRequest
from sagewright.wire.signing import credentials
from sagewright.wire.signing.canonical import ALGORITHM
from sagewright.wire.signing.credentials import Credential
from sagewright.wire.signing.refusals import Refusals, invalid_argument, old_signature

if TYPE_CHECKING:
    from sagewright.wire.route import Route

MOMENT = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature that is to be checked. moment: yyyymmddThhmmssZ, empty for version 2. token: as sent, or empty."""

    request: HttpRequest
    to: Route
    say: Refusals
    found: Credential
    query: Mapping[str, str]
    moment: str
    token: str

    @property
    def is_v2(self) -> bool:
        return not self.found.date

    @property
    def scope(self) -> str:
        found = self.found
        return f"{found.date}/{found.region}/{found.service}/aws4_request"


def read(request: HttpRequest, to: Route, say: Refusals) -> Claim | None:
    """The request's signature; None where there is none at all.

    Raises AwsError for one that is malformed or of another algorithm.
    """
    found = _sent(request, to, say)
    if found is None:
        return None
    if not found.date:
        return _version_2(request, to, say, found)
    query = credentials.query_of(request.query) if found.presigned else {}
    header = request.headers.get("authorization")
    algorithm = query.get("X-Amz-Algorithm", "") if found.presigned else header.partition(" ")[0]
    if algorithm == "AWS4-ECDSA-P256-SHA256":
        message = "Sagewright does not check signatures of SigV4A (AWS4-ECDSA-P256-SHA256) yet: use SigV4."
        raise AwsError("NotImplemented", message, 501)
    if algorithm != ALGORITHM:
        raise say.incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    if (found.access_key, found.region) != (to.access_key, to.region):
        raise say.incomplete("there must be one Credential.")  # it was routed by another one
    if found.presigned:
        moment, token = query.get("X-Amz-Date", ""), query.get("X-Amz-Security-Token", "")
    else:
        moment = request.headers.get("x-amz-date") or _from_http_date(request.headers.get("date"))
        token = request.headers.get("x-amz-security-token")
    return Claim(request, to, say, found, query, moment, token)


def _version_2(request: HttpRequest, to: Route, say: Refusals, found: Credential) -> Claim:
    token = request.headers.get("x-amz-security-token")
    query = credentials.query_of(request.query) if found.presigned else {}
    token = token or next((value for name, value in query.items() if name.lower() == "x-amz-security-token"), "")
    return Claim(request, to, say, found, query, "", token)


def _sent(request: HttpRequest, to: Route, say: Refusals) -> Credential | None:
    header = request.headers.get("authorization")
    if not header and not request.query:
        return None
    presigned = "X-Amz-Algorithm=" in request.query or "X-Amz-Credential=" in request.query
    if say.style == "s3" and header and (presigned or "AWSAccessKeyId=" in request.query):
        message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
        message += "parameter or the Authorization header should be specified"
        raise invalid_argument(message, "Authorization", header)
    try:
        found = credentials.credential(request)
    except AwsError as error:
        if say.style == "s3" or error.code == "IncompleteSignatureException":
            raise
        raise say.incomplete(error.message.partition("; ")[2] or error.message) from None
    if found is None:
        if say.style == "s3" and header:
            raise invalid_argument("Unsupported Authorization Type", "Authorization", header)
        if say.style == "s3" and presigned:
            raise credentials.incomplete_query()
        return None
    if not found.date and to.service != "s3":
        raise old_signature() if say.style == "s3" else say.unsigned()
    return found


def _from_http_date(text: str) -> str:
    """A Date header as the other form; as it is where it is no such date."""
    if not text or MOMENT.fullmatch(text):
        return text
    from email.utils import parsedate_to_datetime

    try:
        return f"{parsedate_to_datetime(text).astimezone(UTC):%Y%m%dT%H%M%SZ}"
    except ValueError:
        return text
