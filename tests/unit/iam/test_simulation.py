"""What policies decide, and that IAM itself obeys them."""

from __future__ import annotations

import json

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.services.iam import iam

ACCOUNT = "111122223333"
OBJECT = "arn:aws:s3:::data/key"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions, resource="*", **more):
    return {"Effect": "Deny", "Action": list(actions), "Resource": resource, **more}


@pytest.fixture
def call(in_process):
    in_process.add(iam)
    return lambda operation, **members: in_process.call("iam", operation, **members)


@pytest.fixture
def ann(call):
    return call("create_user", UserName="ann", Path="/people/")["User"]["Arn"]


def simulated(call, source, action="s3:GetObject", resource=OBJECT, **members):
    answer = call(
        "simulate_principal_policy", PolicySourceArn=source, ActionNames=[action], ResourceArns=[resource], **members
    )
    (result,) = answer["EvaluationResults"]
    return result


def test_every_source_of_a_users_policies_counts(call, ann):
    assert simulated(call, ann)["EvalDecision"] == "implicitDeny"
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=document(allow("s3:Get*")))
    result = simulated(call, ann)
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"] == [{"SourcePolicyId": "user_ann_p", "SourcePolicyType": "user"}]
    call("delete_user_policy", UserName="ann", PolicyName="p")
    assert simulated(call, ann)["EvalDecision"] == "implicitDeny"
    arn = call("create_policy", PolicyName="P", PolicyDocument=document(allow("s3:GetObject")))["Policy"]["Arn"]
    call("create_group", GroupName="G")
    call("attach_group_policy", GroupName="G", PolicyArn=arn)
    assert simulated(call, ann)["EvalDecision"] == "implicitDeny"
    call("add_user_to_group", GroupName="G", UserName="ann")
    assert simulated(call, ann)["MatchedStatements"][0]["SourcePolicyType"] == "user-managed"
    call("create_policy_version", PolicyArn=arn, PolicyDocument=document(deny("s3:GetObject")), SetAsDefault=True)
    assert simulated(call, ann)["EvalDecision"] == "explicitDeny"
    call("set_default_policy_version", PolicyArn=arn, VersionId="v1")
    assert simulated(call, ann)["EvalDecision"] == "allowed"


def test_a_boundary_limits_and_grants_nothing(call, ann):
    boundary = call("create_policy", PolicyName="B", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    call("put_user_permissions_boundary", UserName="ann", PermissionsBoundary=boundary)
    assert simulated(call, ann)["EvalDecision"] == "implicitDeny"
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=document(allow("*")))
    inside, outside = simulated(call, ann), simulated(call, ann, "kms:Decrypt")
    assert (inside["EvalDecision"], outside["EvalDecision"]) == ("allowed", "implicitDeny")
    detail = outside["PermissionsBoundaryDecisionDetail"]
    assert detail == {"AllowedByPermissionsBoundary": False}
    less = simulated(call, ann, PermissionsBoundaryPolicyInputList=[document(allow("kms:*"))])
    assert less["EvalDecision"] == "implicitDeny"


def test_conditions_and_variables(call, ann):
    mine = "arn:aws:s3:::data/${aws:username}/*"
    secure = {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    text = document(allow("s3:GetObject", resource=mine, **secure))
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=text)
    result = simulated(call, ann, resource="arn:aws:s3:::data/ann/x")
    assert result["EvalDecision"] == "implicitDeny"
    assert result["MissingContextValues"] == ["aws:securetransport", "aws:username"]
    entries = [
        {"ContextKeyName": "aws:username", "ContextKeyValues": ["ann"], "ContextKeyType": "string"},
        {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
    ]
    for resource, decision in (("ann/x", "allowed"), ("bob/x", "implicitDeny")):
        result = simulated(call, ann, resource=f"arn:aws:s3:::data/{resource}", ContextEntries=entries)
        assert (result["EvalDecision"], result["MissingContextValues"]) == (decision, [])
    keys = call("get_context_keys_for_principal_policy", PolicySourceArn=ann)["ContextKeyNames"]
    assert keys == ["aws:securetransport", "aws:username"]


def test_custom_policies_pages_and_what_is_refused(call, ann):
    answer = call(
        "simulate_custom_policy",
        PolicyInputList=[document(allow("s3:Get*")), document(deny("s3:GetObject", resource=OBJECT))],
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=[OBJECT, "arn:aws:s3:::data/other"],
    )
    found = [(one["EvalActionName"], one["EvalDecision"]) for one in answer["EvaluationResults"]]
    assert found == [
        ("s3:GetObject", "explicitDeny"),
        ("s3:GetObject", "allowed"),
        ("s3:PutObject", "implicitDeny"),
        ("s3:PutObject", "implicitDeny"),
    ]
    asked = {"PolicyInputList": [document(allow("s3:*"))], "ActionNames": ["s3:GetObject", "s3:PutObject"]}
    page = call("simulate_custom_policy", MaxItems=1, **asked)
    assert (len(page["EvaluationResults"]), page["IsTruncated"]) == (1, True)
    rest = call("simulate_custom_policy", Marker=page["Marker"], **asked)
    assert rest["EvaluationResults"][0]["EvalActionName"] == "s3:PutObject"
    for members in ({"PolicyInputList": ["{}"]}, {"ActionNames": ["Nonsense"]}):
        with pytest.raises(AwsError, match="InvalidInput"):
            call("simulate_custom_policy", **{**asked, **members})
    for source, code in ((ann + "x", "NoSuchEntity"), (f"arn:aws:iam::{ACCOUNT}:root", "InvalidInput")):
        with pytest.raises(AwsError, match=code):
            simulated(call, source)


def test_a_resources_policy_may_allow_too(call, ann):
    statement = {"Effect": "Allow", "Principal": {"AWS": ann}, "Action": "s3:GetObject", "Resource": OBJECT}
    assert simulated(call, ann, ResourcePolicy=document(statement))["EvalDecision"] == "allowed"
    foreign = simulated(call, ann, ResourcePolicy=document(statement), ResourceOwner="999988887777")
    assert foreign["EvalDecision"] == "implicitDeny"


def test_aws_managed_policies_mean_something_or_nothing(call):
    role = f"arn:aws:iam::{ACCOUNT}:role/SageMakerExecutionRole"
    assert simulated(call, role, "sagemaker:CreateTrainingJob", "*")["EvalDecision"] == "allowed"
    assert simulated(call, role, "iam:CreateUser", "*")["EvalDecision"] == "implicitDeny"
    assert simulated(call, role, resource="arn:aws:s3:::sagemaker-eu-west-1/x")["EvalDecision"] == "allowed"
    call("attach_role_policy", RoleName="SageMakerExecutionRole", PolicyArn="arn:aws:iam::aws:policy/Rare")
    assert simulated(call, role, "rare:Thing", "*")["EvalDecision"] == "implicitDeny"


def principal(arn, *policies):
    return Principal("user", ACCOUNT, arn, "AIDAANN", policies)


def test_iam_obeys_its_own_policies(call, ann):
    with pytest.raises(AwsError) as error:
        call("list_users", principal=principal(ann))
    assert (error.value.code, error.value.status) == ("AccessDenied", 403)
    assert error.value.message == (
        f"User: {ann} is not authorized to perform: iam:ListUsers on resource: * because no identity-based policy "
        "allows the iam:ListUsers action"
    )
    own = allow("iam:GetUser", resource=f"arn:aws:iam::{ACCOUNT}:user/people/${{aws:username}}")
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=document(own))
    call("create_user", UserName="bob")
    assert call("get_user", UserName="ann", principal=principal(ann))["User"]["Arn"] == ann
    assert call("get_user", principal=principal(ann))["User"]["Arn"] == ann
    with pytest.raises(AwsError, match="user/bob"):
        call("get_user", UserName="bob", principal=principal(ann))
    limited = principal(ann, document(allow("iam:ListUsers")))
    with pytest.raises(AwsError, match="because no session policy allows the iam:GetUser action"):
        call("get_user", UserName="ann", principal=limited)


def test_root_may_all_and_nobody_nothing(call, ann):
    root = Principal("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
    assert call("list_users", principal=root)["Users"][0]["Arn"] == ann
    with pytest.raises(AwsError, match="MissingAuthenticationToken"):
        call("list_users", principal=Principal("anonymous"))
    gone = Principal("role", ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Gone/s", "AROAGONE:s")
    with pytest.raises(AwsError, match="AccessDenied"):
        call("list_users", principal=gone)


def test_a_session_has_its_roles_policies(call):
    trust = document({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    call("create_role", RoleName="R", Path="/p/", AssumeRolePolicyDocument=trust)
    session = Principal("role", ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s", "AROAR:s")
    with pytest.raises(AwsError, match="AccessDenied"):
        call("list_users", principal=session)
    call("put_role_policy", RoleName="R", PolicyName="p", PolicyDocument=document(allow("iam:List*")))
    assert call("list_users", principal=session)["Users"] == []
    boundary = call("create_policy", PolicyName="B", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    call("put_role_permissions_boundary", RoleName="R", PermissionsBoundary=boundary)
    with pytest.raises(AwsError, match="because no permissions boundary allows the iam:ListUsers action"):
        call("list_users", principal=session)


def test_a_role_given_away_must_be_passable(call, ann):
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    call("create_role", RoleName="R", AssumeRolePolicyDocument=trust)
    call("create_instance_profile", InstanceProfileName="I")
    text = document(allow("iam:AddRoleToInstanceProfile"))
    call("put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=text)
    with pytest.raises(AwsError, match="iam:PassRole on resource: arn:aws:iam::111122223333:role/R"):
        call("add_role_to_instance_profile", InstanceProfileName="I", RoleName="R", principal=principal(ann))
