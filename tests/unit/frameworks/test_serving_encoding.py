"""Requests and answers of the default functions."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sagewright_frameworks.serving.encoding import UnsupportedFormatError, decode, encode, encode_first

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"


def saved(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("[[1, 2], [3, 4]]", JSON, [[1, 2], [3, 4]]),
        ("[1, 2.5]", f"{JSON}; charset=utf-8", [1, 2.5]),
        ("7", JSON, 7),
        ("1,2\n3,4\n", CSV, [[1, 2], [3, 4]]),
        (b"1,2\r\n3,4", "Text/CSV", [[1, 2], [3, 4]]),
        ("1,2,3", CSV, [1, 2, 3]),
        ("1\n2\n", CSV, [1, 2]),
        ('a,"b,c"\nd,e', CSV, [["a", "b,c"], ["d", "e"]]),
        (saved(np.arange(3.0)), NPY, [0, 1, 2]),
    ],
)
def test_decode(body: str | bytes, content_type: str, expected: Any) -> None:
    assert decode(body, content_type).tolist() == expected


def test_missing_values_are_nan() -> None:
    assert np.isnan(decode("1,,3", CSV)).tolist() == [False, True, False]


def test_sparse() -> None:
    buffer = io.BytesIO()
    sparse.save_npz(buffer, sparse.csr_matrix([[0, 1], [2, 0]]))
    assert decode(buffer.getvalue(), NPZ).toarray().tolist() == [[0, 1], [2, 0]]


def test_rows_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="Row 2 of the CSV has 1 values, and the first has 2"):
        decode("1,2\n3", CSV)
    with pytest.raises(ValueError, match="no rows"):
        decode("\n", CSV)


@pytest.mark.parametrize(
    ("prediction", "content_type", "expected"),
    [
        (np.array([1, 2]), JSON, "[1, 2]"),
        ({"scores": np.array([0.5], np.float32), "of": np.int64(1)}, JSON, '{"scores": [0.5], "of": 1}'),
        (np.array([[1, 2], [3, 4]]), CSV, "1,2\n3,4\n"),
        (np.array([0.1, 0.25], np.float32), CSV, "0.1\n0.25\n"),
        (["a", "b,c"], CSV, 'a\n"b,c"\n'),
        (np.float64(3), CSV, "3.0\n"),
    ],
)
def test_encode(prediction: Any, content_type: str, expected: str) -> None:
    assert encode(prediction, content_type) == expected


def test_encode_npy() -> None:
    raw = encode([[1, 2]], NPY)
    assert isinstance(raw, bytes)
    assert np.load(io.BytesIO(raw)).tolist() == [[1, 2]]


def test_what_cannot_be_encoded() -> None:
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        encode(object(), JSON)
    with pytest.raises(ValueError, match="3 dimensions cannot be encoded as CSV"):
        encode(np.zeros((1, 1, 1)), CSV)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (CSV, CSV),
        ("image/png, text/csv;q=0.9", CSV),
        ("*/*", JSON),
        ("image/png, */*;q=0.1", JSON),
        (f"{NPY},{CSV}", NPY),
    ],
)
def test_the_first_accepted_type_that_is_known(accept: str, kind: str) -> None:
    assert encode_first([1], accept)[1] == kind


def test_types_that_are_not_known() -> None:
    words = "Content type image/png is not supported by this framework"
    with pytest.raises(UnsupportedFormatError, match=words):
        decode(b"", "image/png")
    with pytest.raises(UnsupportedFormatError, match=words):
        encode([], "image/png")
    with pytest.raises(UnsupportedFormatError, match=words):
        encode_first([], "image/png")
