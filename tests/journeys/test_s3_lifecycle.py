"""Lifecycle rules, archives and their restore as boto3 uses them, against a real server."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from s3_client import make_client, refused

from sagewright.testing.server import running_server

PAST = datetime(2020, 1, 1, tzinfo=UTC)
LARGE = b"x" * 131_072


def put(s3, bucket, *rules, **members):
    filled = [{"ID": f"r{number}", "Status": "Enabled", "Filter": {}, **rule} for number, rule in enumerate(rules)]
    return s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": filled}, **members)


def eventually(look, wanted, seconds=10.0):
    """What look() gives, once it is wanted."""
    deadline = time.monotonic() + seconds
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == wanted


def keys(s3, bucket):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_rules_are_kept_and_given_back(s3, bucket):
    rules = [
        {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}},
        {
            "ID": "b",
            "Status": "Disabled",
            "Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]}},
            "Transitions": [
                {"Days": 30, "StorageClass": "STANDARD_IA"},
                {"Days": 60, "StorageClass": "GLACIER"},
            ],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        },
        {"ID": "c", "Status": "Enabled", "Prefix": "old", "Expiration": {"Date": datetime(2099, 1, 1, tzinfo=UTC)}},
    ]
    answer = s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert found["Rules"] == rules
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    with refused("InvalidRequest") as found:
        put(s3, bucket, {})
    assert found.error["Message"] == "At least one action needs to be specified in a rule"
    with refused("InvalidArgument") as found:
        put(s3, bucket, {"Expiration": {"Date": datetime(2030, 1, 1, 5, tzinfo=UTC)}})
    assert (found.error["Message"], found.error["ArgumentName"]) == ("'Date' must be at midnight GMT", "Date")


def test_objects_past_their_date_go(s3, bucket):
    for key in ("logs/1", "logs/2", "data"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    put(s3, bucket, {"Expiration": {"Date": PAST}, "Filter": {"Prefix": "logs/"}})
    eventually(lambda: keys(s3, bucket), ["data"])


def test_versions_and_transitions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("cold", "gone"):
        s3.put_object(Bucket=bucket, Key=key, Body=LARGE)
    put(
        s3,
        bucket,
        {"Expiration": {"Date": PAST}, "Filter": {"Prefix": "gone"}},
        {"Transitions": [{"Date": PAST, "StorageClass": "DEEP_ARCHIVE"}], "Filter": {"Prefix": "cold"}},
    )
    eventually(lambda: keys(s3, bucket), ["cold"])
    found = s3.list_object_versions(Bucket=bucket)
    assert [(item["Key"], item["IsLatest"]) for item in found["DeleteMarkers"]] == [("gone", True)]
    assert [item["Key"] for item in found["Versions"]] == ["cold", "gone"]
    eventually(lambda: s3.head_object(Bucket=bucket, Key="cold").get("StorageClass"), "DEEP_ARCHIVE")
    with refused("InvalidObjectState", 403):
        s3.get_object(Bucket=bucket, Key="cold")


def test_what_clients_are_told(s3, bucket):
    put(
        s3,
        bucket,
        {"ID": "my rule", "Expiration": {"Days": 10}},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
    )
    now = datetime.now(UTC)
    due = (now + timedelta(days=11)).replace(hour=0, minute=0, second=0, microsecond=0)
    told = f'expiry-date="{due:%a, %d %b %Y} 00:00:00 GMT", rule-id="my%20rule"'
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["Expiration"] == told
    assert s3.head_object(Bucket=bucket, Key="k")["Expiration"] == told
    assert s3.get_object(Bucket=bucket, Key="k")["Expiration"] == told
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert copied["Expiration"] == told
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")
    aborted = (now + timedelta(days=4)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (upload["AbortDate"], upload["AbortRuleId"]) == (aborted, "r1")
    names = {"Bucket": bucket, "Key": "m", "UploadId": upload["UploadId"]}
    assert s3.list_parts(**names)["AbortDate"] == aborted
    tag = s3.upload_part(**names, PartNumber=1, Body=b"x")["ETag"]
    ended = s3.complete_multipart_upload(**names, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert ended["Expiration"] == told


def test_restoring_an_archived_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"bytes", StorageClass="GLACIER")
    with refused("InvalidObjectState", 403) as found:
        s3.get_object(Bucket=bucket, Key="k")
    assert found.error["StorageClass"] == "GLACIER"
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["StorageClass"] == "GLACIER"
    assert "Restore" not in head
    with refused("ObjectNotInActiveTierError", 403):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    for status in (202, 200):
        request = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
        answer = s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=request)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    s3.get_waiter("object_exists").wait(Bucket=bucket, Key="k", WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    assert s3.head_object(Bucket=bucket, Key="k")["Restore"].startswith('ongoing-request="false", expiry-date="')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"bytes"
    s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k"}, StorageClass="STANDARD")
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")
    with refused("InvalidObjectState", 403):
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1})


def test_rules_that_fell_due_while_no_server_ran(tmp_path):
    with running_server(tmp_path / "data") as server:
        client = make_client(server.url)
        client.create_bucket(Bucket="bucket")
        put(client, "bucket", {"Expiration": {"Date": PAST}})
        server.kill()
        server.start()
        # What is written after a run waits for the next one: at midnight, or when a server starts.
        client.put_object(Bucket="bucket", Key="k", Body=b"x")
        time.sleep(0.2)
        assert keys(client, "bucket") == ["k"]
        server.kill()
        server.start()
        eventually(lambda: keys(client, "bucket"), [])
        client.close()


def test_the_older_names_are_the_newer_ones_on_the_wire(s3, bucket):
    rule = {"ID": "r", "Status": "Enabled", "Prefix": "a", "Transition": {"Days": 30, "StorageClass": "GLACIER"}}
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [rule]
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert found[0]["Transitions"] == [rule["Transition"]]
