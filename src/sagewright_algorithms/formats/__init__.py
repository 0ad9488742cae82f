"""Data on the wire and on disk, one codec a file.

A codec has what its format is used for: ``stream(file, options)`` the examples of a training file or FIFO, block by
block; ``decode(body)`` a request's body to features; ``encode(columns)`` a response. Codecs raise FormatError, which
says where.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_MODULES = {
    "csv": "csv",
    "json": "json",
    "jsonlines": "jsonlines",
    "libsvm": "libsvm",
    "parquet": "parquet",
    "recordio-protobuf": "recordio_protobuf",
}


def codec(name: str) -> ModuleType:
    """The codec of a format, imported when first asked for. Raises KeyError."""
    return import_module(f"sagewright_algorithms.formats.{_MODULES[name]}")
