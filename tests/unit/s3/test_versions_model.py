"""Versions against a plain model of them: any mix of writes, deletes, suspensions, and of pages of the listing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled import BODY, Bucket, a_bucket, byte_order, group_of

from sagewright.core.errors import AwsError
from sagewright.services.s3.versions import key_of, old_versions

_KEYS = ["a", "a/b", "a/c", "b", "\U0001f600", "\uffff"]
_STEP = st.tuples(
    st.sampled_from(["put", "put", "put", "delete", "delete", "version", "on", "suspend"]),
    st.sampled_from(_KEYS),
    st.integers(0, 5),
)
Version = dict[str, Any]


class Model:
    """What a bucket holds: versions of each key, newest first."""

    def __init__(self) -> None:
        self.status = ""
        self.versions: dict[str, list[Version]] = {key: [] for key in _KEYS}

    def add(self, key: str, version: Version) -> None:
        if self.status != "Enabled":
            self.versions[key] = [item for item in self.versions[key] if item["VersionId"] != "null"]
        self.versions[key].insert(0, version)

    def current(self, key: str) -> Version | None:
        newest = self.versions[key][:1]
        return newest[0] if newest and not newest[0]["Marker"] else None

    def listed(self) -> list[tuple[str, str, bool, bool]]:
        return [
            (key, version["VersionId"], version["Marker"], index == 0)
            for key in sorted(_KEYS, key=byte_order)
            for index, version in enumerate(self.versions[key])
        ]


def put(bucket: Bucket, model: Model, key: str, number: int) -> None:
    placed = bucket.records.place("bucket", key, {**BODY, "ETag": str(number)})
    assert (placed.version_id is None) == (not model.status)
    assert (placed.version_id == "null") == (model.status == "Suspended")
    model.add(key, {"VersionId": placed.version_id or "null", "ETag": str(number), "Marker": False})


def delete(bucket: Bucket, model: Model, key: str) -> None:
    answer = bucket.call("DeleteObject", Key=key)
    if not model.status:
        assert answer == {"VersionId": None, "DeleteMarker": None}
        model.versions[key] = []
        return
    assert answer["DeleteMarker"] is True
    model.add(key, {"VersionId": answer["VersionId"], "Marker": True})


def delete_version(bucket: Bucket, model: Model, key: str, number: int) -> None:
    if not model.versions[key]:
        bucket.call("DeleteObject", Key=key, VersionId="null")
        return
    gone = model.versions[key].pop(number % len(model.versions[key]))
    answer = bucket.call("DeleteObject", Key=key, VersionId=gone["VersionId"])
    assert answer["DeleteMarker"] == (gone["Marker"] or None)


def listed(bucket: Bucket, **asked: Any) -> list[tuple[str, str, bool, bool]]:
    """Keys, version ids, whether they are delete markers and the latest; or of common prefixes the prefix."""
    found: list[tuple[str, str, bool, bool]] = []
    following: dict[str, Any] = {}
    for _ in range(200):
        page = bucket.call("ListObjectVersions", **asked, **following)
        part = [(item["Key"], item["VersionId"], False, item["IsLatest"]) for item in page["Versions"]]
        part += [(item["Key"], item["VersionId"], True, item["IsLatest"]) for item in page["DeleteMarkers"]]
        part += [(item["Prefix"], "", False, False) for item in page["CommonPrefixes"]]
        assert len(part) <= asked.get("MaxKeys", 1000)
        found += part
        if not page["IsTruncated"]:
            return found
        following = {"KeyMarker": page["NextKeyMarker"]}
        if page["NextVersionIdMarker"] is not None:
            following["VersionIdMarker"] = page["NextVersionIdMarker"]
    raise AssertionError("the listing does not end")


def check(bucket: Bucket, model: Model) -> None:
    wanted = model.listed()
    assert listed(bucket, MaxKeys=1) == wanted
    for size in (2, 3, 1000):
        assert sorted(listed(bucket, MaxKeys=size)) == sorted(wanted)
    rolled = [(group_of(key, "", "/") or key, *rest) for key, *rest in wanted]
    prefixes = {key for key, *_ in rolled if key.endswith("/")}
    standing = [item for item in rolled if not item[0].endswith("/")]
    assert sorted(listed(bucket, Delimiter="/", MaxKeys=2)) == sorted(
        [*standing, *((prefix, "", False, False) for prefix in prefixes)]
    )
    current = {key: found for key in _KEYS if (found := model.current(key)) is not None}
    assert [item["Key"] for item in bucket.call("ListObjectsV2")["Contents"]] == sorted(current, key=byte_order)
    for key in _KEYS:
        if key not in current:
            with pytest.raises(AwsError) as caught:
                bucket.records.version("bucket", key)
            assert caught.value.code == "NoSuchKey"
            assert ("x-amz-delete-marker" in caught.value.headers) == bool(model.versions[key])
        else:
            assert bucket.records.version("bucket", key).body["ETag"] == current[key]["ETag"]
        for version in model.versions[key]:
            if version["Marker"]:
                with pytest.raises(AwsError, match="MethodNotAllowed"):
                    bucket.records.version("bucket", key, version["VersionId"])
            else:
                assert bucket.records.version("bucket", key, version["VersionId"]).body["ETag"] == version["ETag"]


@settings(max_examples=80)
@given(st.lists(_STEP, max_size=30))
def test_any_history(steps: list[tuple[str, str, int]]) -> None:
    model = Model()
    with a_bucket() as bucket:
        for number, (step, key, chosen) in enumerate(steps):
            if chosen:
                bucket.clock.advance(0.4)
            match step:
                case "put":
                    put(bucket, model, key, number)
                case "delete":
                    delete(bucket, model, key)
                case "version":
                    delete_version(bucket, model, key, chosen)
                case _:
                    model.status = "Enabled" if step == "on" else "Suspended"
                    bucket.call("PutBucketVersioning", VersioningConfiguration={"Status": model.status})
        check(bucket, model)
        since = {
            (key_of(found), found.body["VersionId"]): found.body.get("NoncurrentSince")
            for found in bucket.store.documents.find(old_versions("bucket"))
        }
        assert set(since) == {(key, version) for key, version, marker, latest in model.listed() if marker or not latest}
        latest_markers = {(key, version) for key, version, marker, latest in model.listed() if marker and latest}
        assert {place for place, moment in since.items() if moment is None} == latest_markers


@settings(max_examples=40)
@given(st.lists(_STEP, max_size=30), st.integers(1, 4))
def test_a_bucket_emptied_page_by_page(steps: list[tuple[str, str, int]], size: int) -> None:
    """What a page has told is deleted before the next is asked for, so that its markers name nothing any more."""
    with a_bucket() as bucket:
        bucket.call("PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"})
        for number, (step, key, _) in enumerate(steps):
            if step in ("on", "suspend"):
                status = "Enabled" if step == "on" else "Suspended"
                bucket.call("PutBucketVersioning", VersioningConfiguration={"Status": status})
            elif step == "put":
                bucket.records.place("bucket", key, {**BODY, "ETag": str(number)})
            else:
                bucket.call("DeleteObject", Key=key)
        following: dict[str, Any] = {}
        for _ in range(40):
            page = bucket.call("ListObjectVersions", MaxKeys=size, **following)
            for item in [*page["Versions"], *page["DeleteMarkers"]]:
                bucket.call("DeleteObject", Key=item["Key"], VersionId=item["VersionId"])
            if not page["IsTruncated"]:
                break
            following = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        bucket.call("DeleteBucket")
