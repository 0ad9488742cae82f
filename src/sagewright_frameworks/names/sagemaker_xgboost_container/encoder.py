"""From a request's body to a DMatrix."""

from __future__ import annotations

from typing import Any

from sagewright_frameworks.serving.content_types import CSV
from sagewright_frameworks.serving.defaults.xgboost import input_fn as decode

__all__ = ["csv_to_dmatrix", "decode", "libsvm_to_dmatrix", "recordio_protobuf_to_dmatrix"]


def csv_to_dmatrix(input: str | bytes, dtype: Any = None) -> Any:
    return decode(input, CSV)


def libsvm_to_dmatrix(string_like: str | bytes) -> Any:
    return decode(string_like, "text/libsvm")


def recordio_protobuf_to_dmatrix(string_like: bytes) -> Any:
    return decode(string_like, "application/x-recordio-protobuf")
