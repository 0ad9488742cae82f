"""Key policies, grants and IAM together."""

from __future__ import annotations

import asyncio
import json

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.services.iam import iam
from sagewright.services.kms import kms

ACCOUNT, OTHER = "111122223333", "999988887777"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def user(account=ACCOUNT, name="ann", *policies):
    return Principal("user", account, f"arn:aws:iam::{account}:user/{name}", "AIDA", policies)


ANN, BOB, FAR = user(), user(ACCOUNT, "bob"), user(OTHER)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def of_key(who, *actions, effect="Allow", **more):
    return {"Effect": effect, "Principal": {"AWS": who}, "Action": list(actions), "Resource": "*", **more}


def of_user(*actions, effect="Allow", resource="*", **more):
    return {"Effect": effect, "Action": list(actions), "Resource": resource, **more}


@pytest.fixture
def aws(in_process):
    in_process.add(iam, kms)
    for account, name in ((ACCOUNT, "ann"), (ACCOUNT, "bob"), (OTHER, "ann")):
        in_process.call("iam", "create_user", account=account, UserName=name)
    return in_process


@pytest.fixture
def key(aws):
    return aws.call("kms", "create_key")["KeyMetadata"]["Arn"]


def call(aws, operation, who, **members):
    return aws.call("kms", operation, principal=who, account=who.account or ACCOUNT, **members)


def refused(aws, operation, who, **members):
    with pytest.raises(AwsError) as error:
        call(aws, operation, who, **members)
    assert (error.value.code, error.value.status) == ("AccessDeniedException", 400)
    return error.value.message


def grant_iam(aws, *statements, account=ACCOUNT, name="ann"):
    text = document(*statements)
    aws.call("iam", "put_user_policy", account=account, UserName=name, PolicyName="p", PolicyDocument=text)


def set_policy(aws, key, *statements):
    aws.call("kms", "put_key_policy", KeyId=key, Policy=document(*statements))


def test_the_default_policy_leaves_it_to_iam(aws, key):
    words = refused(aws, "encrypt", ANN, KeyId=key, Plaintext=b"x")
    assert words == (
        f"User: {ANN.arn} is not authorized to perform: kms:Encrypt on resource: {key} because no identity-based "
        "policy allows the kms:Encrypt action"
    )
    grant_iam(aws, of_user("kms:Encrypt", resource=key))
    blob = call(aws, "encrypt", ANN, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    refused(aws, "decrypt", ANN, CiphertextBlob=blob)
    root = Principal("root", ACCOUNT, ROOT, ACCOUNT)
    assert call(aws, "decrypt", root, CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_policy_may_name_users_and_shut_the_account_out(aws, key):
    set_policy(aws, key, of_key(ANN.arn, "kms:*"))
    grant_iam(aws, of_user("kms:*"), name="bob")
    assert call(aws, "describe_key", ANN, KeyId=key)["KeyMetadata"]["Arn"] == key
    assert "because no resource-based policy allows" in refused(aws, "describe_key", BOB, KeyId=key)
    grant_iam(aws, of_user("kms:DescribeKey", effect="Deny"))
    assert "with an explicit deny in an identity-based policy" in refused(aws, "describe_key", ANN, KeyId=key)


def test_an_explicit_deny_of_the_key_policy_holds_for_all(aws, key):
    set_policy(aws, key, of_key(ROOT, "kms:*"), of_key("*", "kms:Decrypt", effect="Deny"))
    grant_iam(aws, of_user("kms:*"))
    blob = call(aws, "encrypt", ANN, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert "with an explicit deny in a resource-based policy" in refused(aws, "decrypt", ANN, CiphertextBlob=blob)


def test_across_accounts_both_must_agree(aws, key):
    grant_iam(aws, of_user("kms:Encrypt"), account=OTHER)
    refused(aws, "encrypt", FAR, KeyId=key, Plaintext=b"x")
    set_policy(aws, key, of_key(ROOT, "kms:*"), of_key(OTHER, "kms:*"))
    assert call(aws, "encrypt", FAR, KeyId=key, Plaintext=b"x")["KeyId"] == key
    refused(aws, "describe_key", FAR, KeyId=key)


def test_conditions_on_the_encryption_context_and_the_calling_service(aws, key):
    through = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    context = {"StringEquals": {"kms:EncryptionContext:team": "a"}}
    set_policy(
        aws,
        key,
        of_key(ANN.arn, "kms:Encrypt", Condition=context),
        of_key(BOB.arn, "kms:Encrypt", Condition=through),
    )
    asked = {"KeyId": key, "Plaintext": b"x"}
    refused(aws, "encrypt", ANN, **asked)
    refused(aws, "encrypt", ANN, **asked, EncryptionContext={"team": "b"})
    assert call(aws, "encrypt", ANN, **asked, EncryptionContext={"team": "a"})["CiphertextBlob"]
    refused(aws, "encrypt", BOB, **asked)


def through(aws, service, operation, who, **members):
    """As another service calls on somebody's behalf."""
    context = aws._context("kms", operation, who.account, "eu-west-1", members)
    context.principal, context.via = who, service
    return asyncio.run(aws._run(context))


def test_keys_of_aws_serve_their_service_alone(aws):
    aws.call("kms", "describe_key", KeyId="alias/aws/s3")
    members = {"KeyId": "alias/aws/s3", "KeySpec": "AES_256"}
    grant_iam(aws, of_user("kms:*"))
    refused(aws, "generate_data_key", ANN, **members)
    answer = through(aws, "s3", "generate_data_key", ANN, **members)
    assert through(aws, "s3", "decrypt", ANN, CiphertextBlob=answer["CiphertextBlob"])["Plaintext"]
    with pytest.raises(AwsError, match="AccessDeniedException"):
        through(aws, "logs", "generate_data_key", ANN, **members)
    assert call(aws, "describe_key", ANN, KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"


def test_grants(aws, key):
    asked = {"KeyId": key, "EncryptionContext": {"team": "a", "n": "1"}}
    granted = aws.call(
        "kms",
        "create_grant",
        KeyId=key,
        GranteePrincipal=ANN.arn,
        RetiringPrincipal=BOB.arn,
        Operations=["GenerateDataKey", "Decrypt"],
        Constraints={"EncryptionContextSubset": {"team": "a"}},
        Name="n",
    )
    again = {"GranteePrincipal": ANN.arn, "RetiringPrincipal": BOB.arn, "Operations": ["GenerateDataKey", "Decrypt"]}
    again |= {"Constraints": {"EncryptionContextSubset": {"team": "a"}}, "Name": "n"}
    assert aws.call("kms", "create_grant", KeyId=key, **again)["GrantId"] == granted["GrantId"]
    answer = call(aws, "generate_data_key", ANN, **asked, KeySpec="AES_256")
    back = call(
        aws, "decrypt", ANN, CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=asked["EncryptionContext"]
    )
    assert back["Plaintext"] == answer["Plaintext"]
    refused(aws, "generate_data_key", ANN, KeyId=key, KeySpec="AES_256", EncryptionContext={"team": "b"})
    refused(aws, "encrypt", ANN, **asked, Plaintext=b"x")
    refused(aws, "generate_data_key", BOB, **asked, KeySpec="AES_256")
    (shown,) = aws.call("kms", "list_grants", KeyId=key)["Grants"]
    assert (shown["Name"], shown["IssuingAccount"], shown["GranteePrincipal"]) == ("n", ROOT, ANN.arn)
    retirable = aws.call("kms", "list_retirable_grants", RetiringPrincipal=BOB.arn)["Grants"]
    assert [one["GrantId"] for one in retirable] == [granted["GrantId"]]
    refused(aws, "retire_grant", ANN, GrantToken=granted["GrantToken"])
    call(aws, "retire_grant", BOB, GrantToken=granted["GrantToken"])
    refused(aws, "generate_data_key", ANN, **asked, KeySpec="AES_256")
    with pytest.raises(AwsError, match="NotFoundException"):
        aws.call("kms", "revoke_grant", KeyId=key, GrantId=granted["GrantId"])


def test_a_grant_does_not_outweigh_an_explicit_deny(aws, key):
    aws.call("kms", "create_grant", KeyId=key, GranteePrincipal=ANN.arn, Operations=["Encrypt"])
    assert call(aws, "encrypt", ANN, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    set_policy(aws, key, of_key(ROOT, "kms:*"), of_key(ANN.arn, "kms:Encrypt", effect="Deny"))
    refused(aws, "encrypt", ANN, KeyId=key, Plaintext=b"x")


def test_what_create_grant_refuses(aws, key):
    mac = aws.call("kms", "create_key", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    for name, members in (
        (mac, {"Operations": ["Decrypt"]}),
        (key, {"Operations": ["Sign"]}),
        (key, {"Operations": ["Decrypt"], "GranteeServicePrincipal": "s3.amazonaws.com"}),
        (mac, {"Operations": ["GenerateMac"], "Constraints": {"EncryptionContextEquals": {}, "x": 1}}),
    ):
        with pytest.raises(AwsError, match="ValidationException"):
            aws.call("kms", "create_grant", KeyId=name, GranteePrincipal=ANN.arn, **members)
    with pytest.raises(AwsError, match="InvalidGrantTokenException"):
        aws.call("kms", "retire_grant", GrantToken="nonsense")


def test_aliases_and_re_encryption_need_every_key_they_touch(aws, key):
    other = aws.call("kms", "create_key")["KeyMetadata"]["Arn"]
    alias = "arn:aws:kms:eu-west-1:111122223333:alias/app"
    grant_iam(aws, of_user("kms:CreateAlias", resource=alias))
    assert key in refused(aws, "create_alias", ANN, AliasName="alias/app", TargetKeyId=key)
    grant_iam(aws, of_user("kms:CreateAlias"), of_user("kms:UpdateAlias", resource=[alias, other]))
    call(aws, "create_alias", ANN, AliasName="alias/app", TargetKeyId=key)
    assert key in refused(aws, "update_alias", ANN, AliasName="alias/app", TargetKeyId=other)
    blob = aws.call("kms", "encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    grant_iam(aws, of_user("kms:ReEncryptFrom", resource=key))
    words = refused(aws, "re_encrypt", ANN, CiphertextBlob=blob, DestinationKeyId=other)
    assert "kms:ReEncryptTo" in words
    grant_iam(aws, of_user("kms:ReEncrypt*"))
    assert call(aws, "re_encrypt", ANN, CiphertextBlob=blob, DestinationKeyId=other)["KeyId"] == other


def test_what_is_about_no_key(aws):
    for operation, members in (("create_key", {}), ("list_keys", {}), ("generate_random", {"NumberOfBytes": 1})):
        refused(aws, operation, ANN, **members)
    grant_iam(aws, of_user("kms:*"))
    made = call(aws, "create_key", ANN)["KeyMetadata"]
    assert call(aws, "list_keys", ANN)["Keys"][0]["KeyArn"] == made["Arn"]
    with pytest.raises(AwsError, match="MissingAuthenticationToken"):
        call(aws, "list_keys", Principal("anonymous"))


def test_nobody_locks_themselves_out(aws):
    grant_iam(aws, of_user("kms:*"))
    shut = document(of_key(BOB.arn, "kms:*"))
    with pytest.raises(AwsError, match="will not allow you to update the key policy in the future"):
        call(aws, "create_key", ANN, Policy=shut)
    made = call(aws, "create_key", ANN, Policy=shut, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]
    refused(aws, "describe_key", ANN, KeyId=made["Arn"])


def test_a_session_may_do_no_more_than_its_own_policies(aws, key):
    set_policy(aws, key, of_key(ROOT, "kms:*"))
    grant_iam(aws, of_user("kms:*"))
    session = user(ACCOUNT, "ann", document(of_user("kms:Encrypt")))
    blob = call(aws, "encrypt", session, KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert "because no session policy allows the kms:Decrypt" in refused(aws, "decrypt", session, CiphertextBlob=blob)
