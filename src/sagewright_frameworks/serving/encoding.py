"""Requests and responses of the default handlers: arrays as JSON, CSV, NPY and NPZ.

https://github.com/aws/sagemaker-inference-toolkit (``decoder``, ``encoder``)
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from sagewright_frameworks.serving.content_types import ANY, CSV, JSON, NPY, NPZ, name_of


class UnsupportedFormatError(Exception):
    """A content type that the handlers do not know. status: of the HTTP answer; output_fn's is changed to 406."""

    status = 415

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework. Please implement input_fn to deserialize "
            "the request data or an output_fn to serialize the response."
        )


def decode(body: Any, content_type: str) -> Any:
    """An array, or a sparse matrix for NPZ. body: text or bytes. Raises UnsupportedFormatError, ValueError.

    NPY may hold objects, as in AWS's containers: whoever may invoke an endpoint is trusted with its sandbox.
    """
    name = name_of(content_type)
    if name == JSON:
        return np.array(json.loads(body))
    if name == CSV:
        return _from_csv(body if isinstance(body, str) else bytes(body).decode())
    if name == NPY:
        return np.load(io.BytesIO(body), allow_pickle=True)
    if name == NPZ:
        from scipy import sparse

        return sparse.load_npz(io.BytesIO(body))
    raise UnsupportedFormatError(content_type)


def encode(prediction: Any, content_type: str) -> str | bytes:
    """A prediction, which may be anything that is like an array; text for JSON and CSV, as scripts that call it expect.

    Raises UnsupportedFormatError, TypeError.
    """
    name = name_of(content_type)
    if name == JSON:
        return json.dumps(prediction, default=_plain)
    if name == CSV:
        return _to_csv(prediction)
    if name == NPY:
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(prediction))
        return buffer.getvalue()
    raise UnsupportedFormatError(content_type)


def encode_first(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    """In the first of the accepted types that is known, and that type."""
    for each in accept.split(","):
        name = name_of(each)
        if name in (JSON, CSV, NPY):
            return encode(prediction, name), name
        if name == ANY:
            return encode(prediction, JSON), JSON
    raise UnsupportedFormatError(accept)


def _from_csv(text: str) -> Any:
    """Numbers where all are, else words. One row is a vector."""
    import csv

    rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    if not rows:
        raise ValueError("The CSV has no rows.")
    if len({len(row) for row in rows}) > 1:
        at = next(number for number, row in enumerate(rows, 1) if len(row) != len(rows[0]))
        raise ValueError(f"Row {at} of the CSV has {len(rows[at - 1])} values, and the first has {len(rows[0])}.")
    words = np.array(rows)
    try:
        return np.where(words == "", "nan", words).astype(np.float64).squeeze()
    except ValueError:
        return words.squeeze()


def _to_csv(prediction: Any) -> str:
    array = np.asarray(prediction)
    if array.ndim > 2:
        raise ValueError(f"A prediction of {array.ndim} dimensions cannot be encoded as CSV.")
    rows = array.reshape(-1, 1) if array.ndim < 2 else array
    return "".join(",".join(map(_field, row)) + "\n" for row in rows)


def _field(value: Any) -> str:
    text = str(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(mark in text for mark in ',"\n\r') else text


def _plain(value: Any) -> Any:
    """What JSON has in the place of an array. Raises TypeError."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
