"""Between bodies and arrays."""

from __future__ import annotations

import json
from typing import Any

from sagewright_frameworks.serving.content_types import CSV, JSON, NPY
from sagewright_frameworks.serving.encoding import decode, encode, plain

__all__ = ["array_to_csv", "array_to_json", "array_to_npy", "csv_to_numpy", "decode", "encode", "json_to_numpy"]


def array_to_json(array_like: Any) -> str:
    return json.dumps(array_like, default=plain)


def array_to_csv(array_like: Any) -> str:
    return encode(array_like, CSV).decode()


def array_to_npy(array_like: Any) -> bytes:
    return encode(array_like, NPY)


def json_to_numpy(string_like: Any, dtype: Any = None) -> Any:
    found = decode(string_like, JSON)
    return found if dtype is None else found.astype(dtype)


def csv_to_numpy(string_like: Any, dtype: Any = None) -> Any:
    found = decode(string_like, CSV)
    return found if dtype is None else found.astype(dtype)
