"""Content types by name."""

from sagewright_frameworks.serving.content_types import ANY, CSV, JSON, NPY, NPZ, TEXTS

__all__ = ["ANY", "CSV", "JSON", "NPY", "NPZ", "OCTET_STREAM", "UTF8_TYPES"]

OCTET_STREAM = "application/octet-stream"
UTF8_TYPES = list(TEXTS)
