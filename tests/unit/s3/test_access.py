"""Who may do what in S3: identity policies, bucket policies and access control lists, taken together."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.services.iam import iam
from sagewright.services.s3 import s3
from sagewright.services.s3.records import owner
from sagewright.wire.http import Body, Headers, HttpRequest, HttpResponse
from sagewright.wire.route import POST_OBJECT

MINE, OTHER = "111122223333", "444455556666"
ROOT = Principal("root", MINE, f"arn:aws:iam::{MINE}:root", MINE)
ALICE = Principal("user", MINE, f"arn:aws:iam::{MINE}:user/alice", "AIDAALICEALICEALICE12")
WORKER = Principal("role", MINE, f"arn:aws:sts::{MINE}:assumed-role/Worker/job", "AROAWORKERWORKERWORK1:job")
BOB = Principal("user", OTHER, f"arn:aws:iam::{OTHER}:user/bob", "AIDABOBBOBBOBBOBBOB12")
OTHER_ROOT = Principal("root", OTHER, f"arn:aws:iam::{OTHER}:root", OTHER)
ANONYMOUS = Principal("anonymous")
ALL = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class House:
    """A bucket of MINE with one object, and who may do what with it."""

    def __init__(self, in_process: Any) -> None:
        self._in_process = in_process
        in_process.add(s3, iam)
        self.do("create_bucket", Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.do("put_object", Bucket="bucket", Key="k", Body=b"x", Tagging="team=a")
        in_process.call("iam", "create_user", UserName="alice")
        in_process.call("iam", "create_user", account=OTHER, UserName="bob")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": MINE}}
        in_process.call("iam", "create_role", RoleName="Worker", AssumeRolePolicyDocument=document(trust), Path="/a/")

    def do(self, name: str, /, who: Principal | None = None, **members: Any) -> dict[str, Any]:
        account = who.account if who is not None and who.account else MINE
        result: dict[str, Any] = self._in_process.call("s3", name, account=account, principal=who, **members)
        return result

    def give(self, who: Principal, *statements: dict[str, Any]) -> None:
        """Make these the only identity policy of a user or role."""
        noun, name = ("role", "Worker") if who is WORKER else ("user", who.arn.rpartition("/")[2])
        named = {f"{noun.title()}Name": name, "PolicyName": "only", "PolicyDocument": document(*statements)}
        self._in_process.call("iam", f"put_{noun}_policy", account=who.account, **named)

    def policy(self, *statements: dict[str, Any], **block: bool) -> None:
        switches = {"BlockPublicPolicy": False, "RestrictPublicBuckets": False, **block}
        self.do("put_public_access_block", Bucket="bucket", PublicAccessBlockConfiguration=switches)
        self.do("put_bucket_policy", Bucket="bucket", Policy=document(*statements))

    def lists(self, ownership: str = "ObjectWriter", **block: bool) -> None:
        self.do("put_bucket_ownership_controls", Bucket="bucket", OwnershipControls=controls(ownership))
        switches = {"BlockPublicAcls": False, "IgnorePublicAcls": False, **block}
        self.do("put_public_access_block", Bucket="bucket", PublicAccessBlockConfiguration=switches)

    def post(self, who: Principal, key: str) -> int:
        """Upload by a form; the HTTP status."""
        form = f'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n{key}\r\n--b\r\n'
        form += 'Content-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(len(form))}
        http = HttpRequest("POST", "/bucket", "", Headers(headers.items()), Body.of(form.encode()))
        ctx = self._in_process._context("s3", "put_object", who.account or MINE, "eu-west-1", {"Bucket": "bucket"})
        ctx.http, ctx.principal = http, who
        response: HttpResponse = asyncio.run(self._in_process._by_name["s3"].unmodelled[POST_OBJECT](ctx))
        return response.status

    def refused(self, name: str, /, who: Principal, **members: Any) -> str:
        """The message of the denial."""
        with pytest.raises(AwsError) as caught:
            self.do(name, who=who, **members)
        assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)
        return caught.value.message

    def may(self, who: Principal, name: str = "head_object", **members: Any) -> bool:
        try:
            self.do(name, who=who, **{"Bucket": "bucket", "Key": "k", **members})
        except AwsError as error:
            if error.code != "AccessDenied":
                raise
            return False
        return True


def controls(ownership: str) -> dict[str, Any]:
    return {"Rules": [{"ObjectOwnership": ownership}]}


def resource(principal: Any, effect: str = "Allow", **members: Any) -> dict[str, Any]:
    arn = "arn:aws:s3:::bucket/*"
    return {"Effect": effect, "Principal": principal, "Action": "s3:GetObject", "Resource": arn, **members}


@pytest.fixture
def house(in_process: Any) -> House:
    return House(in_process)


def test_without_any_policy(house: House) -> None:
    assert house.may(ROOT)
    assert not any(house.may(who) for who in (ALICE, WORKER, BOB, OTHER_ROOT, ANONYMOUS))


def test_identity_policies_of_users_and_roles(house: House) -> None:
    mine = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    house.give(ALICE, mine)
    house.give(WORKER, mine)
    assert house.may(ALICE)
    assert house.may(WORKER)
    assert not house.may(ALICE, "put_object", Body=b"x")
    assert not house.may(BOB)


def test_words_of_a_denial(house: House) -> None:
    arn = '"arn:aws:s3:::bucket/k"'
    start = f"User: {ALICE.arn} is not authorized to perform: s3:GetObject on resource: {arn} "
    no_policy = f"{start}because no identity-based policy allows the s3:GetObject action"
    assert house.refused("get_object", ALICE, Bucket="bucket", Key="k") == no_policy
    house.give(ALICE, ALL, {"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"})
    told = house.refused("get_object", ALICE, Bucket="bucket", Key="k")
    assert told == f"{start}with an explicit deny in an identity-based policy"
    house.give(ALICE, ALL)
    house.policy(resource("*", "Deny"))
    told = house.refused("get_object", ALICE, Bucket="bucket", Key="k")
    assert told == f"{start}with an explicit deny in a resource-based policy"
    for who in (BOB, ANONYMOUS):
        assert house.refused("get_object", who, Bucket="bucket", Key="k") == "Access Denied"


def test_a_bucket_policy_for_the_own_account(house: House) -> None:
    house.policy(resource({"AWS": MINE}))
    assert not house.may(ALICE)  # left to the account's own policies
    house.policy(resource({"AWS": ALICE.arn}))
    assert house.may(ALICE)
    assert not house.may(WORKER)


def test_across_accounts_both_must_allow(house: House) -> None:
    house.policy(resource({"AWS": OTHER}))
    assert not house.may(BOB)
    assert house.may(OTHER_ROOT)
    house.give(BOB, ALL)
    assert house.may(BOB)
    house.policy(resource({"AWS": ALICE.arn}))
    assert not house.may(BOB)


def test_a_denial_of_the_bucket_wins(house: House) -> None:
    house.give(ALICE, ALL)
    house.policy(
        resource({"AWS": "*"}, "Deny", Action="s3:*", Resource=["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"])
    )
    assert not any(house.may(who) for who in (ROOT, ALICE, ANONYMOUS))
    with pytest.raises(AwsError):
        house.do("get_bucket_policy", who=ALICE, Bucket="bucket")
    house.do("delete_bucket_policy", who=ROOT, Bucket="bucket")  # the owner's root is never locked out
    assert house.may(ROOT)


def test_the_public(house: House) -> None:
    house.policy(resource("*"))
    assert house.may(ANONYMOUS)
    assert not house.may(ANONYMOUS, "put_object", Body=b"x")
    house.refused("list_objects_v2", ANONYMOUS, Bucket="bucket")
    house.policy(resource("*"), RestrictPublicBuckets=True)
    assert not house.may(ANONYMOUS)
    house.give(BOB, ALL)
    assert not house.may(BOB)
    assert house.may(ALICE)


def test_public_policies_are_blocked(house: House) -> None:
    with pytest.raises(AwsError, match="AccessDenied"):
        house.policy(resource("*"), BlockPublicPolicy=True)
    narrow = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    house.policy(resource("*", Condition=narrow), BlockPublicPolicy=True)
    assert house.do("get_bucket_policy_status", Bucket="bucket") == {"PolicyStatus": {"IsPublic": False}}
    house.policy(resource("*"))
    assert house.do("get_bucket_policy_status", Bucket="bucket") == {"PolicyStatus": {"IsPublic": True}}


def test_session_policies_only_take_away(house: House) -> None:
    house.give(ALICE, ALL)
    one_key = document({**ALL, "Resource": "arn:aws:s3:::bucket/k"})
    session = Principal("user", MINE, ALICE.arn, ALICE.user_id, (one_key,))
    house.do("put_object", Bucket="bucket", Key="other", Body=b"x")
    assert house.may(session)
    assert not house.may(session, Key="other")
    house.policy(resource({"AWS": ALICE.arn}))
    assert not house.may(session, Key="other")
    told = house.refused("get_object", session, Bucket="bucket", Key="other")
    assert told.endswith("because no session policy allows the s3:GetObject action")
    nothing = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    house.give(ALICE, nothing)
    assert not house.may(session, "put_object", Body=b"x")


def test_what_is_not_there_is_told_to_who_may_list(house: House) -> None:
    reading = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    house.give(ALICE, reading)
    told = house.refused("head_object", ALICE, Bucket="bucket", Key="missing")
    assert "s3:ListBucket" in told
    house.give(ALICE, reading, {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"})
    with pytest.raises(AwsError, match="NoSuchKey"):
        house.do("get_object", who=ALICE, Bucket="bucket", Key="missing")
    with pytest.raises(AwsError, match="NoSuchBucket"):
        house.do("get_object", who=ALICE, Bucket="no-such-bucket", Key="k")


def test_keys_of_a_request(house: House) -> None:
    arn = "arn:aws:s3:::bucket"
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn}
    house.give(ALICE, {**listing, "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}}})
    house.do("list_objects_v2", who=ALICE, Bucket="bucket", Prefix="alice/a")
    house.refused("list_objects_v2", ALICE, Bucket="bucket", Prefix="bob/")
    house.refused("list_objects_v2", ALICE, Bucket="bucket")
    tagged = {"StringEquals": {"s3:ExistingObjectTag/team": "a"}}
    house.give(ALICE, {**ALL, "Action": "s3:GetObject", "Condition": tagged})
    assert house.may(ALICE)
    house.do("put_object_tagging", Bucket="bucket", Key="k", Tagging={"TagSet": [{"Key": "team", "Value": "b"}]})
    assert not house.may(ALICE)
    sealed = {"StringEquals": {"s3:RequestObjectTag/team": "a", "s3:x-amz-storage-class": "STANDARD_IA"}}
    house.give(ALICE, {**ALL, "Condition": sealed})
    assert house.may(ALICE, "put_object", Body=b"x", Tagging="team=a", StorageClass="STANDARD_IA")
    assert not house.may(ALICE, "put_object", Body=b"x", Tagging="team=b", StorageClass="STANDARD_IA")


def test_keys_of_the_wire(house: House) -> None:
    http = HttpRequest("GET", "/", "", Headers([("user-agent", "curl/8"), ("referer", "http://a.org/")]), Body.of(b""))
    http.client = "203.0.113.9"
    source = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "StringEquals": {"aws:UserAgent": "curl/8"}}
    house.give(ALICE, {**ALL, "Condition": source})
    assert house.may(ALICE, http=http)
    http.client = "198.51.100.1"
    assert not house.may(ALICE, http=http)
    house.give(ALICE, ALL)
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    house.policy(resource("*", "Deny", Condition=insecure))
    assert not house.may(ALICE, http=http)
    http.scheme = "https"
    assert house.may(ALICE, http=http)


def test_copies_need_the_source_and_the_target(house: House) -> None:
    copy = {"Bucket": "bucket", "Key": "copy", "CopySource": "bucket/k%20?versionId=null"}
    house.do("put_object", Bucket="bucket", Key="k ", Body=b"x")
    writing = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*"}
    house.give(ALICE, writing)
    assert "s3:GetObjectVersion on" in house.refused("copy_object", ALICE, **copy)
    reading = {"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": "arn:aws:s3:::bucket/k "}
    house.give(ALICE, reading)
    assert "s3:PutObject on" in house.refused("copy_object", ALICE, **copy)
    house.give(ALICE, reading, writing)
    house.do("copy_object", who=ALICE, **copy)


def test_more_than_the_bytes_needs_more(house: House) -> None:
    house.lists()
    writing = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*"}
    house.give(ALICE, writing)
    assert house.may(ALICE, "put_object", Body=b"x")
    assert "s3:PutObjectTagging" in house.refused("put_object", ALICE, Bucket="bucket", Key="k", Tagging="a=b")
    assert "s3:PutObjectAcl" in house.refused("put_object", ALICE, Bucket="bucket", Key="k", ACL="private")


def test_an_upload_by_form_is_checked_like_a_put(house: House) -> None:
    for who in (ALICE, ANONYMOUS):
        with pytest.raises(AwsError, match="AccessDenied"):
            house.post(who, "form")
    assert house.post(ROOT, "form") == 204
    house.policy(resource("*", Action="s3:PutObject", Resource="arn:aws:s3:::bucket/public/*"))
    assert house.post(ANONYMOUS, "public/form") == 204
    with pytest.raises(AwsError, match="AccessDenied"):
        house.post(ANONYMOUS, "form")


def test_deleting_many_is_decided_for_each(house: House) -> None:
    for key in ("a/1", "a/2", "b/1"):
        house.do("put_object", Bucket="bucket", Key=key, Body=b"x")
    house.give(ALICE, {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::bucket/a/*"})
    wanted = [{"Key": "a/1"}, {"Key": "b/1"}, {"Key": "a/2", "VersionId": "null"}]
    answer = house.do("delete_objects", who=ALICE, Bucket="bucket", Delete={"Objects": wanted})
    assert [item["Key"] for item in answer["Deleted"]] == ["a/1"]
    assert [(item["Key"], item["Code"]) for item in answer["Errors"]] == [
        ("b/1", "AccessDenied"),
        ("a/2", "AccessDenied"),
    ]
    assert "s3:DeleteObjectVersion" in answer["Errors"][1]["Message"]
    kept = house.do("list_objects_v2", Bucket="bucket")
    assert [item["Key"] for item in kept["Contents"]] == ["a/2", "b/1", "k"]


def test_buckets_and_settings(house: House) -> None:
    assert "s3:ListAllMyBuckets" in house.refused("list_buckets", ALICE)
    assert "s3:CreateBucket" in house.refused("create_bucket", ALICE, Bucket="new-bucket")
    rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    told = house.refused("put_bucket_cors", ALICE, Bucket="bucket", CORSConfiguration=rules)
    assert 's3:PutBucketCORS on resource: "arn:aws:s3:::bucket"' in told
    house.give(ALICE, {"Effect": "Allow", "Action": "s3:GetEncryptionConfiguration", "Resource": "*"})
    with pytest.raises(AwsError, match="ServerSideEncryptionConfigurationNotFoundError"):
        house.do("get_bucket_encryption", who=ALICE, Bucket="bucket")
    house.policy(resource({"AWS": OTHER}, Action="s3:GetBucketPolicy", Resource="arn:aws:s3:::bucket"))
    with pytest.raises(AwsError, match="MethodNotAllowed"):
        house.do("get_bucket_policy", who=OTHER_ROOT, Bucket="bucket")


# Access control lists


def test_lists_let_others_in(house: House) -> None:
    house.lists()
    house.do("put_object_acl", Bucket="bucket", Key="k", ACL="public-read")
    assert house.may(ANONYMOUS)
    assert not house.may(ANONYMOUS, "put_object", Body=b"x")
    house.lists(IgnorePublicAcls=True)
    assert not house.may(ANONYMOUS)
    house.lists("BucketOwnerEnforced")
    assert not house.may(ANONYMOUS)
    assert house.do("get_object_acl", Bucket="bucket", Key="k")["Grants"] == [full(MINE)]


def full(account: str, permission: str = "FULL_CONTROL") -> dict[str, Any]:
    return {"Grantee": {"ID": owner(account)["ID"], "Type": "CanonicalUser"}, "Permission": permission}


def test_lists_of_buckets(house: House) -> None:
    house.lists()
    house.give(BOB, ALL)
    house.refused("list_objects_v2", BOB, Bucket="bucket")
    house.do(
        "put_bucket_acl", Bucket="bucket", GrantRead=f'id="{owner(OTHER)["ID"]}"', GrantWrite=f"id={owner(OTHER)['ID']}"
    )
    house.do("list_objects_v2", who=BOB, Bucket="bucket")
    assert not house.may(BOB)  # reading the list of keys is not reading the objects
    house.do("put_object", who=BOB, Bucket="bucket", Key="bobs", Body=b"x")
    assert house.may(BOB, Key="bobs")
    shown = house.do("get_bucket_acl", Bucket="bucket")
    assert shown["Grants"] == [full(OTHER, "READ"), full(OTHER, "WRITE")]


def test_who_owns_what_others_write(house: House) -> None:
    house.give(BOB, ALL)
    house.give(ALICE, ALL)
    house.policy(resource({"AWS": OTHER}, Action=["s3:PutObject", "s3:PutObjectAcl"]))
    house.lists("ObjectWriter")
    house.do("put_object", who=BOB, Bucket="bucket", Key="bobs", Body=b"x")
    assert house.do("get_object_acl", who=BOB, Bucket="bucket", Key="bobs")["Owner"] == owner(OTHER)
    assert not any(house.may(who, Key="bobs") for who in (ALICE, ROOT))
    house.do("put_object", who=BOB, Bucket="bucket", Key="bobs", Body=b"x", ACL="bucket-owner-full-control")
    assert house.do("get_object_acl", Bucket="bucket", Key="bobs")["Grants"] == [full(OTHER), full(MINE)]
    assert house.may(ALICE, Key="bobs")
    house.lists("BucketOwnerPreferred")
    house.do("put_object", who=BOB, Bucket="bucket", Key="given", Body=b"x", ACL="bucket-owner-full-control")
    assert house.do("get_object_acl", Bucket="bucket", Key="given") == {"Owner": owner(MINE), "Grants": [full(MINE)]}
    assert not house.may(BOB, Key="given")
    house.do("put_object", who=BOB, Bucket="bucket", Key="kept", Body=b"x")
    assert house.do("get_object_acl", who=BOB, Bucket="bucket", Key="kept")["Owner"] == owner(OTHER)
    house.lists("BucketOwnerEnforced")
    assert house.may(ALICE, Key="kept")
    assert not house.may(BOB, Key="kept")


def test_lists_as_documents(house: House) -> None:
    house.lists()
    grants = [full(MINE), {"Grantee": {"Type": "Group", "URI": EVERYBODY}, "Permission": "READ_ACP"}]
    document = {"Owner": owner(MINE), "Grants": grants}
    house.do("put_object_acl", Bucket="bucket", Key="k", AccessControlPolicy=document)
    assert house.do("get_object_acl", who=ANONYMOUS, Bucket="bucket", Key="k") == document
    assert not house.may(ANONYMOUS)
    house.do("put_object_acl", Bucket="bucket", Key="k", ACL="private")
    assert house.do("get_object_acl", Bucket="bucket", Key="k")["Grants"] == [full(MINE)]


EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def test_lists_go_with_uploads_in_parts_and_not_with_copies(house: House) -> None:
    house.lists()
    upload = house.do("create_multipart_upload", Bucket="bucket", Key="parts", ACL="public-read")["UploadId"]
    named = {"Bucket": "bucket", "Key": "parts", "UploadId": upload}
    etag = house.do("upload_part", PartNumber=1, Body=b"x", **named)["ETag"]
    house.do("complete_multipart_upload", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **named)
    assert house.may(ANONYMOUS, Key="parts")
    house.do("copy_object", Bucket="bucket", Key="copy", CopySource="bucket/parts")
    assert not house.may(ANONYMOUS, Key="copy")
    house.do("copy_object", Bucket="bucket", Key="copy", CopySource="bucket/parts", ACL="authenticated-read")
    assert not house.may(ANONYMOUS, Key="copy")
    assert house.may(OTHER_ROOT, Key="copy")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"ACL": "everybody"}, "InvalidArgument"),
        ({"ACL": "private", "GrantRead": "id=x"}, "InvalidRequest"),
        ({"GrantRead": "everybody"}, "InvalidArgument"),
        ({"GrantRead": "id=x"}, "InvalidArgument"),
        ({"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/Nobody"'}, "InvalidArgument"),
        ({"GrantRead": "emailAddress=a@example.com"}, "UnresolvableGrantByEmailAddress"),
        ({}, "MissingSecurityHeader"),
        ({"AccessControlPolicy": {"Grants": []}}, "MalformedACLError"),
        ({"AccessControlPolicy": {"Owner": {"ID": "x"}, "Grants": []}}, "AccessDenied"),
        ({"AccessControlPolicy": {"Owner": owner(MINE), "Grants": [full(MINE, "ALL")]}}, "MalformedACLError"),
        ({"AccessControlPolicy": {"Owner": owner(MINE), "Grants": [full(MINE)] * 101}}, "InvalidRequest"),
        ({"ACL": "private", "AccessControlPolicy": {"Owner": owner(MINE), "Grants": []}}, "UnexpectedContent"),
        ({"ACL": "public-read"}, "AccessDenied"),
        ({"GrantRead": f'uri="{EVERYBODY}"'}, "AccessDenied"),
    ],
)
def test_lists_that_are_refused(house: House, members: dict[str, Any], code: str) -> None:
    house.lists(BlockPublicAcls=True)
    on_object = {"Key": "k"}
    for name, more in (("put_bucket_acl", {}), ("put_object_acl", on_object)):
        with pytest.raises(AwsError) as caught:
            house.do(name, **{"Bucket": "bucket", **more, **members})
        assert caught.value.code == code


@pytest.mark.parametrize("acl", ["private", "public-read", "authenticated-read"])
def test_buckets_without_lists(house: House, acl: str) -> None:
    members: dict[str, Any] = {"Bucket": "bucket", "ACL": acl}
    for name, more in (("put_object", {"Key": "k"}), ("put_bucket_acl", {}), ("put_object_acl", {"Key": "k"})):
        with pytest.raises(AwsError, match="AccessControlListNotSupported"):
            house.do(name, **(members | more))
    house.do("put_object", Bucket="bucket", Key="k", ACL="bucket-owner-full-control")


def test_controls_and_lists_that_do_not_go_together(house: House) -> None:
    house.lists()
    house.do("put_bucket_acl", Bucket="bucket", ACL="public-read")
    with pytest.raises(AwsError, match="InvalidBucketAclWithObjectOwnership"):
        house.lists("BucketOwnerEnforced")
    house.do("put_bucket_acl", Bucket="bucket", ACL="private")
    house.lists("BucketOwnerEnforced")
    nothing: dict[str, Any] = {"Rules": []}
    for value in (nothing, controls("Nobody")):
        with pytest.raises(AwsError, match="MalformedXML"):
            house.do("put_bucket_ownership_controls", Bucket="bucket", OwnershipControls=value)
    place = {"LocationConstraint": "eu-west-1"}
    with pytest.raises(AwsError, match="InvalidBucketAclWithObjectOwnership"):
        house.do("create_bucket", Bucket="public-bucket", ACL="public-read", CreateBucketConfiguration=place)
    house.do("create_bucket", Bucket="private-bucket", ACL="private", CreateBucketConfiguration=place)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "MalformedPolicy", "first byte must be '{'"),
        ("{", "MalformedPolicy", "first byte must be '{'"),
        (json.dumps({"Version": "2012-10-17"}), "MalformedPolicy", "Missing required field Statement"),
        (json.dumps({"Statement": [{**resource("*"), "Effect": None}]}), "MalformedPolicy", "required field Effect"),
        (json.dumps({"Version": "1", "Statement": [resource("*")]}), "MalformedPolicy", "valid version string"),
        (json.dumps({"Statement": [ALL]}), "MalformedPolicy", "Missing required field Principal"),
        (json.dumps({"Statement": [resource("nobody")]}), "MalformedPolicy", "Invalid principal in policy"),
        (json.dumps({"Statement": [resource({"AWS": "x"})]}), "MalformedPolicy", "Invalid principal in policy"),
        (json.dumps({"Statement": [resource("*", Action="GetObject")]}), "MalformedPolicy", "invalid action"),
        (json.dumps({"Statement": [resource("*", Action="iam:GetUser")]}), "MalformedPolicy", "invalid action"),
        (json.dumps({"Statement": [resource("*", Resource="*")]}), "MalformedPolicy", "invalid resource"),
        (json.dumps({"Statement": [resource("*", Resource="arn:aws:s3:::other/*")]}), "MalformedPolicy", "invalid res"),
        (json.dumps({"Statement": [resource("*", Resource="arn:aws:s3:::buckets/*")]}), "MalformedPolicy", "invalid"),
        (
            json.dumps({"Statement": [resource("*", Action="s3:ListBucket")]}),
            "MalformedPolicy",
            "Action does not apply",
        ),
        (
            json.dumps({"Statement": [resource("*", Resource="arn:aws:s3:::bucket")]}),
            "MalformedPolicy",
            "does not apply",
        ),
        (json.dumps({"Statement": [resource("*", Condition={"Is": {"a:b": "c"}})]}), "MalformedPolicy", "type : Is"),
        (json.dumps({"Statement": [resource("*")], "Id": "x" * 20_480}), "PolicyTooLarge", "maximum allowed"),
        (json.dumps({"Statement": [resource("*")]}), "AccessDenied", "Access Denied"),
    ],
)
def test_bucket_policies_that_are_refused(house: House, text: str, code: str, words: str) -> None:
    with pytest.raises(AwsError) as caught:
        house.do("put_bucket_policy", Bucket="bucket", Policy=text)
    assert caught.value.code == code
    assert words in caught.value.message
    with pytest.raises(AwsError, match="NoSuchBucketPolicy"):
        house.do("get_bucket_policy", Bucket="bucket")


@pytest.mark.parametrize(
    ("principal", "condition", "public"),
    [
        ("*", {}, True),
        ({"AWS": "*"}, {}, True),
        ({"AWS": MINE}, {}, False),
        ({"CanonicalUser": "a" * 64}, {}, False),
        ("*", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
        ("*", {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}, True),
        ("*", {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}}, True),
        ("*", {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
        ("*", {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}, False),
        ("*", {"StringLike": {"aws:SourceVpc": "vpc-*"}}, True),
        ("*", {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}}, True),
        ("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}, False),
        ("*", {"StringLike": {"aws:userid": "AROA1234:*"}}, False),
        ("*", {"StringLike": {"aws:userid": "*"}}, True),
        ("*", {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}}, False),
        ("*", {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:topic"}}, True),
        ("*", {"StringEquals": {"aws:Referer": "https://example.com/"}}, True),
        ("*", {"Bool": {"aws:SecureTransport": "true"}}, True),
    ],
)
def test_what_is_public(house: House, principal: Any, condition: dict[str, Any], public: bool) -> None:
    house.policy(resource(principal, Condition=condition))
    assert house.do("get_bucket_policy_status", Bucket="bucket")["PolicyStatus"]["IsPublic"] is public
