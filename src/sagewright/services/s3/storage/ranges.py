"""Byte ranges of a GET.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html and RFC 9110, section 14.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors

_RANGE = re.compile(r"bytes=(\d{0,99})-(\d{0,99})", re.IGNORECASE)
_COPY_RANGE = re.compile(r"bytes=(\d{1,99})-(\d{1,99})")


class Span(NamedTuple):
    """length bytes from start of an object of size bytes."""

    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


def parse(header: str | None, size: int) -> Span | None:
    """The range asked for; None for the whole, also where there are several or the header makes no sense.

    Raises AwsError InvalidRange (416) where the object has no such bytes.
    """
    found = _RANGE.fullmatch("".join(header.split())) if header else None
    if found is None or found[1] == found[2] == "":
        return None
    if found[1]:
        start = int(found[1])
        end = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < start:
            return None
    else:
        start = max(size - int(found[2]), 0)
        end = size - 1
    if start >= size:
        raise AwsError(
            "InvalidRange",
            "The requested range is not satisfiable",
            416,
            headers={"Content-Range": f"bytes */{size}"},
            RangeRequested=header,
            ActualObjectSize=size,
        )
    return Span(start, end - start + 1, size)


def part(parts: list[dict[str, Any]], number: int, size: int) -> Span:
    """The bytes of a part; an object in one piece is its own part 1. Raises AwsError InvalidPartNumber (416)."""
    start = 0
    for item in parts or [{"PartNumber": 1, "Size": size}]:
        if item["PartNumber"] == number:
            return Span(start, item["Size"], size)
        start += item["Size"]
    raise AwsError(
        "InvalidPartNumber",
        "The requested partnumber is not satisfiable",
        416,
        PartNumberRequested=number,
        ActualPartCount=len(parts) or 1,
    )


def of_copy(header: str | None, size: int) -> Span:
    """The bytes of an UploadPartCopy. Raises AwsError InvalidArgument, InvalidRange."""
    if header is None:
        return Span(0, size, size)
    found = _COPY_RANGE.fullmatch(header)
    if found is None or int(found[1]) > int(found[2]):
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
        message += "zero-based offsets of the first and last bytes to copy"
        raise errors.invalid_argument(message, "x-amz-copy-source-range", header)
    start, end = int(found[1]), int(found[2])
    if end >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise errors.invalid_argument(message, "x-amz-copy-source-range", header)
    return Span(start, end - start + 1, size)
