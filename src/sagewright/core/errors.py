"""The one exception that becomes an AWS error on the wire."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An error an AWS client sees.

    code: AWS's error code (``ValidationException``, ``NoSuchKey`` ...), the one client code branches on.
    message: the text shown to the user; names the member and the limit where input is at fault.
    status: HTTP status code.
    headers: extra response headers.
    members: further members of the error's shape (``BucketName``, ``Resource`` ...).
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        status: int = 400,
        *,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}
        self.members = members


def request_timeout() -> AwsError:
    """S3's, for a client that is silent in the middle of its body; the connection ends with the answer."""
    message = "Your socket connection to the server was not read from or written to within the timeout period. "
    return AwsError("RequestTimeout", f"{message}Idle connections will be closed.", headers={"Connection": "close"})


def validation_error(*problems: str) -> AwsError:
    """Words of AWS's own validation: ``1 validation error detected: <problem>``."""
    noun = "error" if len(problems) == 1 else "errors"
    return AwsError("ValidationException", f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


def not_implemented(service: str, operation: str) -> AwsError:
    """An operation Sagewright lacks: HTTP 501 and a message that says so, never a made-up answer."""
    return AwsError("NotImplemented", f"Sagewright does not implement {service}.{operation} yet.", 501)
