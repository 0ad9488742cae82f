"""Every listing against a plain model of it: any keys, prefixes, delimiters, markers and page sizes."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from hypothesis import given, settings
from hypothesis import strategies as st
from modelled import BODY, Bucket, a_bucket, byte_order, group_of

from sagewright.services.s3.records import objects

_TEXT = st.text(alphabet="ab/\x01\u00e9\ud7ff\uffff\U0001f600\U0010ffff ", max_size=6)
_KEYS = st.sets(_TEXT.filter(bool), max_size=40)
_DELIMITERS = st.one_of(st.sampled_from(["", "/", "a", "b/", "//", "\u00e9"]), _TEXT.map(lambda text: text[:2]))


def model(places: list[str], prefix: str, delimiter: str, told: Any = lambda group: False) -> list[str]:
    """Keys, and each group once, in order. told: whether a group was told before the listing starts."""
    found: dict[str, None] = {}
    for place in sorted(places, key=byte_order):
        if place.startswith(prefix):
            group = group_of(place, prefix, delimiter)
            if not (group and told(group)):
                found[group or place] = None
    return sorted(found, key=byte_order)


def entries(answer: dict[str, Any], member: str) -> list[str]:
    found = [item["Key"] for item in answer[member]] + [item["Prefix"] for item in answer["CommonPrefixes"]]
    return sorted(map(unquote_plus, found) if answer["EncodingType"] else found, key=byte_order)


def fill(bucket: Bucket, keys: set[str]) -> None:
    with bucket.store.transaction():
        for key in keys:
            bucket.store.documents.insert(objects("bucket"), key, BODY)


@settings(max_examples=120)
@given(_KEYS, _TEXT, _DELIMITERS, _TEXT, st.integers(0, 7), st.sampled_from([None, "url"]))
def test_one_page_from_any_marker(
    keys: set[str], prefix: str, delimiter: str, marker: str, limit: int, encoding: str | None
) -> None:
    prefix = prefix[:2]
    asked = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": limit}
    asked |= {"EncodingType": encoding} if encoding else {}
    left = [key for key in keys if key > marker]
    with a_bucket() as bucket:
        fill(bucket, keys)
        first = bucket.call("ListObjects", Marker=marker, **asked)
        expected = model(left, prefix, delimiter, marker.startswith)
        assert entries(first, "Contents") == expected[:limit]
        assert first["IsTruncated"] == (len(expected) > limit > 0)
        assert ("NextMarker" in first) == bool(first["IsTruncated"] and delimiter)
        second = bucket.call("ListObjectsV2", StartAfter=marker, **asked)
        expected = model(left, prefix, delimiter)
        assert entries(second, "Contents") == expected[:limit]
        assert second["KeyCount"] == min(limit, len(expected))
        assert second["IsTruncated"] == (len(expected) > limit > 0)


@settings(max_examples=60)
@given(_KEYS, _TEXT, _DELIMITERS, st.integers(1, 7))
def test_all_pages(keys: set[str], prefix: str, delimiter: str, limit: int) -> None:
    prefix = prefix[:2]
    asked = {"Prefix": prefix, "Delimiter": delimiter, "EncodingType": "url"}
    with a_bucket() as bucket:
        fill(bucket, keys)
        expected = model(list(keys), prefix, delimiter)
        seen: list[str] = []
        following: dict[str, str] = {}
        while len(seen) <= len(expected):
            page = bucket.call("ListObjectsV2", MaxKeys=limit, **asked, **following)
            seen += entries(page, "Contents")
            if not page["IsTruncated"]:
                break
            following = {"ContinuationToken": page["NextContinuationToken"]}
        assert seen == expected
        seen, following = [], {}
        while len(seen) <= len(expected):
            page = bucket.call("ListObjects", MaxKeys=limit, **asked, **following)
            seen += entries(page, "Contents")
            if not page["IsTruncated"]:
                break
            following = {"Marker": unquote_plus(page["NextMarker"]) if delimiter else seen[-1]}
        assert seen == expected


@settings(max_examples=60)
@given(st.lists(_TEXT.filter(bool), max_size=20), _TEXT, _DELIMITERS, st.integers(1, 5))
def test_uploads(keys: list[str], prefix: str, delimiter: str, limit: int) -> None:
    prefix = prefix[:2]
    with a_bucket() as bucket:
        uploads = []
        for key in keys:
            bucket.clock.advance(1)
            uploads.append((key, bucket.call("CreateMultipartUpload", Key=key)["UploadId"]))
        uploads.sort(key=lambda upload: (byte_order(upload[0]), upload[1]))
        standing = [(key, upload) for key, upload in uploads if not group_of(key, prefix, delimiter)]
        standing = [(key, upload) for key, upload in standing if key.startswith(prefix)]
        groups = {group_of(key, prefix, delimiter) for key in keys if key.startswith(prefix)} - {""}
        seen: list[tuple[str, str]] = []
        told: list[str] = []
        following: dict[str, str] = {}
        for _ in range(len(keys) + 1):
            asked = {"Prefix": prefix, "Delimiter": delimiter, "MaxUploads": limit}
            page = bucket.call("ListMultipartUploads", **asked, **following)
            seen += [(item["Key"], item["UploadId"]) for item in page["Uploads"]]
            told += [item["Prefix"] for item in page["CommonPrefixes"]]
            assert len(page["Uploads"]) + len(page["CommonPrefixes"]) <= limit
            if not page["IsTruncated"]:
                break
            following = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
        assert (seen, told) == (standing, sorted(groups, key=byte_order))
