"""Object lock over time, which journeys cannot wait for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sagewright.core.clock import as_datetime
from sagewright.core.errors import AwsError
from sagewright.services.s3 import s3

DAY = 86_400


@pytest.fixture
def call(in_process):
    in_process.add(s3)

    def send(operation, **members):
        return in_process.call("s3", operation, Bucket="bucket", **members)

    place = {"LocationConstraint": "eu-west-1"}
    send("create_bucket", ObjectLockEnabledForBucket=True, CreateBucketConfiguration=place)
    return send


def delete(call, version, **members):
    return call("delete_object", Key="k", VersionId=version, **members)


def refuses(call, version, **members):
    with pytest.raises(AwsError, match="protected by object lock") as caught:
        delete(call, version, **members)
    return caught.value.status == 403


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_retention_ends(call, in_process, mode):
    until = as_datetime(in_process.clock.now() + 2 * DAY)
    lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}
    version = call("put_object", Key="k", Body=b"x", **lock)["VersionId"]
    in_process.clock.advance(2 * DAY - 1)
    assert refuses(call, version)
    in_process.clock.advance(1)
    assert delete(call, version)["VersionId"] == version


def test_a_legal_hold_does_not(call, in_process):
    version = call("put_object", Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    in_process.clock.advance(10_000 * DAY)
    assert refuses(call, version, BypassGovernanceRetention=True)
    call("put_object_legal_hold", Key="k", LegalHold={"Status": "OFF"})
    delete(call, version)


def test_an_ended_retention_may_be_taken_away_and_set_anew(call, in_process):
    until = as_datetime(in_process.clock.now() + DAY)
    retention = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    version = call("put_object", Key="k", Body=b"x")["VersionId"]
    call("put_object_retention", Key="k", Retention=retention)
    in_process.clock.advance(DAY)
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": as_datetime(in_process.clock.now() + 1)}
    call("put_object_retention", Key="k", Retention=shorter)
    assert call("get_object_retention", Key="k", VersionId=version)["Retention"]["Mode"] == "GOVERNANCE"
    in_process.clock.advance(1)
    call("put_object_retention", Key="k", Retention={})
    with pytest.raises(AwsError, match="NoSuchObjectLockConfiguration"):
        call("get_object_retention", Key="k")


def test_a_default_in_years_follows_the_calendar(call, in_process):
    in_process.clock.advance(datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp() - in_process.clock.now())
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 1}}
    call("put_object_lock_configuration", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    call("put_object", Key="k", Body=b"x")
    assert call("head_object", Key="k")["ObjectLockRetainUntilDate"] == datetime(2025, 2, 28, 12, tzinfo=UTC)
    in_process.clock.advance(DAY)
    call("put_object", Key="k", Body=b"x")
    assert call("head_object", Key="k")["ObjectLockRetainUntilDate"] == datetime(2025, 3, 1, 12, tzinfo=UTC)


def test_a_copy_is_locked_by_its_own_request(call, in_process):
    until = as_datetime(in_process.clock.now() + DAY)
    call("put_object", Key="k", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    call("copy_object", Key="copy", CopySource="bucket/k")
    assert "ObjectLockMode" not in call("head_object", Key="copy")


def test_tags_and_bodies_survive_a_move_to_old_versions(call):
    first = call("put_object", Key="k", Body=b"1", Tagging="a=1", ObjectLockLegalHoldStatus="ON")["VersionId"]
    call("put_object", Key="k", Body=b"2")
    call("delete_object", Key="k")
    head = call("head_object", Key="k", VersionId=first)
    assert (head["TagCount"], head["ObjectLockLegalHoldStatus"], head["VersionId"]) == (1, "ON", first)
    assert refuses(call, first)
