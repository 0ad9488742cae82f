"""Names, ranges and conditions, rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.s3.names import check_bucket_name, check_key
from sagewright.services.s3.objects import conditions
from sagewright.services.s3.storage import ranges
from sagewright.services.s3.storage.ranges import Span


@pytest.mark.parametrize("name", ["abc", "a.b-c", "sagemaker-us-east-1-000000000000", "0" * 63])
def test_good_bucket_names(name: str) -> None:
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "0" * 64,
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        "a..b",
        "192.168.0.1",
        "xn--abc",
        "abc--x-s3",
        "abc-s3alias",
        "a b",
        "",
    ],
)
def test_bad_bucket_names(name: str) -> None:
    with pytest.raises(AwsError, match="InvalidBucketName"):
        check_bucket_name(name)


def test_keys_are_measured_in_bytes() -> None:
    check_key("é" * 512)
    check_key("../../etc/passwd")
    with pytest.raises(AwsError, match="KeyTooLongError"):
        check_key("é" * 512 + "a")


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1, 10)),
        ("bytes=2-5", Span(2, 4, 10)),
        ("bytes=2-", Span(2, 8, 10)),
        ("bytes=2-99", Span(2, 8, 10)),
        ("bytes=-3", Span(7, 3, 10)),
        ("bytes=-99", Span(0, 10, 10)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("lines=0-1", None),
        (None, None),
    ],
)
def test_ranges(header: str | None, span: Span | None) -> None:
    assert ranges.parse(header, 10) == span


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_ranges_beyond_the_end(header: str, size: int) -> None:
    with pytest.raises(AwsError) as caught:
        ranges.parse(header, size)
    assert (caught.value.code, caught.value.status) == ("InvalidRange", 416)
    assert caught.value.headers == {"Content-Range": f"bytes */{size}"}


_BODY = {"ETag": "abc", "LastModified": 1_000_000.75}
_BEFORE, _SAME, _LATER = (datetime.fromtimestamp(at, UTC) for at in (999_999, 1_000_000, 1_000_001))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({}, 0),
        ({"IfMatch": '"abc"'}, 0),
        ({"IfMatch": '"x", "abc"'}, 0),
        ({"IfMatch": "*"}, 0),
        ({"IfMatch": '"x"'}, 412),
        ({"IfNoneMatch": '"abc"'}, 304),
        ({"IfNoneMatch": '"x"'}, 0),
        ({"IfModifiedSince": _BEFORE}, 0),
        ({"IfModifiedSince": _SAME}, 304),
        ({"IfUnmodifiedSince": _BEFORE}, 412),
        ({"IfUnmodifiedSince": _SAME}, 0),
        ({"IfMatch": '"abc"', "IfUnmodifiedSince": _BEFORE}, 0),
        ({"IfNoneMatch": '"x"', "IfModifiedSince": _LATER}, 0),
        ({"IfNoneMatch": '"abc"', "IfModifiedSince": _BEFORE}, 304),
        ({"IfMatch": '"x"', "IfNoneMatch": '"abc"'}, 412),
    ],
)
def test_read_conditions(request_: dict[str, Any], status: int) -> None:
    if not status:
        conditions.check_read(request_, _BODY)
        return
    with pytest.raises(AwsError) as caught:
        conditions.check_read(request_, _BODY)
    assert caught.value.status == status
    if status == 304:
        assert caught.value.headers == {"ETag": '"abc"', "Last-Modified": "Mon, 12 Jan 1970 13:46:40 GMT"}
