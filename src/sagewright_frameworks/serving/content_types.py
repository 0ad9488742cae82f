"""Names of what goes in and out."""

from __future__ import annotations

JSON, CSV = "application/json", "text/csv"
NPY, NPZ = "application/x-npy", "application/x-npz"
OCTET_STREAM = "application/octet-stream"
ANY = "*/*"
TEXTS = (JSON, CSV)
"""Content types whose bodies come to the user's functions as text."""


def name_of(content_type: str) -> str:
    """Without its parameters."""
    return content_type.partition(";")[0].strip().lower()
