"""Digests of requests whose body is a document: settings, tags, lists of keys. Bodies of objects have their own.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonRequestHeaders.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors
from sagewright.services.s3.storage.checksums import ALGORITHMS, BY_HEADER, decode, encode
from sagewright.services.s3.storage.expected import bad_digest, checksum_value
from sagewright.wire.http import Headers

if TYPE_CHECKING:
    from botocore.model import OperationModel

_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_document(op: OperationModel, headers: Headers, body: bytes) -> None:
    """Compare a document with the digests that came with it.

    Raises AwsError: InvalidDigest, BadDigest, and InvalidRequest where the operation demands a digest and has none.
    An operation whose model names no checksum of the request (CompleteMultipartUpload) may have one of its object.
    """
    _check_payload(headers, body)
    found = _check_md5(headers, body)
    traits = op.http_checksum
    if traits.get("requestAlgorithmMember"):
        found = _check_sum(headers, body) or found
    if traits.get("requestChecksumRequired") and not found:
        message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        raise errors.invalid_request(message)


def _check_payload(headers: Headers, body: bytes) -> None:
    """What the client signed, or would have."""
    wanted = headers.get("x-amz-content-sha256").lower()
    if not _SHA256.fullmatch(wanted):
        return
    actual = hashlib.sha256(body).hexdigest()
    if actual != wanted:
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise AwsError(
            "XAmzContentSHA256Mismatch",
            message,
            ClientComputedContentSHA256=wanted,
            S3ComputedContentSHA256=actual,
        )


def _check_md5(headers: Headers, body: bytes) -> bool:
    if "content-md5" not in headers:
        return False
    text = headers.get("content-md5").strip()
    wanted = decode(text, 16)
    if wanted is None:
        shown: dict[str, Any] = {"Content-MD5": text}
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", **shown)
    actual = hashlib.md5(body, usedforsecurity=False).digest()
    if actual != wanted:
        message = "The Content-MD5 you specified did not match what we received."
        raise AwsError("BadDigest", message, ExpectedDigest=text, CalculatedDigest=encode(actual))
    return True


def _check_sum(headers: Headers, body: bytes) -> bool:
    sent = [algorithm for name, algorithm in BY_HEADER.items() if name in headers]
    if len(sent) > 1:
        message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise errors.invalid_request(message)
    named = headers.get("x-amz-sdk-checksum-algorithm").upper()
    if named and named not in ALGORITHMS:
        message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        raise errors.invalid_request(f"{message}[{', '.join(ALGORITHMS)}]")
    if not sent:
        return False
    algorithm = sent[0]
    if named and algorithm.name != named:
        raise errors.invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    digest = algorithm.new()
    digest.update(body)
    if digest.digest() != checksum_value(algorithm, headers.get(algorithm.header)):
        raise bad_digest(algorithm)
    return True
