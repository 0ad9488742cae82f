"""Access control lists, bucket policies and public access block, as clients set and read them."""

from __future__ import annotations

import json
import uuid

import pytest
from s3_client import make_client, refused

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture
def listed(s3, bucket):
    """A bucket in which lists count, public ones too."""
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    s3.delete_public_access_block(Bucket=bucket)
    return bucket


def grants(answer):
    return [(grant["Grantee"]["Type"], grant["Permission"]) for grant in answer["Grants"]]


def test_canned_lists_and_grants(s3, listed):
    s3.put_object(Bucket=listed, Key="k", Body=b"x", ACL="public-read")
    assert grants(s3.get_object_acl(Bucket=listed, Key="k")) == [("CanonicalUser", "FULL_CONTROL"), ("Group", "READ")]
    s3.put_object(Bucket=listed, Key="k", Body=b"x")
    assert grants(s3.get_object_acl(Bucket=listed, Key="k")) == [("CanonicalUser", "FULL_CONTROL")]
    me = s3.list_buckets()["Owner"]["ID"]
    s3.put_bucket_acl(Bucket=listed, GrantFullControl=f'id="{me}"', GrantRead=f'uri="{EVERYBODY}"')
    assert grants(s3.get_bucket_acl(Bucket=listed)) == [("CanonicalUser", "FULL_CONTROL"), ("Group", "READ")]


def test_a_list_as_a_document(s3, listed):
    s3.put_object(Bucket=listed, Key="k", Body=b"x")
    found = s3.get_object_acl(Bucket=listed, Key="k")
    group = {"Grantee": {"Type": "Group", "URI": EVERYBODY}, "Permission": "READ_ACP"}
    wanted = {"Owner": found["Owner"], "Grants": [*found["Grants"], group]}
    s3.put_object_acl(Bucket=listed, Key="k", AccessControlPolicy=wanted)
    found = s3.get_object_acl(Bucket=listed, Key="k")
    assert {name: found[name] for name in wanted} == wanted


def test_lists_belong_to_versions(s3, listed):
    s3.put_bucket_versioning(Bucket=listed, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=listed, Key="k", Body=b"1", ACL="public-read")["VersionId"]
    second = s3.put_object(Bucket=listed, Key="k", Body=b"2")["VersionId"]
    assert len(s3.get_object_acl(Bucket=listed, Key="k")["Grants"]) == 1
    assert len(s3.get_object_acl(Bucket=listed, Key="k", VersionId=first)["Grants"]) == 2
    s3.put_object_acl(Bucket=listed, Key="k", VersionId=first, ACL="private")
    assert len(s3.get_object_acl(Bucket=listed, Key="k", VersionId=first)["Grants"]) == 1
    answer = s3.put_object_acl(Bucket=listed, Key="k", ACL="authenticated-read")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-version-id"] == second
    assert len(s3.get_object_acl(Bucket=listed, Key="k", VersionId=second)["Grants"]) == 2


def test_owners_of_what_other_accounts_write(sagewright_server, s3, listed):
    other = make_client(sagewright_server.url, account="444455556666")
    theirs = other.list_buckets()["Owner"]["ID"]
    mine = s3.list_buckets()["Owner"]["ID"]
    other.put_object(Bucket=listed, Key="theirs", Body=b"x")
    other.put_object(Bucket=listed, Key="given", Body=b"x", ACL="bucket-owner-full-control")
    other.close()
    listing = s3.list_objects_v2(Bucket=listed, FetchOwner=True)["Contents"]
    assert {item["Key"]: item["Owner"]["ID"] for item in listing} == {"theirs": theirs, "given": mine}


def test_public_access_block(s3, listed):
    s3.put_object(Bucket=listed, Key="k", Body=b"x")
    block = {"BlockPublicAcls": True, "BlockPublicPolicy": True}
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=listed)["PublicAccessBlockConfiguration"] == {
        **block,
        "IgnorePublicAcls": False,
        "RestrictPublicBuckets": False,
    }
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=listed, Key="k", Body=b"x", ACL="public-read")
    with refused("AccessDenied", 403):
        s3.put_object_acl(Bucket=listed, Key="k", ACL="authenticated-read")
    with refused("AccessDenied", 403):
        s3.put_bucket_acl(Bucket=listed, GrantRead=f'uri="{EVERYBODY}"')
    with refused("AccessDenied", 403):
        s3.put_bucket_policy(Bucket=listed, Policy=public(listed))
    s3.put_bucket_acl(Bucket=listed, ACL="private")


def public(bucket, **members):
    arn = f"arn:aws:s3:::{bucket}/*"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": arn, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_bucket_policy_is_given_back_as_it_came(s3, listed):
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy_status(Bucket=listed)
    text = public(listed).replace(",", ",\n  ")
    s3.put_bucket_policy(Bucket=listed, Policy=text)
    assert s3.get_bucket_policy(Bucket=listed)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=listed)["PolicyStatus"] == {"IsPublic": True}
    with refused("MalformedPolicy") as caught:
        s3.put_bucket_policy(Bucket=listed, Policy=public(listed, Principal={"AWS": "nobody"}))
    assert caught.error["Message"] == "Invalid principal in policy"
    assert caught.error["Detail"] == '"AWS":"nobody"'
    assert s3.get_bucket_policy(Bucket=listed)["Policy"] == text
    s3.delete_bucket_policy(Bucket=listed)
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=listed)


def test_a_public_bucket_must_be_made_so_step_by_step(s3):
    name = f"b-{uuid.uuid4().hex[:20]}"
    with refused("InvalidBucketAclWithObjectOwnership"):
        s3.create_bucket(Bucket=name, ACL="public-read")
    with refused("AccessDenied", 403):
        s3.create_bucket(Bucket=name, ACL="public-read", ObjectOwnership="ObjectWriter")
    s3.create_bucket(Bucket=name, ACL="private", ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    assert grants(s3.get_bucket_acl(Bucket=name)) == [("CanonicalUser", "FULL_CONTROL"), ("Group", "READ")]
