"""IAM beyond roles, as boto3 uses it: groups, boundaries, simulation, the account as a whole."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}


@pytest.fixture
def iam(sagewright_server):
    client = sagewright_server.client("iam", "".join(str(int(letter, 16) % 10) for letter in uuid.uuid4().hex[:12]))
    yield client
    client.close()


def decisions(iam, arn, **members):
    results = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=arn,
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=["arn:aws:s3:::data/key"],
        PaginationConfig={"PageSize": 1},
        **members,
    )
    return [one["EvalDecision"] for page in results for one in page["EvaluationResults"]]


def test_a_group_gives_its_members_what_it_may(iam):
    ann = iam.create_user(UserName="ann")["User"]["Arn"]
    assert decisions(iam, ann) == ["implicitDeny", "implicitDeny"]
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=json.dumps(READ))
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert decisions(iam, ann) == ["allowed", "implicitDeny"]
    assert [one["UserName"] for one in iam.get_group(GroupName="readers")["Users"]] == ["ann"]
    none = {**READ, "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    boundary = iam.create_policy(PolicyName="none", PolicyDocument=json.dumps(none))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=boundary)
    assert decisions(iam, ann) == ["implicitDeny", "implicitDeny"]
    iam.delete_user_permissions_boundary(UserName="ann")
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_group(GroupName="readers")
    iam.remove_user_from_group(GroupName="readers", UserName="ann")
    assert decisions(iam, ann) == ["implicitDeny", "implicitDeny"]
    (custom,) = iam.simulate_custom_policy(PolicyInputList=[json.dumps(READ)], ActionNames=["s3:GetObject"])[
        "EvaluationResults"
    ]
    assert (custom["EvalDecision"], custom["EvalResourceName"]) == ("allowed", "*")


def test_an_account_as_a_whole(iam):
    iam.create_user(UserName="ann", Tags=[{"Key": "team", "Value": "a"}])
    iam.put_user_policy(UserName="ann", PolicyName="read", PolicyDocument=json.dumps(READ))
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    assert iam.get_access_key_last_used(AccessKeyId=key)["UserName"] == "ann"
    details = iam.get_paginator("get_account_authorization_details").paginate().build_full_result()
    (user,) = details["UserDetailList"]
    assert user["UserPolicyList"] == [{"PolicyName": "read", "PolicyDocument": READ}]
    assert user["Tags"] == [{"Key": "team", "Value": "a"}]
    assert [role["RoleName"] for role in details["RoleDetailList"]] == ["SageMakerExecutionRole"]
    assert iam.get_account_summary()["SummaryMap"]["Users"] == 1
    alias = f"a{uuid.uuid4().hex}"
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]


def test_a_service_linked_role(iam):
    role = iam.create_service_linked_role(AWSServiceName="sagemaker.amazonaws.com")["Role"]
    with pytest.raises(iam.exceptions.UnmodifiableEntityException):
        iam.delete_role(RoleName=role["RoleName"])
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_a_user_is_cleared_away(iam):
    """By the calls that AWS's guide lists, and Terraform makes."""
    iam.create_user(UserName="ann")
    iam.create_access_key(UserName="ann")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_login_profile(UserName="ann")
    for key in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    assert iam.list_signing_certificates(UserName="ann")["Certificates"] == []
    assert iam.list_ssh_public_keys(UserName="ann")["SSHPublicKeys"] == []
    assert iam.list_service_specific_credentials(UserName="ann")["ServiceSpecificCredentials"] == []
    assert iam.list_mfa_devices(UserName="ann")["MFADevices"] == []
    assert iam.list_groups_for_user(UserName="ann")["Groups"] == []
    iam.delete_user(UserName="ann")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.list_mfa_devices(UserName="ann")


def test_what_is_refused(iam):
    iam.create_user(UserName="ann")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName="ANN")
    bad = {**READ, "Statement": [{**READ["Statement"][0], "Action": "GetObject"}]}
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException, match="prefaced by a vendor"):
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(bad))
    with pytest.raises(ClientError) as error:
        iam.create_login_profile(UserName="ann", Password="correct horse")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
