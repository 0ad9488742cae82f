"""Object lock as boto3 uses it, against a real server."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from s3_client import refused

LOCKED = "Access Denied because object protected by object lock."


def days(number):
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=number)


@pytest.fixture
def locking(s3):
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def put(s3, bucket, **members):
    return s3.put_object(Bucket=bucket, Key="k", Body=b"x", **members)["VersionId"]


def test_the_bucket(s3, bucket, locking):
    assert s3.get_bucket_versioning(Bucket=locking)["Status"] == "Enabled"
    found = s3.get_object_lock_configuration(Bucket=locking)["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=locking, VersioningConfiguration={"Status": "Suspended"})
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    with refused("InvalidBucketState", 409):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=found)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=found)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == found


@pytest.mark.parametrize(
    ("retention", "code"),
    [
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Years": 101}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "OTHER", "Days": 1}, "MalformedXML"),
    ],
)
def test_defaults_that_are_refused(s3, locking, retention, code):
    wanted = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    with refused(code):
        s3.put_object_lock_configuration(Bucket=locking, ObjectLockConfiguration=wanted)


def test_the_default_retention(s3, locking):
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    s3.put_object_lock_configuration(
        Bucket=locking, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    version = put(s3, locking)
    head = s3.head_object(Bucket=locking, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert abs(head["ObjectLockRetainUntilDate"] - days(3)) < timedelta(minutes=1)
    with refused("AccessDenied", 403) as denied:
        s3.delete_object(Bucket=locking, Key="k", VersionId=version)
    assert denied.error["Message"] == LOCKED
    result = s3.delete_objects(Bucket=locking, Delete={"Objects": [{"Key": "k", "VersionId": version}]})
    assert [item["Code"] for item in result["Errors"]] == ["AccessDenied"]
    assert s3.delete_object(Bucket=locking, Key="k")["DeleteMarker"] is True
    s3.delete_object(Bucket=locking, Key="k", VersionId=version, BypassGovernanceRetention=True)
    upload = s3.create_multipart_upload(Bucket=locking, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=locking, Key="m", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=locking, Key="m", UploadId=upload, MultipartUpload=parts)
    assert s3.head_object(Bucket=locking, Key="m")["ObjectLockMode"] == "GOVERNANCE"
    s3.copy_object(Bucket=locking, Key="copy", CopySource={"Bucket": locking, "Key": "m"})
    assert s3.head_object(Bucket=locking, Key="copy")["ObjectLockMode"] == "GOVERNANCE"


def test_governance(s3, locking):
    version = put(s3, locking, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=days(10))
    which = {"Bucket": locking, "Key": "k", "VersionId": version}
    found = s3.get_object_retention(**which)["Retention"]
    assert (found["Mode"], found["RetainUntilDate"].date()) == ("GOVERNANCE", days(10).date())
    s3.put_object_retention(**which, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": days(20)})
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": days(5)}
    with refused("AccessDenied", 403):
        s3.put_object_retention(**which, Retention=shorter)
    with refused("AccessDenied", 403):
        s3.put_object_retention(**which, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": days(30)})
    with refused("AccessDenied", 403):
        s3.put_object_retention(**which, Retention={})
    s3.put_object_retention(**which, Retention=shorter, BypassGovernanceRetention=True)
    assert s3.get_object_retention(**which)["Retention"]["RetainUntilDate"] < days(6)
    s3.put_object_retention(**which, Retention={}, BypassGovernanceRetention=True)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(**which)
    s3.delete_object(**which)


def test_compliance(s3, locking):
    version = put(s3, locking, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=days(10))
    which = {"Bucket": locking, "Key": "k", "VersionId": version}
    s3.put_object_retention(**which, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": days(11)})
    for change in ({"Mode": "COMPLIANCE", "RetainUntilDate": days(1)}, {"Mode": "GOVERNANCE"}, {}):
        if change.get("Mode") == "GOVERNANCE":
            change["RetainUntilDate"] = days(20)
        with refused("AccessDenied", 403):
            s3.put_object_retention(**which, Retention=change, BypassGovernanceRetention=True)
    with refused("AccessDenied", 403):
        s3.delete_object(**which, BypassGovernanceRetention=True)
    assert s3.get_object(**which)["ObjectLockMode"] == "COMPLIANCE"


def test_legal_hold(s3, locking):
    version = put(s3, locking, ObjectLockLegalHoldStatus="ON")
    which = {"Bucket": locking, "Key": "k", "VersionId": version}
    assert s3.head_object(**which)["ObjectLockLegalHoldStatus"] == "ON"
    with refused("AccessDenied", 403):
        s3.delete_object(**which, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(**which, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(**which)["LegalHold"]["Status"] == "OFF"
    with refused("MalformedXML"):
        s3.put_object_legal_hold(**which, LegalHold={"Status": "MAYBE"})
    s3.delete_object(**which)
    put(s3, locking)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_legal_hold(Bucket=locking, Key="k")


def test_wrong_requests(s3, bucket, locking):
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": days(1)}
    with refused("InvalidRequest") as missing:
        put(s3, bucket, **until)
    assert missing.error["Message"] == "Bucket is missing Object Lock Configuration"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("InvalidRequest"):
        s3.get_object_retention(Bucket=bucket, Key="k")
    with refused("InvalidRequest"):
        s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})
    with refused("InvalidArgument"):
        s3.delete_object(Bucket=bucket, Key="k", VersionId="null", BypassGovernanceRetention=True)
    with refused("InvalidArgument"):
        put(s3, locking, ObjectLockMode="GOVERNANCE")
    with refused("InvalidArgument"):
        put(s3, locking, ObjectLockMode="OTHER", ObjectLockRetainUntilDate=days(1))
    with refused("InvalidArgument"):
        put(s3, locking, **{**until, "ObjectLockRetainUntilDate": days(-1)})
    put(s3, locking)
    with refused("InvalidArgument"):
        s3.put_object_retention(Bucket=locking, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": days(-1)})
    with refused("MalformedXML"):
        s3.put_object_retention(Bucket=locking, Key="k", Retention={"Mode": "GOVERNANCE"})


def test_a_locked_body_needs_a_checksum(s3, locking):
    def send(**digest):
        members = {"Bucket": locking, "Key": "k", "ObjectLockLegalHoldStatus": "ON"}
        url = s3.generate_presigned_url("put_object", Params=members)
        headers = {"x-amz-object-lock-legal-hold": "ON", **digest}
        return urllib.request.urlopen(urllib.request.Request(url, data=b"x", headers=headers, method="PUT"))

    with pytest.raises(urllib.error.HTTPError) as caught:
        send()
    with caught.value as answer:
        assert answer.code == 400
        assert "Content-MD5 OR x-amz-checksum-" in answer.read().decode()
    digest = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    with send(**{"Content-MD5": digest}) as answer:
        assert answer.status == 200
    assert s3.head_object(Bucket=locking, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
