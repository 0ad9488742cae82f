"""From an array to an answer's body."""

from sagewright_frameworks.serving.content_types import CSV, JSON, NPY
from sagewright_frameworks.serving.encoding import encode

__all__ = ["SUPPORTED_CONTENT_TYPES", "encode"]

SUPPORTED_CONTENT_TYPES = {JSON, CSV, NPY}
