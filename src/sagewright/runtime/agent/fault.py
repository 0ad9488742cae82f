"""The one exception that becomes a job's FailureReason."""

from __future__ import annotations


class Fault(Exception):
    """kind: ClientError, AlgorithmError or InternalServerError."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


def client_error(text: str) -> Fault:
    """The user's fault."""
    return Fault("ClientError", text)
