"""Buckets and objects as boto3 uses them, against a real server."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import os
import urllib.error
import urllib.request
import uuid
import zlib
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError


def make_client(url, *, region="us-east-1", account="test", **config):
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, **config),
    )


@pytest.fixture(scope="module")
def s3(sagewright_server):
    client = make_client(sagewright_server.url)
    yield client
    client.close()


@pytest.fixture
def bucket(s3):
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name


class Refused:
    """``with refused("NoSuchKey", 404) as error``: error.value is the parsed error."""

    def __init__(self, code, status):
        self.code, self.status = code, status

    def __enter__(self):
        self._raises = pytest.raises(ClientError)
        self._info = self._raises.__enter__()
        return self

    def __exit__(self, *failure):
        caught = self._raises.__exit__(*failure)
        response = self._info.value.response
        self.error, self.headers = response["Error"], response["ResponseMetadata"]["HTTPHeaders"]
        assert (self.error["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (self.code, self.status)
        return caught


def refused(code, status=400):
    return Refused(code, status)


# Buckets


def test_a_bucket_from_end_to_end(s3, bucket, sagewright_server):
    head = s3.head_bucket(Bucket=bucket)
    assert head["BucketRegion"] == head["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"
    assert bucket in {item["Name"] for item in s3.list_buckets()["Buckets"]}
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.get_waiter("bucket_exists").wait(Bucket=bucket, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("BucketNotEmpty", 409) as found:
        s3.delete_bucket(Bucket=bucket)
    assert found.error["BucketName"] == bucket
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    with refused("404", 404):
        s3.head_bucket(Bucket=bucket)
    with refused("NoSuchBucket", 404) as found:
        s3.list_objects_v2(Bucket=bucket)
    assert found.error["BucketName"] == bucket
    s3.get_waiter("bucket_not_exists").wait(Bucket=bucket, WaiterConfig={"Delay": 0, "MaxAttempts": 1})


def test_bucket_regions_and_owners(s3, sagewright_server):
    name = f"b-{uuid.uuid4().hex[:20]}"
    west = make_client(sagewright_server.url, region="us-west-2")
    here = {"LocationConstraint": "us-west-2"}
    with refused("IllegalLocationConstraintException"):
        west.create_bucket(Bucket=name)
    with refused("IllegalLocationConstraintException"):
        west.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with refused("InvalidLocationConstraint"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    west.create_bucket(Bucket=name, CreateBucketConfiguration=here)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "us-west-2"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-west-2"
    with refused("BucketAlreadyOwnedByYou", 409):
        west.create_bucket(Bucket=name, CreateBucketConfiguration=here)
    other = make_client(sagewright_server.url, account="111122223333")
    with refused("BucketAlreadyExists", 409):
        other.create_bucket(Bucket=name)
    assert name not in {item["Name"] for item in other.list_buckets()["Buckets"]}
    with refused("AccessDenied", 403):
        s3.list_objects_v2(Bucket=name, ExpectedBucketOwner="111122223333")
    s3.list_objects_v2(Bucket=name, ExpectedBucketOwner="000000000000")
    with refused("InvalidBucketName"):
        s3.create_bucket(Bucket="Not_A_Bucket")
    west.close()
    other.close()


def test_listing_buckets_in_pages(sagewright_server):
    client = make_client(sagewright_server.url, account="444455556666")
    names = [f"page-{uuid.uuid4().hex[:8]}-{number}" for number in range(5)]
    for name in names:
        client.create_bucket(Bucket=name)
    client.create_bucket(Bucket=f"other-{uuid.uuid4().hex[:8]}")
    pages = list(client.get_paginator("list_buckets").paginate(Prefix="page-", PaginationConfig={"PageSize": 2}))
    assert [len(page["Buckets"]) for page in pages] == [2, 2, 1]
    assert [item["Name"] for page in pages for item in page["Buckets"]] == sorted(names)
    assert {item["BucketRegion"] for page in pages for item in page["Buckets"]} == {"us-east-1"}
    client.close()


@pytest.mark.parametrize(
    ("name", "member", "value", "code"),
    [
        ("bucket_tagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "1"}]}, "NoSuchTagSet"),
        (
            "bucket_cors",
            "CORSConfiguration",
            {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
            "NoSuchCORSConfiguration",
        ),
        (
            "bucket_encryption",
            "ServerSideEncryptionConfiguration",
            {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
        ("bucket_policy", "Policy", json.dumps({"Version": "2012-10-17", "Statement": []}), "NoSuchBucketPolicy"),
        (
            "bucket_website",
            "WebsiteConfiguration",
            {"IndexDocument": {"Suffix": "index.html"}},
            "NoSuchWebsiteConfiguration",
        ),
        (
            "public_access_block",
            "PublicAccessBlockConfiguration",
            {
                "BlockPublicAcls": True,
                "IgnorePublicAcls": False,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": False,
            },
            "NoSuchPublicAccessBlockConfiguration",
        ),
        (
            "bucket_ownership_controls",
            "OwnershipControls",
            {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
            "OwnershipControlsNotFoundError",
        ),
    ],
)
def test_settings_are_kept_and_given_back(s3, bucket, name, member, value, code):
    getattr(s3, f"delete_{name}")(Bucket=bucket)
    with refused(code, 404):
        getattr(s3, f"get_{name}")(Bucket=bucket)
    getattr(s3, f"put_{name}")(Bucket=bucket, **{member: value})
    answer = getattr(s3, f"get_{name}")(Bucket=bucket)
    answer.pop("ResponseMetadata")
    assert answer in (value, {member: value})


def test_what_clients_probe_while_reading(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
    assert acl["Grants"][0]["Grantee"]["ID"] == acl["Owner"]["ID"] == s3.list_buckets()["Owner"]["ID"]
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    with refused("AccessControlListNotSupported"):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy="not json")
    with refused("NotImplemented", 501):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


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
        ("c", "PreconditionFailed"),
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
