"""SSE-C: keys that customers send along and S3 never keeps. The wrapped data key tells the right one.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors
from sagewright.services.s3.storage import sealed

ALGORITHM = "AES256"
PURPOSE = b"s3 data key of a customer"
_HEADER = "x-amz-server-side-encryption"
_PRESENT = "Requests specifying Server Side Encryption with Customer provided keys must provide "


def key_of(request: dict[str, Any], prefix: str = "") -> bytes | None:
    """The key in a request's members, where there is one. prefix: CopySource, for a copy's source.

    Raises AwsError InvalidArgument, InvalidEncryptionAlgorithmError.
    """
    algorithm, text, md5 = (request.get(f"{prefix}SSECustomer{name}") for name in ("Algorithm", "Key", "KeyMD5"))
    if not (algorithm or text or md5):
        return None
    other = request.get("ServerSideEncryption")
    if other and not prefix:
        message = "Server Side Encryption with Customer provided key is incompatible with the encryption method "
        raise errors.invalid_argument(f"{message}specified", _HEADER, other)
    if not algorithm:
        raise _wrong(f"{_PRESENT}a valid encryption algorithm.")
    if not text:
        raise _wrong(f"{_PRESENT}an appropriate secret key.")
    if algorithm != ALGORITHM:
        message = "The Encryption request you specified is not valid. Supported value: AES256."
        more = {"ArgumentName": _HEADER, "ArgumentValue": algorithm}
        raise AwsError("InvalidEncryptionAlgorithmError", message, **more)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != sealed.KEY_BYTES:
        raise _wrong("The secret key was invalid for the specified algorithm.")
    if not md5:
        raise _wrong(f"{_PRESENT}the MD5 hash of the key.")
    if base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode() != md5:
        raise _wrong("The calculated MD5 hash of the key did not match the hash that was provided.")
    return key


def check(request: dict[str, Any], body: dict[str, Any], prefix: str = "") -> bytes | None:
    """The key for a stored object, which must be the one it was stored with; None for an object without.

    Raises AwsError InvalidRequest where one is missing or too many, AccessDenied for a wrong one.
    """
    key = key_of(request, prefix)
    if not _is_customers(body):
        if key is not None:
            raise errors.invalid_request("The encryption parameters are not applicable to this object.")
        return None
    if key is None:
        message = "The object was stored using a form of Server Side Encryption. The correct parameters must be "
        raise errors.invalid_request(f"{message}provided to retrieve the object.")
    if not _opens(key, body):
        raise AwsError("AccessDenied", f"{_PRESENT}the correct secret key.", 403)
    return key


def check_part(request: dict[str, Any], upload: dict[str, Any]) -> bytes | None:
    """The same for a part of an upload. Raises AwsError InvalidRequest."""
    key = key_of(request)
    if not _is_customers(upload):
        if key is not None:
            message = "The multipart upload initiate did not request encryption with a customer provided key. Please "
            raise errors.invalid_request(f"{message}resend the request without its encryption parameters.")
        return None
    if key is None:
        message = "The multipart upload initiate requested encryption. Subsequent part requests must include the "
        raise errors.invalid_request(f"{message}appropriate encryption parameters.")
    if not _opens(key, upload):
        raise errors.invalid_request("The provided encryption parameters did not match the ones used originally.")
    return key


def _is_customers(body: dict[str, Any]) -> bool:
    return "SSECustomerAlgorithm" in (body.get("Seal") or {}).get("Members", {})


def _opens(key: bytes, body: dict[str, Any]) -> bool:
    return sealed.unwrap(key, base64.b64decode(body["Seal"]["Key"]), PURPOSE) is not None


def _wrong(message: str) -> AwsError:
    return errors.invalid_argument(message, _HEADER, "null")
