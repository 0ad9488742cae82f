"""KMS's errors in AWS's words; all of them are HTTP 400.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html and each operation's own page
"""

from __future__ import annotations

from sagewright.core.errors import AwsError


def not_found(message: str) -> AwsError:
    return AwsError("NotFoundException", message)


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def invalid_ciphertext() -> AwsError:
    """AWS gives no reason, so that nothing is learnt from trying."""
    return AwsError("InvalidCiphertextException")


def incorrect_key() -> AwsError:
    text = "The key ID in the request does not identify a CMK that can perform this operation."
    return AwsError("IncorrectKeyException", text)


def unsupported(message: str = "") -> AwsError:
    return AwsError("UnsupportedOperationException", message)


def lacking(what: str) -> AwsError:
    return AwsError("NotImplemented", f"Sagewright does not implement {what} yet.", 501)
