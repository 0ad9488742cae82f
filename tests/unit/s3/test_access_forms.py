"""Reading a form from pieces of any size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.services.s3.access.form_parts import Form, FormReader, boundary_of

_LETTERS = st.binary(max_size=300) | st.text("\r\n-b", max_size=60).map(str.encode)


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read(data: bytes, size: int) -> tuple[Form, bytes]:
    async def whole() -> tuple[Form, bytes]:
        reader = FormReader(pieces(data, size), b"b")
        form = await reader.head()
        return form, b"".join([piece async for piece in reader.file()])

    return asyncio.run(whole())


def form(value: bytes, file: bytes, end: bytes = b"\r\n--b--\r\n") -> bytes:
    field = b'--b\r\nContent-Disposition: form-data; name="A"\r\n\r\n' + value
    return field + b'\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n' + file + end


@given(value=_LETTERS, file=_LETTERS, size=st.integers(1, 64))
def test_a_form_in_pieces(value: bytes, file: bytes, size: int) -> None:
    delimiter = b"\r\n--b"
    if delimiter in value + b"\r\n" or delimiter in b"\r\n" + file + b"\r\n":
        return
    found, bytes_of = read(form(value, file), size)
    assert (found.fields, found.filename, bytes_of) == ({"a": value}, b"f", file)


@given(data=st.binary(max_size=400), size=st.integers(1, 64))
def test_anything_else_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(AwsError) as caught:
        read(data, size)
    assert caught.value.status == 400


@given(cut=st.integers(0, 40), size=st.integers(1, 64))
def test_a_form_that_ends_early(cut: int, size: int) -> None:
    whole = form(b"1", b"file")
    end = whole.index(b"\r\n--b--") + len(b"\r\n--b-")
    with pytest.raises(AwsError):
        read(whole[: max(0, end - cut)], size)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; charset=utf-8; Boundary="a b"', b"a b"),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=" + "x" * 71, None),
    ],
)
def test_boundaries(content_type: str, boundary: bytes | None) -> None:
    if boundary is not None:
        assert boundary_of(content_type) == boundary
        return
    with pytest.raises(AwsError, match="MalformedPOSTRequest"):
        boundary_of(content_type)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.txt", "a.txt"),
        ("C:\\\\pictures\\\\a.txt", "a.txt"),
        ("/home/a.txt", "a.txt"),
        ('a\\"b.txt', 'a"b.txt'),
        ("", ""),
    ],
)
def test_names_of_files(sent: str, kept: str) -> None:
    data = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{sent}"\r\n\r\nx\r\n--b--'.encode()
    assert read(data, 7)[0].filename.decode() == kept
