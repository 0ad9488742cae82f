"""AWS's words for a signature that will not do: S3's, those of the query protocols, and those of the JSON ones.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html and
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sagewright.core.errors import AwsError

Style = Literal["s3", "query", "json"]

SKEW = 900
"""Seconds that a client's clock may be off, and that a signature holds."""

_CHECK = "The request signature we calculated does not match the signature you provided. Check your "
_INVALID = "The security token included in the request is invalid."


class Refusals:
    """The errors of one request's protocol. protocol: botocore's name of it."""

    def __init__(self, protocol: str) -> None:
        self.style: Style = "s3" if protocol == "rest-xml" else "query" if protocol in ("query", "ec2") else "json"
        self._status = 400 if self.style == "json" and protocol != "rest-json" else 403

    def _other(self, code: str, message: str) -> AwsError:
        """Of a service other than S3; codes of the JSON protocols end in Exception."""
        return AwsError(f"{code}Exception" if self.style == "json" else code, message, self._status)

    def unsigned(self) -> AwsError:
        query = self.style == "query"
        return self._other(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token" if query else "Missing Authentication Token",
        )

    def incomplete(self, message: str) -> AwsError:
        """What was sent cannot be read as a signature."""
        if self.style == "s3":
            return AwsError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {message}")
        return self._other("IncompleteSignature", message)

    def unknown(self, access_key: str) -> AwsError:
        """A key that is not there, or is inactive."""
        if self.style == "s3":
            message = "The AWS Access Key Id you provided does not exist in our records."
            return AwsError("InvalidAccessKeyId", message, 403, AWSAccessKeyId=access_key)
        if self.style == "query":
            return AwsError("InvalidClientTokenId", _INVALID, 403)
        return self._other("UnrecognizedClient", _INVALID)

    def bad_token(self, access_key: str, token: str) -> AwsError:
        if self.style == "s3":
            message = "The provided token is malformed or otherwise invalid."
            return AwsError("InvalidToken", message, **_token(token))
        return self.unknown(access_key)

    def expired_token(self, token: str) -> AwsError:
        if self.style == "s3":
            return AwsError("ExpiredToken", "The provided token has expired.", **_token(token))
        return self._other("ExpiredToken", "The security token included in the request is expired")

    def unfit(self, message: str) -> AwsError:
        """A signature that is none for this request, whatever its digest: another day's, another service's."""
        code = "InvalidSignature" if self.style == "json" else "SignatureDoesNotMatch"
        return self._other(code, message)

    def mismatch(self, access_key: str, text: str, signature: str, canonical: str) -> AwsError:
        """text: the string to sign. canonical: the request it is of, header values one character a byte."""
        raw = canonical.encode("latin-1", "replace")
        shown = raw.decode("utf-8", "replace")
        if self.style == "s3":
            return AwsError(
                "SignatureDoesNotMatch",
                f"{_CHECK}key and signing method.",
                403,
                AWSAccessKeyId=access_key,
                StringToSign=text,
                SignatureProvided=signature,
                StringToSignBytes=text.encode("latin-1", "replace").hex(" "),
                CanonicalRequest=shown,
                CanonicalRequestBytes=raw.hex(" "),
            )
        message = f"{_CHECK}AWS Secret Access Key and signing method. Consult the service documentation for details."
        if self.style == "json":
            message += f"\n\nThe Canonical String for this request should have been\n'{shown}'"
            message += f"\n\nThe String-to-Sign should have been\n'{text}'\n"
        return self.unfit(message)


def text_mismatch(access_key: str, text: str, signature: str) -> AwsError:
    """S3's, where there is no canonical request: a signature of version 2, or of a form, whose policy is the text.

    text: the string to sign, header values one character a byte.
    """
    raw = text.encode("latin-1", "replace")
    return AwsError(
        "SignatureDoesNotMatch",
        f"{_CHECK}key and signing method.",
        403,
        AWSAccessKeyId=access_key,
        StringToSign=raw.decode("utf-8", "replace"),
        SignatureProvided=signature,
        StringToSignBytes=raw.hex(" "),
    )


def check_skew(moment: str, at: float, now: float) -> None:
    """Raises S3's error for a clock that is off. moment: as it was sent. at, now: epoch seconds."""
    if abs(now - at) <= SKEW:
        return
    raise AwsError(
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        403,
        RequestTime=moment,
        ServerTime=f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}",
        MaxAllowedSkewMilliseconds=SKEW * 1000,
    )


def wrong_region(region: str, expected: str, *, presigned: bool) -> AwsError:
    """S3's, for a key of another region."""
    code, what = _malformed(presigned=presigned)
    return AwsError(code, f"{what}the region '{region}' is wrong; expecting '{expected}'", Region=expected)


def wrong_service(service: str, expected: str, *, presigned: bool) -> AwsError:
    """S3's, for a key of another service."""
    code, what = _malformed(presigned=presigned)
    return AwsError(code, f'{what}incorrect service "{service}". This endpoint belongs to "{expected}".')


def _malformed(*, presigned: bool) -> tuple[str, str]:
    if presigned:
        return "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; "
    return "AuthorizationHeaderMalformed", "The authorization header is malformed; "


def old_signature() -> AwsError:
    """S3's answer to a signature of version 2 in Regions of after 2013."""
    message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    return AwsError("InvalidRequest", message)


def invalid_argument(message: str, name: str, value: str) -> AwsError:
    return AwsError("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def _token(token: str) -> dict[str, Any]:
    return {"Token-0": token}
