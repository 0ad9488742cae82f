"""Who may assume a role where callers are checked."""

from __future__ import annotations

import json

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal, key_document
from sagewright.kit.keys import keys_of
from sagewright.services.iam import iam
from sagewright.services.sts import sts

ACCOUNT, OTHER = "111122223333", "999988887777"
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/R"


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def trusting(principal, **more):
    return document(Principal={"AWS": principal}, Action="sts:AssumeRole", **more)


def user(account=ACCOUNT, name="ann"):
    return Principal("user", account, f"arn:aws:iam::{account}:user/{name}", "AIDA")


@pytest.fixture
def aws(in_process):
    in_process.add(iam, sts)
    for account in (ACCOUNT, OTHER):
        in_process.call("iam", "create_user", account=account, UserName="ann")
    in_process.call("iam", "create_role", RoleName="R", AssumeRolePolicyDocument=trusting(ANN))
    return in_process


def trust(aws, text):
    aws.call("iam", "update_assume_role_policy", RoleName="R", PolicyDocument=text)


def allow(aws, account=ACCOUNT, action="sts:AssumeRole", resource=ROLE):
    text = document(Action=action, Resource=resource)
    aws.call("iam", "put_user_policy", account=account, UserName="ann", PolicyName="p", PolicyDocument=text)


def assume(aws, who, **members):
    account = who.account or ACCOUNT
    members = {"RoleArn": ROLE, "RoleSessionName": "s1", **members}
    return aws.call("sts", "assume_role", account=account, principal=who, **members)


def refused(aws, who, **members):
    with pytest.raises(AwsError) as error:
        assume(aws, who, **members)
    assert (error.value.code, error.value.status) == ("AccessDenied", 403)
    return error.value.message


def test_a_role_that_names_the_user_asks_for_no_more(aws):
    assert assume(aws, user())["AssumedRoleUser"]["Arn"].endswith("assumed-role/R/s1")
    trust(aws, trusting(f"arn:aws:iam::{ACCOUNT}:user/bob"))
    words = refused(aws, user())
    assert words == f"User: {ANN} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"


def test_a_role_that_trusts_the_account_leaves_it_to_the_users_policies(aws):
    trust(aws, trusting(f"arn:aws:iam::{ACCOUNT}:root"))
    refused(aws, user())
    allow(aws)
    assert assume(aws, user())["Credentials"]
    allow(aws, resource=ROLE + "x")
    refused(aws, user())


def test_across_accounts_both_must_agree(aws):
    allow(aws, OTHER)
    refused(aws, user(OTHER))
    trust(aws, trusting(f"arn:aws:iam::{OTHER}:user/ann"))
    assert assume(aws, user(OTHER))["Credentials"]
    aws.call("iam", "delete_user_policy", account=OTHER, UserName="ann", PolicyName="p")
    refused(aws, user(OTHER))


def test_external_ids(aws):
    trust(aws, trusting(ANN, Condition={"StringEquals": {"sts:ExternalId": "secret"}}))
    refused(aws, user())
    refused(aws, user(), ExternalId="guess")
    assert assume(aws, user(), ExternalId="secret")["Credentials"]


def test_tags_and_source_identities_are_permissions_of_their_own(aws):
    tags = [{"Key": "team", "Value": "a"}]
    assert "sts:TagSession" in refused(aws, user(), Tags=tags)
    assert "sts:SetSourceIdentity" in refused(aws, user(), SourceIdentity="ann")
    every = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    trust(aws, document(Principal={"AWS": ANN}, Action=every))
    assert assume(aws, user(), Tags=tags, SourceIdentity="ann")["SourceIdentity"] == "ann"


def test_what_is_not_there_is_not_told_from_what_is_forbidden(aws):
    missing = ROLE.replace("/R", "/None")
    assert refused(aws, user(), RoleArn=missing).endswith(missing)
    aws.call("iam", "create_role", RoleName="P", Path="/p/", AssumeRolePolicyDocument=trusting(ANN))
    refused(aws, user(), RoleArn=ROLE.replace("/R", "/P"))  # its ARN has a path
    assert assume(aws, user(), RoleArn=ROLE.replace("/R", "/p/P"))["Credentials"]


def test_roots_and_strangers_assume_nothing(aws):
    root = Principal("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
    assert refused(aws, root) == "Roles may not be assumed by root accounts."
    with pytest.raises(AwsError, match="MissingAuthenticationToken"):
        assume(aws, Principal("anonymous"))


def test_everybody_may_ask_who_they_are(aws):
    assert aws.call("sts", "get_caller_identity", principal=user())["Arn"] == ANN
    with pytest.raises(AwsError, match="MissingAuthenticationToken"):
        aws.call("sts", "get_caller_identity", principal=Principal("anonymous"))
    with pytest.raises(AwsError, match="sts:GetFederationToken"):
        aws.call("sts", "get_federation_token", principal=user(), Name="bob")


def test_session_policies_are_kept_with_the_session(aws):
    less = document(Action="s3:GetObject", Resource="*")
    key = assume(aws, user(), Policy=less)["Credentials"]["AccessKeyId"]
    kept = key_document(aws.store, key)
    assert kept is not None
    assert kept.body["policies"] == [less]


def test_a_federated_user_is_limited_by_its_policies_and_its_user(aws):
    policy = document(Action=["iam:ListUsers", "iam:ListRoles"], Resource="*")
    with pytest.raises(AwsError, match="sts:GetFederationToken"):
        aws.call("sts", "get_federation_token", principal=user(), Name="bob")
    allow(aws, action=["sts:GetFederationToken", "iam:ListUsers", "iam:ListGroups"], resource="*")
    answer = aws.call("sts", "get_federation_token", principal=user(), Name="bob", Policy=policy)
    assert answer["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    key = keys_of(aws.store)(answer["Credentials"]["AccessKeyId"])
    assert key is not None
    bob = key.whom
    assert (bob.kind, bob.source) == ("federated", ANN)
    assert aws.call("iam", "list_users", principal=bob)["Users"]
    for operation in ("list_roles", "list_groups"):  # its user may not, its policies do not
        with pytest.raises(AwsError, match="AccessDenied"):
            aws.call("iam", operation, principal=bob)


def test_no_session_for_a_token_whose_signature_cannot_be_checked(aws):
    with pytest.raises(AwsError) as error:
        aws.call(
            "sts",
            "assume_role_with_web_identity",
            principal=Principal("anonymous"),
            RoleArn=ROLE,
            RoleSessionName="pod",
            WebIdentityToken="e30.e30.x",
        )
    assert error.value.status == 501
