from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.iam import iam

FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


POLICY = document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
TRUST = document({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})


@pytest.fixture
def call(in_process):
    in_process.add(iam)
    return lambda operation, **members: in_process.call("iam", operation, **members)


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert error.value.code == code
    return error.value.message


def test_groups_and_their_members(call):
    group = call("create_group", GroupName="G", Path="/teams/")["Group"]
    assert group["Arn"] == "arn:aws:iam::111122223333:group/teams/G"
    for name in ("ann", "bob"):
        call("create_user", UserName=name)
        call("add_user_to_group", GroupName="G", UserName=name)
    call("add_user_to_group", GroupName="G", UserName="ann")
    assert [one["UserName"] for one in call("get_group", GroupName="G")["Users"]] == ["ann", "bob"]
    page = call("get_group", GroupName="G", MaxItems=1)
    assert page["IsTruncated"] is True
    assert [one["UserName"] for one in call("get_group", GroupName="G", Marker=page["Marker"])["Users"]] == ["bob"]
    call("update_group", GroupName="G", NewGroupName="H")
    assert [one["GroupName"] for one in call("list_groups_for_user", UserName="ann")["Groups"]] == ["H"]
    assert call("list_groups")["Groups"][0]["GroupId"] == group["GroupId"]
    refused("DeleteConflict", call, "delete_group", GroupName="H")
    assert "from group" in refused("DeleteConflict", call, "delete_user", UserName="ann")
    for name in ("ann", "bob"):
        call("remove_user_from_group", GroupName="H", UserName=name)
    refused("NoSuchEntity", call, "remove_user_from_group", GroupName="H", UserName="ann")
    call("delete_group", GroupName="H")
    call("delete_user", UserName="ann")
    refused("NoSuchEntity", call, "get_group", GroupName="H")


def test_policies_of_groups(call):
    call("create_group", GroupName="G")
    call("attach_group_policy", GroupName="G", PolicyArn=FULL_ACCESS)
    call("put_group_policy", GroupName="G", PolicyName="p", PolicyDocument=POLICY)
    assert call("list_group_policies", GroupName="G")["PolicyNames"] == ["p"]
    assert unquote(call("get_group_policy", GroupName="G", PolicyName="p")["PolicyDocument"]) == POLICY
    assert call("list_attached_group_policies", GroupName="G")["AttachedPolicies"][0]["PolicyArn"] == FULL_ACCESS
    found = call("list_entities_for_policy", PolicyArn=FULL_ACCESS)
    assert [one["GroupName"] for one in found["PolicyGroups"]] == ["G"]
    assert [one["RoleName"] for one in found["PolicyRoles"]] == ["SageMakerExecutionRole"]
    refused("DeleteConflict", call, "delete_group", GroupName="G")
    call("detach_group_policy", GroupName="G", PolicyArn=FULL_ACCESS)
    call("delete_group_policy", GroupName="G", PolicyName="p")
    call("delete_group", GroupName="G")


@pytest.mark.parametrize("kind", ["User", "Group", "Role", "InstanceProfile"])
def test_names_that_differ_in_case_only_are_the_same(call, kind):
    snake = {"InstanceProfile": "instance_profile"}.get(kind, kind.lower())
    more = {"AssumeRolePolicyDocument": TRUST} if kind == "Role" else {}
    call(f"create_{snake}", **{f"{kind}Name": "Name"}, **more)
    refused("EntityAlreadyExists", call, f"create_{snake}", **{f"{kind}Name": "nAME"}, **more)


def test_a_renamed_user_keeps_its_keys_and_groups(in_process, call):
    call("create_user", UserName="ann")
    call("create_group", GroupName="G")
    call("add_user_to_group", GroupName="G", UserName="ann")
    key = call("create_access_key", UserName="ann")["AccessKey"]["AccessKeyId"]
    call("update_user", UserName="ann", NewUserName="ANN")
    assert call("get_user", access_key=key)["User"]["UserName"] == "ANN"
    assert [one["UserName"] for one in call("get_group", GroupName="G")["Users"]] == ["ANN"]
    assert [one["AccessKeyId"] for one in call("list_access_keys", UserName="ANN")["AccessKeyMetadata"]] == [key]


def test_quotas(call):
    call("create_user", UserName="ann")
    large = document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/" + "x" * 2048})
    words = refused("LimitExceeded", call, "put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=large)
    assert words == "Maximum policy size of 2048 bytes exceeded for user ann"
    whitespace = POLICY.replace(": ", ":" + " " * 3000)
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=whitespace)
    larger = large.replace("x" * 2048, "x" * 6144)
    refused("LimitExceeded", call, "create_policy", PolicyName="P", PolicyDocument=larger)
    for number in range(11):
        call("create_group", GroupName=f"G{number}")
        arn = call("create_policy", PolicyName=f"P{number}", PolicyDocument=POLICY)["Policy"]["Arn"]
        if number < 10:
            call("add_user_to_group", GroupName=f"G{number}", UserName="ann")
            call("attach_user_policy", UserName="ann", PolicyArn=arn)
    refused("LimitExceeded", call, "add_user_to_group", GroupName="G10", UserName="ann")
    words = refused("LimitExceeded", call, "attach_user_policy", UserName="ann", PolicyArn=arn)
    assert words == "Cannot exceed quota for PoliciesPerUser: 10"


def test_boundaries(call):
    arn = call("create_policy", PolicyName="B", PolicyDocument=POLICY)["Policy"]["Arn"]
    call("create_user", UserName="ann", PermissionsBoundary=arn)
    assert call("get_user", UserName="ann")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert call("get_policy", PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    refused("DeleteConflict", call, "delete_policy", PolicyArn=arn)
    used = call("list_entities_for_policy", PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert [one["UserName"] for one in used["PolicyUsers"]] == ["ann"]
    call("delete_user_permissions_boundary", UserName="ann")
    call("delete_policy", PolicyArn=arn)
    refused("NoSuchEntity", call, "put_user_permissions_boundary", UserName="ann", PermissionsBoundary=arn)


def test_account_alias_summary_and_details(in_process, call):
    call("create_account_alias", AccountAlias="lab")
    with pytest.raises(AwsError, match="already exists"):
        in_process.call("iam", "create_account_alias", account="999988887777", AccountAlias="lab")
    call("create_account_alias", AccountAlias="lab-two")
    assert call("list_account_aliases")["AccountAliases"] == ["lab-two"]
    call("delete_account_alias", AccountAlias="lab-two")
    refused("NoSuchEntity", call, "delete_account_alias", AccountAlias="lab-two")
    call("create_user", UserName="ann")
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=POLICY)
    arn = call("create_policy", PolicyName="P", PolicyDocument=POLICY)["Policy"]["Arn"]
    call("attach_user_policy", UserName="ann", PolicyArn=arn)
    summary = call("get_account_summary")["SummaryMap"]
    assert (summary["Users"], summary["Roles"], summary["Policies"], summary["UsersQuota"]) == (1, 1, 1, 5000)
    details = call("get_account_authorization_details")
    (user,) = details["UserDetailList"]
    assert unquote(user["UserPolicyList"][0]["PolicyDocument"]) == POLICY
    assert user["AttachedManagedPolicies"] == [{"PolicyName": "P", "PolicyArn": arn}]
    assert [one["RoleName"] for one in details["RoleDetailList"]] == ["SageMakerExecutionRole"]
    assert {one["PolicyName"] for one in details["Policies"]} == {"P", "AmazonSageMakerFullAccess"}
    only = call("get_account_authorization_details", Filter=["LocalManagedPolicy"])
    assert unquote(only["Policies"][0]["PolicyVersionList"][0]["Document"]) == POLICY
    assert only["UserDetailList"] == []
    names, marker = [], {}
    for _ in range(4):
        page = call("get_account_authorization_details", MaxItems=1, **marker)
        names += [name for name in ("UserDetailList", "RoleDetailList", "Policies") if page[name]]
        marker = {"Marker": page.get("Marker")}
    assert (names, page["IsTruncated"]) == (["UserDetailList", "RoleDetailList", "Policies", "Policies"], False)


def test_service_linked_roles(call):
    role = call("create_service_linked_role", AWSServiceName="sagemaker.amazonaws.com")["Role"]
    assert role["Path"] == "/aws-service-role/sagemaker.amazonaws.com/"
    name = role["RoleName"]
    refused("InvalidInput", call, "create_service_linked_role", AWSServiceName="sagemaker.amazonaws.com")
    for operation, members in (
        ("delete_role", {}),
        ("attach_role_policy", {"PolicyArn": FULL_ACCESS}),
        ("put_role_policy", {"PolicyName": "p", "PolicyDocument": POLICY}),
        ("update_assume_role_policy", {"PolicyDocument": TRUST}),
    ):
        refused("UnmodifiableEntity", call, operation, RoleName=name, **members)
    assert call("list_attached_role_policies", RoleName=name)["AttachedPolicies"] == []
    task = call("delete_service_linked_role", RoleName=name)["DeletionTaskId"]
    assert call("get_service_linked_role_deletion_status", DeletionTaskId=task)["Status"] == "SUCCEEDED"
    refused("NoSuchEntity", call, "get_role", RoleName=name)
    refused("NoSuchEntity", call, "get_service_linked_role_deletion_status", DeletionTaskId="task/none")


def test_tags_of_instance_profiles(call):
    call("create_instance_profile", InstanceProfileName="I", Tags=[{"Key": "a", "Value": "1"}])
    call("tag_instance_profile", InstanceProfileName="I", Tags=[{"Key": "b", "Value": "2"}])
    call("untag_instance_profile", InstanceProfileName="I", TagKeys=["a"])
    assert call("list_instance_profile_tags", InstanceProfileName="I")["Tags"] == [{"Key": "b", "Value": "2"}]
