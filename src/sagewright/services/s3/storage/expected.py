"""What a client promises of the body it sends: its length and its checksums, in headers or behind the body.

Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3 import errors
from sagewright.services.s3.storage.checksums import ALGORITHMS, BY_HEADER, Algorithm, decode, encode
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.signing import aws_chunked

MAX_PUT = 5 * 2**30
"""Most bytes of one PUT or one part."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_UNVERIFIED = ("UNSIGNED-PAYLOAD", "STREAMING-")


@dataclass(slots=True)
class Expected:
    """length: bytes of the payload, None when not told. checksum: as sent, None where it comes in the trailer."""

    chunks: AsyncIterable[bytes | memoryview]
    length: int | None = None
    md5: bytes | None = None
    sha256: str | None = None
    algorithm: Algorithm | None = None
    checksum: bytes | None = None
    trailers: dict[str, str] = field(default_factory=dict)

    def verify(self, size: int, md5: bytes, sha256: str | None, checksum: bytes | None) -> None:
        """Compare with what arrived; sha256 and checksum are computed where expected. Raises AwsError."""
        if self.length is not None and size != self.length:
            raise errors.incomplete_body()
        if self.md5 is not None and md5 != self.md5:
            raise AwsError(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                ExpectedDigest=encode(self.md5),
                CalculatedDigest=encode(md5),
            )
        if self.sha256 is not None and sha256 != self.sha256:
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ClientComputedContentSHA256=self.sha256,
                S3ComputedContentSHA256=sha256,
            )
        if self.algorithm is not None and checksum != (self.checksum or self._trailing(self.algorithm)):
            raise bad_digest(self.algorithm)

    def _trailing(self, algorithm: Algorithm) -> bytes:
        text = self.trailers.get(algorithm.header)
        if text is None:
            message = "The request contained trailing data that was not well-formed or did not conform to our "
            raise AwsError("MalformedTrailerError", f"{message}published schema.")
        return checksum_value(algorithm, text)


def bad_digest(algorithm: Algorithm) -> AwsError:
    return AwsError("BadDigest", f"The {algorithm.name} you specified did not match the calculated checksum.")


def checksum_value(algorithm: Algorithm, text: str) -> bytes:
    """Raises AwsError InvalidRequest for text that is no such checksum."""
    value = decode(text.strip(), algorithm.size)
    if value is None:
        raise errors.invalid_request(f"Value for {algorithm.header} header is invalid.")
    return value


def expected(ctx: Context) -> Expected:
    """From the members and headers of a PutObject or UploadPart. Raises AwsError."""
    body = ctx.request.get("Body")
    if isinstance(body, bytes):
        body = Body.of(body)
    body = body if body is not None else Body.of(b"")
    found = Expected(body, body.length)
    if ctx.http is not None:
        _length(found, body, ctx.http)
        _payload_hash(found, ctx.http.headers)
    if ctx.request.get("ContentMD5") is not None:
        found.md5 = decode(ctx.request["ContentMD5"].strip(), 16)
        if found.md5 is None:
            raise AwsError(
                "InvalidDigest",
                "The Content-MD5 you specified was invalid.",
                **{"Content-MD5": ctx.request["ContentMD5"]},
            )
    _checksum(found, ctx)
    if ctx.principal is None and found.algorithm is not None:
        found.sha256 = None  # no signature stands on it, and the other checksum tells as well what was sent
    if found.length is not None and found.length > MAX_PUT:
        raise too_large(found.length)
    return found


def too_large(size: int) -> AwsError:
    message = "Your proposed upload exceeds the maximum allowed size"
    return AwsError("EntityTooLarge", message, ProposedSize=size, MaxSizeAllowed=MAX_PUT)


def _length(found: Expected, body: Body | None, request: HttpRequest) -> None:
    """Lengths, and the payload out of aws-chunked."""
    headers = request.headers
    encodings = [item.strip().lower() for item in headers.get("content-encoding").split(",")]
    chunked = headers.get("x-amz-content-sha256").startswith("STREAMING-") or "aws-chunked" in encodings
    if not chunked:
        if "transfer-encoding" in headers:
            raise errors.unsupported_header("Transfer-Encoding")
        if "content-length" not in headers:
            raise _no_length()
        found.length = body.length if body is not None else 0
        return
    declared = headers.get("x-amz-decoded-content-length").strip()
    if not declared.isascii() or not declared.isdecimal() or len(declared) > 18:
        raise _no_length()
    found.length = int(declared)
    decoder = aws_chunked.Decoder(request.chunk_signatures)
    found.trailers = decoder.trailers
    found.chunks = aws_chunked.decode(found.chunks, decoder)  # type: ignore[arg-type]


def _no_length() -> AwsError:
    return AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)


def _payload_hash(found: Expected, headers: Headers) -> None:
    value = headers.get("x-amz-content-sha256")
    if not value or value.startswith(_UNVERIFIED):
        return
    if not _SHA256.fullmatch(value):
        message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        message += (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value."
        )
        raise errors.invalid_argument(message, "x-amz-content-sha256", value)
    found.sha256 = value.lower()


def _checksum(found: Expected, ctx: Context) -> None:
    sent = [algorithm for algorithm in ALGORITHMS.values() if ctx.request.get(algorithm.member) is not None]
    trailer = ctx.http.headers.get("x-amz-trailer").strip().lower() if ctx.http is not None else ""
    trailing = BY_HEADER.get(trailer)
    if trailer and trailing is None:
        raise errors.invalid_request("The value specified in the x-amz-trailer header is not supported")
    if len(sent) + (trailing is not None) > 1:
        message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise errors.invalid_request(message)
    named = _named(ctx)
    if sent:
        found.algorithm = sent[0]
        found.checksum = checksum_value(sent[0], ctx.request[sent[0].member])
    else:
        found.algorithm = trailing
    if named is not None and ctx.http is not None:
        if found.algorithm is None:
            message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
            raise errors.invalid_request(f"{message}headers were found.")
        if found.algorithm is not named:
            raise errors.invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")


def _named(ctx: Context) -> Algorithm | None:
    name: Any = ctx.request.get("ChecksumAlgorithm")
    if name is None:
        return None
    algorithm = ALGORITHMS.get(str(name).upper())
    if algorithm is None:
        message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        raise errors.invalid_request(f"{message}[{', '.join(ALGORITHMS)}]")
    return algorithm
