"""Buckets and their settings as boto3 uses them, against a real server."""

from __future__ import annotations

import uuid

import pytest
from s3_client import make_client, refused


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
