"""Lifecycle rules in buckets with versioning, on a clock that moves when told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from sagewright.core.clock import as_datetime
from sagewright.services.s3 import lifecycle_runs, s3

DAY = 86_400
NOON = 20_000 * DAY + DAY // 2
LARGE = b"x" * 131_072


@pytest.fixture
def call(in_process):
    in_process.clock.advance(NOON - in_process.clock.now())
    in_process.add(s3)
    place = {"LocationConstraint": "eu-west-1"}
    members = {"CreateBucketConfiguration": place, "ObjectLockEnabledForBucket": True}
    in_process.call("s3", "create_bucket", Bucket="bucket", **members)
    in_process.call("s3", "create_bucket", Bucket="plain", CreateBucketConfiguration=place)
    return lambda operation, /, Bucket="bucket", **members: in_process.call("s3", operation, Bucket=Bucket, **members)


@pytest.fixture
def tidy(in_process):
    def run(days: float = 0) -> None:
        in_process.clock.advance(days * DAY)
        asyncio.run(lifecycle_runs(in_process.store, in_process.clock).tidy(in_process.clock.now()))

    return run


@pytest.fixture
def rule(call):
    def put(*rules, bucket="bucket"):
        filled = [{"ID": f"r{number}", "Status": "Enabled", "Filter": {}, **rule} for number, rule in enumerate(rules)]
        call("put_bucket_lifecycle_configuration", Bucket=bucket, LifecycleConfiguration={"Rules": filled})

    return put


def write(call, in_process, *bodies: bytes, key: str = "k", days: float = 0) -> list[str]:
    """Version ids, the oldest first; days lie between them."""
    ids = []
    for body in bodies:
        ids.append(call("put_object", Key=key, Body=body)["VersionId"])
        in_process.clock.advance(days * DAY)
    return ids


def versions(call, bucket="bucket") -> list[tuple[str, bool]]:
    """(version id, whether it is the latest), the newest first."""
    found = call("list_object_versions", Bucket=bucket)
    return [(item["VersionId"], item["IsLatest"]) for item in found["Versions"]]


def markers(call, bucket="bucket") -> list[tuple[str, bool]]:
    found = call("list_object_versions", Bucket=bucket)
    return [(item["VersionId"], item["IsLatest"]) for item in found["DeleteMarkers"]]


def test_a_current_version_expires_under_a_delete_marker(call, rule, tidy, in_process):
    first, second = write(call, in_process, b"1", b"2")
    rule({"Expiration": {"Days": 1}})
    tidy(2)
    assert versions(call) == [(second, False), (first, False)]
    assert [latest for _, latest in markers(call)] == [True]
    tidy(5)
    assert len(markers(call)) == 1


def test_a_suspended_bucket_loses_its_null_version(call, rule, tidy, in_process):
    call("put_bucket_versioning", Bucket="plain", VersioningConfiguration={"Status": "Enabled"})
    kept = call("put_object", Bucket="plain", Key="k", Body=b"1")["VersionId"]
    call("put_bucket_versioning", Bucket="plain", VersioningConfiguration={"Status": "Suspended"})
    call("put_object", Bucket="plain", Key="k", Body=b"2")
    rule({"Expiration": {"Days": 1}}, bucket="plain")
    tidy(2)
    assert versions(call, "plain") == [(kept, False)]
    assert markers(call, "plain") == [("null", True)]
    assert sum(path.is_file() for path in in_process.store.blobs.folder.rglob("*")) == 1


def test_noncurrent_versions_go_by_the_age_of_what_replaced_them(call, rule, tidy, in_process):
    first, second, third = write(call, in_process, b"1", b"2", b"3", days=5)
    rule({"NoncurrentVersionExpiration": {"NoncurrentDays": 15}})
    tidy()
    assert versions(call) == [(third, True), (second, False), (first, False)]
    tidy(5.5)  # the first was replaced 15.5 days ago, the second 10.5
    assert versions(call) == [(third, True), (second, False)]
    tidy(5)
    assert versions(call) == [(third, True)]


def test_some_newer_noncurrent_versions_stay(call, rule, tidy, in_process):
    ids = write(call, in_process, *[b"x"] * 6)
    others = write(call, in_process, *[b"x"] * 2, key="other")
    rule({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}})
    tidy(3)
    assert [name for name, _ in versions(call)] == [*reversed(ids[-3:]), *reversed(others)]


def test_a_delete_marker_goes_when_it_hides_nothing(call, rule, tidy, in_process):
    write(call, in_process, b"1", b"2")
    call("delete_object", Key="k")
    rule(
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 3}},
    )
    tidy(3)
    assert (len(versions(call)), len(markers(call))) == (2, 1)
    tidy(1)
    tidy()
    assert (versions(call), markers(call)) == ([], [])


def test_an_old_delete_marker_goes_by_days_too(call, rule, tidy, in_process):
    call("delete_object", Key="k")
    rule({"Expiration": {"Days": 2}})
    tidy(2.4)
    assert len(markers(call)) == 1
    tidy(0.1)
    assert markers(call) == []


def test_noncurrent_versions_change_their_storage_class(call, rule, tidy, in_process):
    first, second = write(call, in_process, LARGE, LARGE)
    rule({"NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "GLACIER"}]})
    tidy(2)
    found = {item["VersionId"]: item["StorageClass"] for item in call("list_object_versions")["Versions"]}
    assert found == {first: "GLACIER", second: "STANDARD"}


@pytest.mark.parametrize("lock", ["retention", "hold"])
def test_what_a_lock_protects_stays(call, rule, tidy, in_process, lock):
    first, second = write(call, in_process, b"1", b"2")
    if lock == "hold":
        call("put_object_legal_hold", Key="k", VersionId=first, LegalHold={"Status": "ON"})
    else:
        until = as_datetime(in_process.clock.now() + 10 * DAY)
        call(
            "put_object_retention", Key="k", VersionId=first, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}
        )
    rule({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    tidy(5)
    assert versions(call) == [(second, True), (first, False)]
    if lock == "hold":
        call("put_object_legal_hold", Key="k", VersionId=first, LegalHold={"Status": "OFF"})
    tidy(6)
    assert versions(call) == [(second, True)]


def test_only_the_current_version_tells_its_end(call, rule, in_process):
    first, second = write(call, in_process, b"1", b"2")
    rule({"Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)}})
    assert call("head_object", Key="k", VersionId=second)["Expiration"].startswith('expiry-date="Tue, 01 Jan 2030')
    assert call("head_object", Key="k", VersionId=first).get("Expiration") is None


def test_many_versions_over_several_batches(call, rule, tidy, in_process):
    ids = write(call, in_process, *[b""] * 130, key="a")
    rest = write(call, in_process, *[b""] * 90, key="b")
    rule({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 100}})
    tidy(3)
    assert len(versions(call)) == 101 + 90
    assert [name for name, _ in versions(call)] == [*reversed(ids[-101:]), *reversed(rest)]
