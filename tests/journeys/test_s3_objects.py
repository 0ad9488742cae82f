"""Objects as boto3 uses them, against a real server."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import urllib.error
import urllib.request
import zlib
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore import UNSIGNED
from s3_client import make_client, refused

# Objects


@pytest.mark.parametrize(
    "key",
    [
        "plain",
        "a/b c+d%41",
        "../../etc/passwd",
        "/lead",
        "double//slash",
        "ü/\U0001f600",
        "trail/",
        "a?b#c",
        "x" * 1024,
    ],
)
def test_any_key_is_kept_literally(s3, bucket, key):
    data = os.urandom(1000)
    put = s3.put_object(Bucket=bucket, Key=key, Body=data)
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert put["ChecksumCRC32"] == base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == data
    assert (got["ContentLength"], got["ContentType"], got["AcceptRanges"]) == (1000, "binary/octet-stream", "bytes")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    with refused("NoSuchKey", 404) as found:
        s3.get_object(Bucket=bucket, Key=key)
    assert found.error["Key"] == key


def test_a_missing_object(s3, bucket):
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="none")
    with refused("KeyTooLongError"):
        s3.put_object(Bucket=bucket, Key="x" * 1025, Body=b"")
    with refused("NoSuchBucket", 404):
        s3.put_object(Bucket="no-such-bucket-here", Key="k", Body=b"x" * 100_000)
    s3.delete_object(Bucket=bucket, Key="none")


def test_headers_and_metadata_come_back(s3, bucket):
    sent = {
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="f"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/csv; charset=utf-8",
        "Expires": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        "StorageClass": "STANDARD_IA",
        "WebsiteRedirectLocation": "/elsewhere",
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"Run-Id": "7", "note": "a  b"}, **sent)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert {name: head[name] for name in sent} == sent
    assert head["Metadata"] == {"run-id": "7", "note": "a  b"}
    got = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="text/plain",
        ResponseCacheControl="no-store",
        ResponseContentDisposition="inline",
        ResponseExpires=datetime(2031, 1, 1, tzinfo=UTC),
    )
    assert (got["ContentType"], got["CacheControl"], got["ContentDisposition"]) == ("text/plain", "no-store", "inline")
    assert got["Expires"].year == 2031
    with refused("MetadataTooLarge"):
        s3.put_object(Bucket=bucket, Key="big", Body=b"x", Metadata={"a": "x" * 2048})
    s3.put_object(Bucket=bucket, Key="fits", Body=b"x", Metadata={"a": "x" * 2047})
    with refused("InvalidStorageClass"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="PAPER")
    with refused("AccessControlListNotSupported"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")


def test_an_overwrite_replaces_everything(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", Metadata={"a": "1"}, ContentType="text/plain")
    s3.put_object(Bucket=bucket, Key="k", Body=b"second")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"second", {}, "binary/octet-stream")


def test_a_reader_keeps_what_it_opened(s3, bucket):
    data = os.urandom(24 << 20)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    body = s3.get_object(Bucket=bucket, Key="k")["Body"]
    start = body.read(1 << 20)
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    s3.delete_object(Bucket=bucket, Key="k")
    assert start + body.read() == data


@pytest.mark.parametrize(
    ("header", "part", "shown"),
    [
        ("bytes=0-4", slice(0, 5), "bytes 0-4/100"),
        ("bytes=90-", slice(90, 100), "bytes 90-99/100"),
        ("bytes=-7", slice(93, 100), "bytes 93-99/100"),
        ("bytes=50-500", slice(50, 100), "bytes 50-99/100"),
    ],
)
def test_ranges(s3, bucket, header, part, shown):
    data = os.urandom(100)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    got = s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (got["Body"].read(), got["ContentRange"]) == (data[part], shown)
    head = s3.head_object(Bucket=bucket, Key="k", Range=header)
    assert (head["ContentLength"], head["ResponseMetadata"]["HTTPStatusCode"]) == (len(data[part]), 206)


def test_ranges_that_cannot_be(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    with refused("InvalidRange", 416) as found:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert found.headers["content-range"] == "bytes */10"
    assert (found.error["ActualObjectSize"], found.error["RangeRequested"]) == ("10", "bytes=10-")
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="empty", Range="bytes=0-1")
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=5-1")["Body"].read() == b"0123456789"
    assert s3.get_object(Bucket=bucket, Key="k", PartNumber=1)["Body"].read() == b"0123456789"
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=2)


def test_conditional_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    now = datetime.now(UTC)
    for method in (s3.get_object, s3.head_object):
        method(Bucket=bucket, Key="k", IfMatch=etag, IfUnmodifiedSince=now - timedelta(days=1))
        with refused("304", 304) as found:
            method(Bucket=bucket, Key="k", IfNoneMatch=etag)
        assert found.headers["etag"] == etag
        with refused("304", 304):
            method(Bucket=bucket, Key="k", IfModifiedSince=now + timedelta(seconds=5))
    with refused("PreconditionFailed", 412) as found:
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    assert found.error["Condition"] == "If-Match"
    with refused("412", 412):
        s3.head_object(Bucket=bucket, Key="k", IfUnmodifiedSince=now - timedelta(days=1))


def test_conditional_writes(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="absent", Body=b"2", IfMatch=etag)
    with refused("NotImplemented", 501):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch=etag)
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_deleting_many(s3, bucket):
    keys = [f"k{number:04d}" for number in range(1000)]
    for key in keys[:20]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert [item["Key"] for item in answer["Deleted"]] == keys
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    wanted = [{"Key": "a"}, {"Key": "b", "VersionId": "nope"}, {"Key": "c", "ETag": '"x"'}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
    assert "Deleted" not in answer
    assert [(item["Key"], item["Code"]) for item in answer["Errors"]] == [
        ("b", "InvalidArgument"),
        ("c", "NoSuchKey"),
    ]
    with refused("MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"{number}"} for number in range(1001)]})


def test_tags_of_an_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=%C3%BC")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "ü"},
    ]
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    with refused("InvalidTag"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="aws:x=1")
    with refused("BadRequest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="&".join(f"k{n}=v" for n in range(11)))


# Checksums


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_verified_kept_and_given_back(s3, bucket, algorithm):
    member = f"Checksum{algorithm}"
    data = os.urandom(300_000)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, ChecksumAlgorithm=algorithm)
    assert put["ChecksumType"] == "FULL_OBJECT"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[member] == put[member]
    assert member not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == data
    with refused("BadDigest") as found:
        s3.put_object(Bucket=bucket, Key="k", Body=data + b"!", **{member: put[member]})
    assert found.error["Message"] == f"The {algorithm} you specified did not match the calculated checksum."
    with refused("InvalidRequest"):
        s3.put_object(Bucket=bucket, Key="k", Body=data, **{member: "nonsense"})
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize", "ETag"])
    assert attributes["Checksum"] == {member: put[member], "ChecksumType": "FULL_OBJECT"}
    assert (attributes["ObjectSize"], attributes["ETag"]) == (300_000, put["ETag"].strip('"'))
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == [algorithm]


def test_without_a_checksum_s3_adds_its_own(sagewright_server, s3, bucket):
    quiet = make_client(sagewright_server.url, request_checksum_calculation="when_required")
    quiet.put_object(Bucket=bucket, Key="k", Body=b"123456789")
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == "rosUhgp5mIg="
    quiet.close()


def test_content_md5(s3, bucket):
    good = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=good)
    with refused("BadDigest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ContentMD5=good)
    with refused("InvalidDigest"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ContentMD5="bm90IG1kNQ==")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


# Copies


def test_copies(s3, bucket):
    data = os.urandom(100_000)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=data, Metadata={"m": "1"}, ContentType="text/csv", Tagging="t=1")
    source = {"Bucket": bucket, "Key": "a b/ü"}
    result = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
    head = s3.head_object(Bucket=bucket, Key="copy")
    assert (head["Metadata"], head["ContentType"], head["ETag"]) == ({"m": "1"}, "text/csv", result["ETag"])
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.delete_object(Bucket=bucket, Key="a b/ü")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == data
    source = f"{bucket}/copy"
    s3.copy_object(
        Bucket=bucket,
        Key="other",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"n": "2"},
        TaggingDirective="REPLACE",
        ChecksumAlgorithm="SHA256",
    )
    head = s3.head_object(Bucket=bucket, Key="other", ChecksumMode="ENABLED")
    assert (head["Metadata"], head["ContentType"]) == ({"n": "2"}, "binary/octet-stream")
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    with refused("InvalidRequest"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"self": "1"})
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert (got["Metadata"], got["Body"].read()) == ({"self": "1"}, data)


def test_copies_that_fail(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    source = f"/{bucket}/k"
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/none")
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=bucket, Key="to", CopySource="no-such-bucket-here/k")
    with refused("InvalidArgument"):
        s3.copy_object(Bucket=bucket, Key="to", CopySource="nokey")
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source, CopySourceIfNoneMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source, CopySourceIfMatch='"x"')
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source, ExpectedSourceBucketOwner="111122223333")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="to")
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, CopySourceIfMatch=etag)


# Presigned URLs and other clients


def test_presigned_urls(s3, bucket):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b", "ContentType": "text/csv"})
    request = urllib.request.Request(url, data=b"1,2", method="PUT", headers={"Content-Type": "text/csv"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    parameters = {"Bucket": bucket, "Key": "a b", "ResponseContentDisposition": "attachment"}
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=parameters)) as answer:
        assert answer.read() == b"1,2"
        assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == ("text/csv", "attachment")
    stale = s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=-1)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(stale)
    assert caught.value.code in (400, 403)
    caught.value.close()


def test_virtual_hosts_and_no_signature(sagewright_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"x")
    connection = http.client.HTTPConnection("127.0.0.1", sagewright_server.port)
    connection.request("GET", "/a/k", headers={"Host": f"{bucket}.s3.us-east-1.amazonaws.com"})
    assert connection.getresponse().read() == b"x"
    connection.close()
    anonymous = make_client(sagewright_server.url, signature_version=UNSIGNED)
    assert anonymous.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"x"
    anonymous.close()


def test_streams_of_unknown_kind(s3, bucket):
    s3.upload_fileobj(io.BytesIO(b"abc"), bucket, "stream")
    target = io.BytesIO()
    s3.download_fileobj(bucket, "stream", target)
    assert target.getvalue() == b"abc"
    s3.get_waiter("object_exists").wait(Bucket=bucket, Key="stream", WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    resource = boto3.resource(
        "s3",
        endpoint_url=s3.meta.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert [item.key for item in resource.Bucket(bucket).objects.all()] == ["stream"]
    assert resource.Object(bucket, "stream").get()["Body"].read() == b"abc"
    resource.Bucket(bucket).objects.delete()
    resource.Bucket(bucket).delete()
    resource.meta.client.close()
