"""From a request's body to an array."""

from sagewright_frameworks.serving.encoding import decode

__all__ = ["decode"]
