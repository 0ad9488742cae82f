"""Corners of reading objects: conditions together, odd ranges, overrides, keys, and methods that are not there."""

from __future__ import annotations

import http.client
import io
import urllib.parse
from datetime import UTC, datetime, timedelta

import pytest
from botocore import UNSIGNED
from s3_client import make_client, refused

PART = 5 * 2**20


@pytest.fixture
def raw(sagewright_server):
    """One request on the wire: (status, headers, body)."""

    def send(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", sagewright_server.port)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    return send


@pytest.fixture
def moment(s3, bucket):
    """An object's ETag, and how to say times around it."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789", CacheControl="max-age=5")["ETag"]
    at = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    return {"same": etag, "other": '"other"', "before": at - timedelta(hours=1), "at": at}


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"IfMatch": "same", "IfUnmodifiedSince": "before"}, 200),
        ({"IfMatch": "other", "IfUnmodifiedSince": "at"}, 412),
        ({"IfUnmodifiedSince": "at"}, 200),
        ({"IfUnmodifiedSince": "before"}, 412),
        ({"IfNoneMatch": "same", "IfModifiedSince": "before"}, 304),
        ({"IfNoneMatch": "other", "IfModifiedSince": "at"}, 200),
        ({"IfModifiedSince": "at"}, 304),
        ({"IfModifiedSince": "before"}, 200),
        ({"IfMatch": "same", "IfNoneMatch": "same"}, 304),
        ({"IfMatch": "other", "IfNoneMatch": "other"}, 412),
        ({"IfMatch": "same", "IfModifiedSince": "at"}, 304),
        ({"IfUnmodifiedSince": "before", "IfNoneMatch": "same"}, 412),
    ],
)
def test_conditions_together(s3, bucket, moment, conditions, status):
    which = {"Bucket": bucket, "Key": "k", **{name: moment[value] for name, value in conditions.items()}}
    if status == 200:
        assert s3.get_object(**which)["Body"].read() == b"0123456789"
        s3.head_object(**which)
        return
    with refused("PreconditionFailed" if status == 412 else "304", status) as found:
        s3.get_object(**which)
    if status == 304:
        assert found.headers["etag"] == moment["same"]
        assert "last-modified" in found.headers
    with refused(str(status), status):
        s3.head_object(**which)


def test_lists_of_etags_and_a_star(s3, bucket, moment):
    which = {"Bucket": bucket, "Key": "k"}
    s3.get_object(**which, IfMatch=f'"a", {moment["same"]}')
    s3.get_object(**which, IfMatch="*")
    s3.get_object(**which, IfMatch=moment["same"].strip('"'))
    for match in ("*", f'"a",W/{moment["same"]}'):
        with refused("304", 304):
            s3.get_object(**which, IfNoneMatch=match)


@pytest.mark.parametrize("header", ["bytes=", "bytes=a-b", "lines=0-1", "bytes=0-1,3-4", "0-1", "bytes=--1"])
def test_ranges_that_make_no_sense_are_not_there(s3, bucket, moment, header):
    answer = s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (200, b"0123456789")


def test_ranges_at_the_edges(s3, bucket, moment):
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=9-9")["Body"].read() == b"9"
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=-100")["ContentRange"] == "bytes 0-9/10"
    assert s3.get_object(Bucket=bucket, Key="k", Range=f"bytes=3-{'9' * 90}")["Body"].read() == b"3456789"
    for header in ("bytes=-0", "bytes=10-11", f"bytes={'9' * 90}-"):
        with refused("InvalidRange", 416):
            s3.get_object(Bucket=bucket, Key="k", Range=header)
    with refused("416", 416):
        s3.head_object(Bucket=bucket, Key="k", Range="bytes=10-")
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-", IfMatch='"other"')


def test_parts_of_an_upload(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm="CRC32")["UploadId"]
    parts = []
    for number, body in ((2, b"a" * PART), (5, b"b" * PART), (7, b"tail")):
        which = {"Bucket": bucket, "Key": "m", "UploadId": upload, "PartNumber": number}
        answer = s3.upload_part(**which, Body=io.BytesIO(body), ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]})
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
    got = s3.get_object(Bucket=bucket, Key="m", PartNumber=7)
    assert (got["Body"].read(), got["PartsCount"]) == (b"tail", 3)
    assert got["ContentRange"] == f"bytes {2 * PART}-{2 * PART + 3}/{2 * PART + 4}"
    assert s3.head_object(Bucket=bucket, Key="m", PartNumber=5)["ContentLength"] == PART
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key="m", PartNumber=1)
    with refused("InvalidRequest"):
        s3.get_object(Bucket=bucket, Key="m", PartNumber=2, Range="bytes=0-1")
    asked = {"Bucket": bucket, "Key": "m", "ObjectAttributes": ["ObjectParts", "Checksum", "ObjectSize"]}
    page = s3.get_object_attributes(**asked, MaxParts=2)
    assert page["ObjectParts"]["TotalPartsCount"] == 3
    assert [part["PartNumber"] for part in page["ObjectParts"]["Parts"]] == [2, 5]
    assert (page["ObjectParts"]["IsTruncated"], page["ObjectParts"]["NextPartNumberMarker"]) == (True, 5)
    rest = s3.get_object_attributes(**asked, PartNumberMarker=5)["ObjectParts"]
    assert [(part["PartNumber"], part["ChecksumCRC32"]) for part in rest["Parts"]] == [(7, parts[2]["ChecksumCRC32"])]
    assert page["Checksum"]["ChecksumCRC32"].endswith("-3")
    with refused("InvalidArgument"):
        s3.get_object_attributes(Bucket=bucket, Key="m", ObjectAttributes=["Colour"])


def test_an_upload_completed_on_a_condition(s3, bucket):
    def complete(**condition):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        which = {"Bucket": bucket, "Key": "k", "UploadId": upload}
        part = s3.upload_part(**which, PartNumber=1, Body=b"part")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        return s3.complete_multipart_upload(**which, MultipartUpload=parts, **condition)

    etag = complete(IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412):
        complete(IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        complete(IfMatch='"other"')
    complete(IfMatch=etag)
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("NoSuchKey", 404):
        complete(IfMatch=etag)


def test_only_who_signs_may_override_headers(sagewright_server, s3, bucket, moment):
    wanted = {"ResponseContentType": "text/x", "ResponseExpires": datetime(2031, 2, 3, tzinfo=UTC)}
    got = s3.get_object(Bucket=bucket, Key="k", **wanted)
    assert (got["ContentType"], got["CacheControl"]) == ("text/x", "max-age=5")
    anonymous = make_client(sagewright_server.url, signature_version=UNSIGNED)
    with refused("InvalidRequest"):
        anonymous.get_object(Bucket=bucket, Key="k", ResponseContentType="text/x")
    anonymous.close()


def test_metadata_is_bounded(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "x" * 2047})
    with refused("MetadataTooLarge") as found:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "x" * 2000, "b": "y" * 100})
    assert (found.error["Size"], found.error["MaxSizeAllowed"]) == ("2102", "2048")
    assert len(s3.head_object(Bucket=bucket, Key="k")["Metadata"]["a"]) == 2047


@pytest.mark.parametrize("key", ["..", "a/../b", "//", "/", "a//b/", "ü\U0001f600", "é" * 512, "a\x01b", "%2F", "+"])
def test_odd_keys(s3, bucket, raw, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    status, _, body = raw("GET", f"/{bucket}/{urllib.parse.quote(key, safe='')}")
    assert (status, body) == (200, key.encode())
    if "\x01" in key:  # no XML can hold it
        s3.delete_object(Bucket=bucket, Key=key)
    else:
        assert s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})["Deleted"][0]["Key"] == key
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_keys_that_cannot_be(s3, bucket, raw):
    with refused("KeyTooLongError"):
        s3.put_object(Bucket=bucket, Key="é" * 512 + "x", Body=b"")
    status, _, body = raw("PUT", f"/{bucket}/a%00b", b"x")
    assert (status, b"<Code>InvalidURI</Code>" in body) == (400, True)
    status, _, body = raw("GET", f"/{bucket}/%ff")
    assert (status, b"<Code>InvalidURI</Code>" in body) == (400, True)


def test_methods_that_are_not_there(bucket, raw, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for method, path in (("POST", f"/{bucket}/k"), ("PATCH", f"/{bucket}/k"), ("POST", f"/{bucket}/k?x=1")):
        status, _, body = raw(method, path)
        assert (status, b"<Code>MethodNotAllowed</Code>" in body) == (405, True)


def test_errors_of_a_head_have_no_body(bucket, raw, s3):
    for path, status in ((f"/{bucket}/none", 404), ("/no-such-bucket-at-all/k", 404)):
        found, headers, body = raw("HEAD", path)
        assert (found, body) == (status, b"")
        assert "x-amz-request-id" in headers
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    found, headers, body = raw("HEAD", f"/{bucket}/k", Range="bytes=20-")
    assert (found, body) == (416, b"")


def test_version_ids_in_a_bucket_without_versions(s3, bucket, raw):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    status, _, body = raw("GET", f"/{bucket}/k?versionId=")
    assert (status, b"Version id cannot be the empty string" in body) == (400, True)
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId="x" * 32)
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_two_writers_with_a_condition(sagewright_server, s3, bucket):
    """The one whose object is deleted in the middle of its body hears of the conflict."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    connection = http.client.HTTPConnection("127.0.0.1", sagewright_server.port)
    connection.putrequest("PUT", f"/{bucket}/k")
    connection.putheader("Content-Length", "2")
    connection.putheader("If-Match", etag)
    connection.endheaders(b"1")
    _until_held(s3, bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    connection.send(b"2")
    answer = connection.getresponse()
    assert (answer.status, b"<Code>ConditionalRequestConflict</Code>" in answer.read()) == (409, True)
    connection.close()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def _until_held(s3, bucket):
    """Requests on other connections are answered in between, so the first has been looked at by then."""
    for _ in range(20):
        s3.head_object(Bucket=bucket, Key="k")
