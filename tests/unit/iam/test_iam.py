from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.iam import iam
from sagewright.services.iam.documents import check_policy, check_trust
from sagewright.services.sts import sts

SAGEMAKER = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"


def document(*statements, version="2012-10-17"):
    return json.dumps({"Version": version, "Statement": list(statements)})


TRUST, POLICY = document(SAGEMAKER), document(READ)


@pytest.fixture
def aws(in_process):
    return in_process.add(iam, sts)


@pytest.fixture
def call(aws):
    return lambda operation, **members: aws.call("iam", operation, **members)


@pytest.fixture
def role(call):
    tags = [{"Key": "team", "Value": "a"}]
    return call("create_role", RoleName="R", Path="/ml/", AssumeRolePolicyDocument=TRUST, Tags=tags)["Role"]


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert error.value.code == code
    return error.value.message


def test_a_role_is_what_it_was_created_as(call, role):
    assert role["Arn"] == "arn:aws:iam::111122223333:role/ml/R"
    assert role["RoleId"].startswith("AROA")
    assert len(role["RoleId"]) == 21
    found = call("get_role", RoleName="R")["Role"]
    assert json.loads(unquote(found["AssumeRolePolicyDocument"])) == json.loads(TRUST)
    assert found["MaxSessionDuration"] == 3600
    assert found["Tags"] == [{"Key": "team", "Value": "a"}]
    assert "already exists" in refused(
        "EntityAlreadyExists", call, "create_role", RoleName="R", AssumeRolePolicyDocument=TRUST
    )
    assert refused("NoSuchEntity", call, "get_role", RoleName="S") == "The role with name S cannot be found."


def test_roles_are_listed_by_path_and_page(call, role):
    for number in range(5):
        call("create_role", RoleName=f"P{number}", Path="/pages/", AssumeRolePolicyDocument=TRUST)
    names, marker = [], {}
    for _ in range(3):
        page = call("list_roles", PathPrefix="/pages/", MaxItems=2, **marker)
        names += [one["RoleName"] for one in page["Roles"]]
        marker = {"Marker": page.get("Marker")}
    assert names == ["P0", "P1", "P2", "P3", "P4"]
    assert page["IsTruncated"] is False
    every = [one["RoleName"] for one in call("list_roles")["Roles"]]
    assert every == ["P0", "P1", "P2", "P3", "P4", "R", "SageMakerExecutionRole"]


def test_the_default_role_stays_deleted(call):
    call("detach_role_policy", RoleName="SageMakerExecutionRole", PolicyArn=FULL_ACCESS)
    call("delete_role", RoleName="SageMakerExecutionRole")
    assert call("list_roles")["Roles"] == []


def test_changing_a_role(call, role):
    call("update_role", RoleName="R", Description="d", MaxSessionDuration=7200)
    other = document({**SAGEMAKER, "Principal": {"Service": "glue.amazonaws.com"}})
    call("update_assume_role_policy", RoleName="R", PolicyDocument=other)
    call("put_role_permissions_boundary", RoleName="R", PermissionsBoundary=FULL_ACCESS)
    call("tag_role", RoleName="R", Tags=[{"Key": "x", "Value": "1"}])
    call("untag_role", RoleName="R", TagKeys=["team"])
    found = call("get_role", RoleName="R")["Role"]
    assert (found["Description"], found["MaxSessionDuration"]) == ("d", 7200)
    assert "glue" in found["AssumeRolePolicyDocument"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == FULL_ACCESS
    assert call("list_role_tags", RoleName="R") == {"Tags": [{"Key": "x", "Value": "1"}], "IsTruncated": False}
    call("delete_role_permissions_boundary", RoleName="R")
    assert "PermissionsBoundary" not in call("get_role", RoleName="R")["Role"]


def test_a_role_in_use_is_not_deleted(call, role):
    call("attach_role_policy", RoleName="R", PolicyArn=FULL_ACCESS)
    call("put_role_policy", RoleName="R", PolicyName="in", PolicyDocument=POLICY)
    call("create_instance_profile", InstanceProfileName="I")
    call("add_role_to_instance_profile", InstanceProfileName="I", RoleName="R")
    assert "instance profile" in refused("DeleteConflict", call, "delete_role", RoleName="R")
    call("remove_role_from_instance_profile", InstanceProfileName="I", RoleName="R")
    assert "detach all policies" in refused("DeleteConflict", call, "delete_role", RoleName="R")
    call("detach_role_policy", RoleName="R", PolicyArn=FULL_ACCESS)
    assert "delete policies" in refused("DeleteConflict", call, "delete_role", RoleName="R")
    call("delete_role_policy", RoleName="R", PolicyName="in")
    call("delete_role", RoleName="R")
    refused("NoSuchEntity", call, "get_role", RoleName="R")
    again = call("create_role", RoleName="R", Path="/ml/", AssumeRolePolicyDocument=TRUST)["Role"]
    assert again.get("Tags") is None


def test_inline_policies(call, role):
    for name in ("b", "a"):
        call("put_role_policy", RoleName="R", PolicyName=name, PolicyDocument=POLICY)
    assert call("list_role_policies", RoleName="R")["PolicyNames"] == ["a", "b"]
    found = call("get_role_policy", RoleName="R", PolicyName="a")
    assert unquote(found["PolicyDocument"]) == POLICY
    call("delete_role_policy", RoleName="R", PolicyName="a")
    assert "name a" in refused("NoSuchEntity", call, "get_role_policy", RoleName="R", PolicyName="a")
    refused("NoSuchEntity", call, "delete_role_policy", RoleName="R", PolicyName="a")


def test_managed_policies_and_attachments(call, role):
    policy = call("create_policy", PolicyName="P", Path="/p/", PolicyDocument=POLICY, Description="d")["Policy"]
    arn = policy["Arn"]
    assert arn == "arn:aws:iam::111122223333:policy/p/P"
    refused("EntityAlreadyExists", call, "create_policy", PolicyName="P", PolicyDocument=POLICY)
    for one in (arn, FULL_ACCESS, arn):
        call("attach_role_policy", RoleName="R", PolicyArn=one)
    attached = call("list_attached_role_policies", RoleName="R")["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["P", "AmazonSageMakerFullAccess"]
    assert len(call("list_attached_role_policies", RoleName="R", PathPrefix="/p/")["AttachedPolicies"]) == 1
    assert call("get_policy", PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert call("get_policy", PolicyArn=FULL_ACCESS)["Policy"]["AttachmentCount"] == 2
    assert [one["RoleName"] for one in call("list_entities_for_policy", PolicyArn=arn)["PolicyRoles"]] == ["R"]
    refused("DeleteConflict", call, "delete_policy", PolicyArn=arn)
    call("detach_role_policy", RoleName="R", PolicyArn=arn)
    refused("NoSuchEntity", call, "detach_role_policy", RoleName="R", PolicyArn=arn)
    call("delete_policy", PolicyArn=arn)
    refused("NoSuchEntity", call, "attach_role_policy", RoleName="R", PolicyArn=arn)
    refused("InvalidInput", call, "attach_role_policy", RoleName="R", PolicyArn="AmazonSageMakerFullAccess")


def test_listing_policies(call, role):
    mine = call("create_policy", PolicyName="P", PolicyDocument=POLICY)["Policy"]["Arn"]
    rare = "arn:aws:iam::aws:policy/service-role/SomethingRare"
    call("attach_role_policy", RoleName="R", PolicyArn=rare)

    def arns(**members):
        return [one["Arn"] for one in call("list_policies", MaxItems=1000, **members)["Policies"]]

    assert arns(Scope="Local") == [mine]
    assert {FULL_ACCESS, rare} <= set(arns(Scope="AWS"))
    assert mine in arns()
    assert arns(OnlyAttached=True) == [FULL_ACCESS, rare]
    assert rare in arns(PathPrefix="/service-role/")
    assert FULL_ACCESS not in arns(PathPrefix="/service-role/")


def test_policy_versions(call):
    arn = call("create_policy", PolicyName="P", PolicyDocument=POLICY)["Policy"]["Arn"]
    for number in range(2, 6):
        made = call("create_policy_version", PolicyArn=arn, PolicyDocument=POLICY, SetAsDefault=number == 3)
        assert made["PolicyVersion"]["VersionId"] == f"v{number}"
    refused("LimitExceeded", call, "create_policy_version", PolicyArn=arn, PolicyDocument=POLICY)
    versions = call("list_policy_versions", PolicyArn=arn)["Versions"]
    assert [one["VersionId"] for one in versions] == ["v5", "v4", "v3", "v2", "v1"]
    assert call("get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
    assert unquote(call("get_policy_version", PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]) == POLICY
    refused("DeleteConflict", call, "delete_policy_version", PolicyArn=arn, VersionId="v3")
    call("set_default_policy_version", PolicyArn=arn, VersionId="v1")
    call("delete_policy_version", PolicyArn=arn, VersionId="v3")
    refused("NoSuchEntity", call, "get_policy_version", PolicyArn=arn, VersionId="v3")
    assert "more than one version" in refused("DeleteConflict", call, "delete_policy", PolicyArn=arn)


def test_texts_of_aws_managed_policies_are_known_or_not_made_up(call):
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    text = call("get_policy_version", PolicyArn=admin, VersionId="v1")["PolicyVersion"]["Document"]
    assert json.loads(unquote(text))["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    refused("NotImplemented", call, "get_policy_version", PolicyArn=FULL_ACCESS, VersionId="v1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "invalid Json"),
        ("[]", "Syntax errors"),
        (document(), "Syntax errors"),
        (document(READ, version="2020-01-01"), "valid version"),
        (document({**READ, "Effect": "Maybe"}), "Syntax errors"),
        (document({**READ, "Actions": "s3:*"}), "Syntax errors"),
        (document({**READ, "Action": [1]}), "Syntax errors"),
        (document({"Effect": "Allow", "Resource": "*"}), "contain actions"),
        (document({"Effect": "Allow", "Action": "s3:*"}), "contain resources"),
        (document({**READ, "Action": "GetObject"}), "prefaced by a vendor"),
        (document({**READ, "Principal": "*"}), "principal"),
        (document({**READ, "Sid": "A"}, {**READ, "Sid": "A"}), "unique"),
        (document({**READ, "NotAction": "s3:*"}), "Syntax errors"),
    ],
)
def test_malformed_policies(text, message):
    with pytest.raises(AwsError, match=message) as error:
        check_policy(text)
    assert error.value.code == "MalformedPolicyDocument"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (document({**SAGEMAKER, "Resource": "*"}), "prohibited field Resource"),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Principal"),
        (document({**SAGEMAKER, "Action": "s3:GetObject"}), "STS AssumeRole actions"),
    ],
)
def test_malformed_trust(text, message):
    with pytest.raises(AwsError, match=message):
        check_trust(text)


def test_good_documents():
    one = {"Version": "2012-10-17", "Id": "x", "Statement": READ}
    assert check_policy(json.dumps(one))
    assert check_policy(document({"Effect": "Deny", "NotAction": ["iam:*"], "NotResource": ["arn:aws:s3:::a", "*"]}))
    assert check_trust(document({**SAGEMAKER, "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": {}}))


def test_users_and_their_keys(aws, call):
    user = call("create_user", UserName="ann", Path="/people/")["User"]
    assert user["Arn"] == "arn:aws:iam::111122223333:user/people/ann"
    key = call("create_access_key", UserName="ann")["AccessKey"]
    caller = aws.call("sts", "get_caller_identity", access_key=key["AccessKeyId"])
    assert (caller["Arn"], caller["UserId"]) == (user["Arn"], user["UserId"])
    assert call("get_user", access_key=key["AccessKeyId"])["User"]["UserName"] == "ann"
    assert "non-User credentials" in refused("ValidationError", call, "get_user")
    call("create_access_key", UserName="ann")
    refused("LimitExceeded", call, "create_access_key", UserName="ann")
    call("update_access_key", UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(AwsError, match="InvalidClientTokenId"):
        aws.call("sts", "get_caller_identity", access_key=key["AccessKeyId"])
    listed = call("list_access_keys", UserName="ann")["AccessKeyMetadata"]
    assert [one["Status"] for one in listed] == ["Inactive", "Active"]
    assert "access keys first" in refused("DeleteConflict", call, "delete_user", UserName="ann")
    for one in listed:
        call("delete_access_key", UserName="ann", AccessKeyId=one["AccessKeyId"])
    refused("NoSuchEntity", call, "delete_access_key", UserName="ann", AccessKeyId=key["AccessKeyId"])
    call("attach_user_policy", UserName="ann", PolicyArn=FULL_ACCESS)
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=POLICY)
    assert call("list_user_policies", UserName="ann")["PolicyNames"] == ["p"]
    call("update_user", UserName="ann", NewUserName="anna")
    moved = call("get_user", UserName="anna")["User"]
    assert (moved["UserId"], moved["Arn"]) == (user["UserId"], "arn:aws:iam::111122223333:user/people/anna")
    assert [one["UserName"] for one in call("list_users")["Users"]] == ["anna"]


def test_instance_profiles(call, role):
    profile = call("create_instance_profile", InstanceProfileName="I")["InstanceProfile"]
    assert profile["Roles"] == []
    call("add_role_to_instance_profile", InstanceProfileName="I", RoleName="R")
    refused("LimitExceeded", call, "add_role_to_instance_profile", InstanceProfileName="I", RoleName="R")
    found = call("get_instance_profile", InstanceProfileName="I")["InstanceProfile"]
    assert [one["RoleName"] for one in found["Roles"]] == ["R"]
    assert len(call("list_instance_profiles_for_role", RoleName="R")["InstanceProfiles"]) == 1
    refused("DeleteConflict", call, "delete_instance_profile", InstanceProfileName="I")
    call("remove_role_from_instance_profile", InstanceProfileName="I", RoleName="R")
    call("delete_instance_profile", InstanceProfileName="I")
    assert call("list_instance_profiles")["InstanceProfiles"] == []


def test_accounts_are_apart_and_regions_are_not(aws, role):
    with pytest.raises(AwsError, match="NoSuchEntity"):
        aws.call("iam", "get_role", account="999988887777", RoleName="R")
