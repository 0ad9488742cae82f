"""Versioning as boto3 uses it, against a real server, which may be killed in the middle."""

from __future__ import annotations

import threading
import time
import uuid

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from s3_client import make_client, refused

from sagewright.testing.server import running_server

ENABLED = {"Status": "Enabled"}
SUSPENDED = {"Status": "Suspended"}
UNKNOWN = "x" * 32


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=ENABLED)
    return bucket


def put(s3, bucket, body, key="k", **members):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **members)["VersionId"]


def listed(s3, bucket):
    answer = s3.list_object_versions(Bucket=bucket)
    versions = [(item["Key"], item["VersionId"], item["IsLatest"]) for item in answer.get("Versions", [])]
    markers = [(item["Key"], item["VersionId"], item["IsLatest"]) for item in answer.get("DeleteMarkers", [])]
    return versions, markers


def body_of(s3, bucket, **which):
    return s3.get_object(Bucket=bucket, Key="k", **which)["Body"].read()


def test_a_bucket_says_how_it_keeps_versions(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for wanted in (ENABLED, SUSPENDED, ENABLED):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=wanted)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == wanted["Status"]
    with refused("NotImplemented", 501):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={**ENABLED, "MFADelete": "Enabled"}, MFA="a 1")
    with refused("IllegalVersioningConfigurationException"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})
    with refused("MalformedXML"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "On"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_versions_are_kept_and_read(s3, versioned):
    first, second = put(s3, versioned, b"1"), put(s3, versioned, b"22")
    assert len({first, second}) == 2
    assert body_of(s3, versioned) == b"22"
    assert body_of(s3, versioned, VersionId=first) == b"1"
    head = s3.head_object(Bucket=versioned, Key="k", VersionId=first)
    assert (head["VersionId"], head["ContentLength"]) == (first, 1)
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == second
    assert listed(s3, versioned)[0] == [("k", second, True), ("k", first, False)]
    assert [item["Size"] for item in s3.list_objects_v2(Bucket=versioned)["Contents"]] == [2]
    for version, code, status in ((UNKNOWN, "NoSuchVersion", 404), ("no id", "InvalidArgument", 400)):
        with refused(code, status):
            s3.get_object(Bucket=versioned, Key="k", VersionId=version)
    with refused("404", 404):
        s3.head_object(Bucket=versioned, Key="k", VersionId=UNKNOWN)


def test_delete_markers(s3, versioned):
    first = put(s3, versioned, b"1")
    answer = s3.delete_object(Bucket=versioned, Key="k")
    marker = answer["VersionId"]
    assert answer["DeleteMarker"] is True
    with refused("NoSuchKey", 404) as gone:
        s3.get_object(Bucket=versioned, Key="k")
    assert gone.headers["x-amz-delete-marker"] == "true"
    assert gone.headers["x-amz-version-id"] == marker
    with refused("404", 404) as gone:
        s3.head_object(Bucket=versioned, Key="k")
    assert gone.headers["x-amz-delete-marker"] == "true"
    with refused("MethodNotAllowed", 405) as named:
        s3.get_object(Bucket=versioned, Key="k", VersionId=marker)
    assert (named.headers["allow"], named.headers["x-amz-delete-marker"]) == ("DELETE", "true")
    assert "last-modified" in named.headers
    with refused("405", 405):
        s3.head_object(Bucket=versioned, Key="k", VersionId=marker)
    with refused("MethodNotAllowed", 405):
        s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=marker)
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert listed(s3, versioned) == ([("k", first, False)], [("k", marker, True)])
    assert body_of(s3, versioned, VersionId=first) == b"1"
    answer = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert (answer["VersionId"], answer["DeleteMarker"]) == (marker, True)
    assert body_of(s3, versioned) == b"1"
    assert s3.delete_object(Bucket=versioned, Key="never there")["DeleteMarker"] is True


def test_deleting_the_current_version_uncovers_the_one_before(s3, versioned):
    ids = [put(s3, versioned, text) for text in (b"1", b"2", b"3")]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert (body_of(s3, versioned), s3.head_object(Bucket=versioned, Key="k")["VersionId"]) == (b"2", ids[1])
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[0])
    assert listed(s3, versioned)[0] == [("k", ids[1], True)]
    answer = s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[0])
    assert (answer["VersionId"], "DeleteMarker" in answer) == (ids[0], False)
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=versioned)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[1])
    s3.delete_bucket(Bucket=versioned)


def test_a_marker_alone_keeps_the_bucket(s3, versioned):
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=versioned)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    s3.delete_bucket(Bucket=versioned)


def test_null_versions(s3, bucket):
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    assert "VersionId" not in s3.head_object(Bucket=bucket, Key="k")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=ENABLED)
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    second = put(s3, bucket, b"2")
    assert body_of(s3, bucket, VersionId="null") == b"before"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=SUSPENDED)
    assert put(s3, bucket, b"suspended") == "null"
    assert listed(s3, bucket)[0] == [("k", "null", True), ("k", second, False)]
    assert body_of(s3, bucket, VersionId="null") == b"suspended"
    answer = s3.delete_object(Bucket=bucket, Key="k")
    assert (answer["VersionId"], answer["DeleteMarker"]) == ("null", True)
    assert listed(s3, bucket) == ([("k", second, False)], [("k", "null", True)])
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert body_of(s3, bucket) == b"2"


def test_delete_objects_of_versions(s3, versioned):
    first = put(s3, versioned, b"1")
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k"}]})["Deleted"][0]
    assert (answer["Key"], answer["DeleteMarker"]) == ("k", True)
    wanted = [{"Key": "k", "VersionId": version} for version in (first, answer["DeleteMarkerVersionId"], "no id")]
    result = s3.delete_objects(Bucket=versioned, Delete={"Objects": wanted})
    assert result["Deleted"] == [
        {"Key": "k", "VersionId": first},
        {
            "Key": "k",
            "VersionId": wanted[1]["VersionId"],
            "DeleteMarker": True,
            "DeleteMarkerVersionId": wanted[1]["VersionId"],
        },
    ]
    assert [(item["VersionId"], item["Code"]) for item in result["Errors"]] == [("no id", "InvalidArgument")]
    assert listed(s3, versioned) == ([], [])


def test_copies_tags_and_attributes_of_a_version(s3, versioned):
    first = put(s3, versioned, b"one", Tagging="a=1")
    second = put(s3, versioned, b"second")
    source = {"Bucket": versioned, "Key": "k", "VersionId": first}
    answer = s3.copy_object(Bucket=versioned, Key="copy", CopySource=source)
    assert answer["CopySourceVersionId"] == first
    copied = s3.get_object(Bucket=versioned, Key="copy", VersionId=answer["VersionId"])
    assert (copied["Body"].read(), copied["TagCount"]) == (b"one", 1)
    s3.put_object_tagging(Bucket=versioned, Key="k", VersionId=first, Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=first)["TagSet"] == [{"Key": "b", "Value": "2"}]
    answer = s3.get_object_tagging(Bucket=versioned, Key="k")
    assert (answer["TagSet"], answer["VersionId"]) == ([], second)
    assert s3.delete_object_tagging(Bucket=versioned, Key="k", VersionId=first)["VersionId"] == first
    attributes = s3.get_object_attributes(
        Bucket=versioned, Key="k", VersionId=first, ObjectAttributes=["ObjectSize", "ETag", "StorageClass", "Checksum"]
    )
    assert (attributes["ObjectSize"], attributes["VersionId"]) == (3, first)
    answer = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert body_of(s3, versioned) == b"one"
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with refused("InvalidRequest"):
        s3.copy_object(Bucket=versioned, Key="copy", CopySource={**source, "VersionId": marker})
    with refused("NoSuchKey", 404) as gone:
        s3.get_object_attributes(Bucket=versioned, Key="k", ObjectAttributes=["ETag"])
    assert gone.headers["x-amz-delete-marker"] == "true"


def test_multipart_uploads_make_versions(s3, versioned):
    first = put(s3, versioned, b"1")
    upload = s3.create_multipart_upload(Bucket=versioned, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=versioned, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    which = {"Bucket": versioned, "Key": "k", "UploadId": upload}
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(**which, MultipartUpload=parts)
    assert s3.complete_multipart_upload(**which, MultipartUpload=parts)["VersionId"] == done["VersionId"]
    assert listed(s3, versioned)[0] == [("k", done["VersionId"], True), ("k", first, False)]
    put(s3, versioned, b"3")
    attributes = s3.get_object_attributes(
        Bucket=versioned, Key="k", VersionId=done["VersionId"], ObjectAttributes=["ObjectParts"]
    )
    assert attributes["ObjectParts"]["TotalPartsCount"] == 1
    got = s3.get_object(Bucket=versioned, Key="k", VersionId=done["VersionId"], PartNumber=1)
    assert (got["Body"].read(), got["PartsCount"]) == (b"part", 1)


def test_conditions_look_at_the_current_version(s3, versioned):
    version = put(s3, versioned, b"1", IfNoneMatch="*")
    etag = s3.head_object(Bucket=versioned, Key="k")["ETag"]
    with refused("PreconditionFailed", 412):
        put(s3, versioned, b"2", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        put(s3, versioned, b"2", IfMatch='"other"')
    put(s3, versioned, b"2", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=versioned, Key="k", IfMatch=etag)
    result = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k", "ETag": etag}]})
    assert [item["Code"] for item in result["Errors"]] == ["PreconditionFailed"]
    s3.delete_object(Bucket=versioned, Key="k", IfMatch="*")
    with refused("NoSuchKey", 404):
        put(s3, versioned, b"3", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=versioned, Key="k", IfMatch="*")
    with refused("NoSuchKey", 404):
        s3.delete_object(Bucket=versioned, Key="never there", IfMatch="*")
    with refused("NotImplemented", 501):
        put(s3, versioned, b"3", IfNoneMatch=etag)
    with refused("NotImplemented", 501):
        s3.delete_object(Bucket=versioned, Key="k", IfMatchSize=1)
    source = {"Bucket": versioned, "Key": "k", "VersionId": version}
    s3.copy_object(Bucket=versioned, Key="k", CopySource=source, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=versioned, Key="k", CopySource=source, IfNoneMatch="*")
    assert body_of(s3, versioned) == b"1"


def test_pages_of_versions(s3, versioned):
    wanted = [(key, put(s3, versioned, b"x", key=key)) for key in ("a/1", "a/2", "b") for _ in range(3)]
    pager = s3.get_paginator("list_object_versions")
    pages = list(pager.paginate(Bucket=versioned, PaginationConfig={"PageSize": 2}))
    found = [(item["Key"], item["VersionId"]) for page in pages for item in page["Versions"]]
    newest_first = wanted[::-1]
    assert found == sorted(newest_first, key=lambda item: item[0])
    page = s3.list_object_versions(Bucket=versioned, Delimiter="/", MaxKeys=2)
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["a/"]
    assert (page["NextKeyMarker"], page["NextVersionIdMarker"]) == ("b", wanted[-1][1])
    with refused("InvalidArgument"):
        s3.list_object_versions(Bucket=versioned, VersionIdMarker=wanted[0][1])
    with refused("InvalidArgument"):
        s3.list_object_versions(Bucket=versioned, KeyMarker="b", VersionIdMarker="no id")
    for page in pager.paginate(Bucket=versioned, PaginationConfig={"PageSize": 2}):
        s3.delete_objects(
            Bucket=versioned,
            Delete={"Objects": [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in page["Versions"]]},
        )
    s3.delete_bucket(Bucket=versioned)


@pytest.mark.slow
def test_a_killed_server_leaves_whole_versions(tmp_path):
    """Writers and deleters of few keys, kill -9 in the middle: what was acknowledged is there, and nothing is half."""
    with running_server(tmp_path / "data") as server:
        s3 = make_client(server.url)
        bucket = f"b-{uuid.uuid4().hex[:20]}"
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=ENABLED)
        acknowledged: dict[str, bytes | None] = {}
        for _ in range(3):
            _load_until_killed(server, bucket, acknowledged)
            server.start()
        s3 = make_client(server.url)
        pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket))
        versions = {item["VersionId"]: item for page in pages for item in page.get("Versions", [])}
        markers = {item["VersionId"]: item for page in pages for item in page.get("DeleteMarkers", [])}
        assert {version for version, body in acknowledged.items() if body is not None} <= set(versions)
        assert {version for version, body in acknowledged.items() if body is None} <= set(markers)
        for version, item in versions.items():
            body = s3.get_object(Bucket=bucket, Key=item["Key"], VersionId=version)["Body"].read()
            assert body == acknowledged.get(version, body)
            assert len(body) == item["Size"]
        latest = [item["Key"] for item in [*versions.values(), *markers.values()] if item["IsLatest"]]
        assert sorted(latest) == sorted({item["Key"] for item in [*versions.values(), *markers.values()]})
        stored = [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]
        assert len(stored) == len(versions)
        s3.close()


def _load_until_killed(server, bucket, acknowledged):
    def work(key):
        client = make_client(server.url)
        for number in range(10_000):
            body = f"{key} {number} ".encode() * 500
            try:
                if number % 4 == 3:
                    acknowledged[client.delete_object(Bucket=bucket, Key=key)["VersionId"]] = None
                else:
                    acknowledged[client.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]] = body
            except (ClientError, BotoCoreError):
                break
        client.close()

    threads = [threading.Thread(target=work, args=(f"key-{number % 2}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    server.kill()
    for thread in threads:
        thread.join()
