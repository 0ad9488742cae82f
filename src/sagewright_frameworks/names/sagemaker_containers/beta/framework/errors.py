"""What handlers raise."""

from sagewright_frameworks.serving.encoding import UnsupportedFormatError

__all__ = ["ClientError", "UnsupportedFormatError"]


class ClientError(Exception):
    """The user's fault."""
