"""Content types by name."""

from sagewright_frameworks.serving.content_types import ANY, CSV, JSON, NPY, NPZ, OCTET_STREAM
from sagewright_frameworks.serving.content_types import TEXTS as UTF8_TYPES

__all__ = ["ANY", "CSV", "JSON", "NPY", "NPZ", "OCTET_STREAM", "UTF8_TYPES"]
