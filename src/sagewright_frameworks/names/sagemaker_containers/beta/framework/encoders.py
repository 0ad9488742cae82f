"""Between bodies and arrays."""

from __future__ import annotations

from typing import Any

from sagewright_frameworks.serving.content_types import CSV, JSON, NPY
from sagewright_frameworks.serving.encoding import decode, encode

__all__ = ["decode", "encode"]


def array_to_json(array_like: Any) -> Any:
    return encode(array_like, JSON)


def array_to_csv(array_like: Any) -> Any:
    return encode(array_like, CSV)


def array_to_npy(array_like: Any) -> Any:
    return encode(array_like, NPY)


def npy_to_numpy(npy_array: Any) -> Any:
    return decode(npy_array, NPY)


def json_to_numpy(string_like: Any, dtype: Any = None) -> Any:
    found = decode(string_like, JSON)
    return found if dtype is None else found.astype(dtype)


def csv_to_numpy(string_like: Any, dtype: Any = None) -> Any:
    found = decode(string_like, CSV)
    return found if dtype is None else found.astype(dtype)
