from __future__ import annotations

import json
import re

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.kms import kms

DAY = 86_400


@pytest.fixture
def call(in_process):
    in_process.add(kms)
    return lambda operation, **members: in_process.call("kms", operation, **members)


@pytest.fixture
def key(call):
    return call("create_key", Description="mine")["KeyMetadata"]


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert (error.value.code, error.value.status) == (code, 400)
    return error.value.message


def test_a_key_by_all_of_its_names(call, key):
    assert re.fullmatch(r"arn:aws:kms:eu-west-1:111122223333:key/[0-9a-f-]{36}", key["Arn"])
    assert (key["KeyState"], key["Enabled"], key["KeySpec"]) == ("Enabled", True, "SYMMETRIC_DEFAULT")
    assert key["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    call("create_alias", AliasName="alias/app", TargetKeyId=key["KeyId"])
    alias = "arn:aws:kms:eu-west-1:111122223333:alias/app"
    for name in (key["KeyId"], key["Arn"], "alias/app", alias):
        assert call("describe_key", KeyId=name)["KeyMetadata"]["Arn"] == key["Arn"]
    assert call("list_keys")["Keys"] == [{"KeyId": key["KeyId"], "KeyArn": key["Arn"]}]


def test_names_that_are_no_keys(call):
    missing = "12345678-1234-1234-1234-123456789012"
    arn = f"arn:aws:kms:eu-west-1:111122223333:key/{missing}"
    for name, words in (
        (missing, f"Key '{arn}' does not exist"),
        (arn, f"Key '{arn}' does not exist"),
        ("nonsense", "Invalid keyId 'nonsense'"),
        ("alias/none", "Alias arn:aws:kms:eu-west-1:111122223333:alias/none is not found."),
        (arn.replace("eu-west-1", "us-east-2"), "Invalid arn us-east-2"),
    ):
        assert refused("NotFoundException", call, "describe_key", KeyId=name) == words
    refused("InvalidArnException", call, "describe_key", KeyId="arn:aws")


def test_a_key_of_another_account_is_named_by_its_arn(in_process, call, key):
    found = in_process.call("kms", "describe_key", account="999988887777", KeyId=key["Arn"])
    assert found["KeyMetadata"]["AWSAccountId"] == "111122223333"
    with pytest.raises(AwsError, match="does not exist"):
        in_process.call("kms", "describe_key", account="999988887777", KeyId=key["KeyId"])


def test_disabled_and_enabled(call, key):
    sealed = call("encrypt", KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    call("disable_key", KeyId=key["KeyId"])
    assert call("describe_key", KeyId=key["KeyId"])["KeyMetadata"]["Enabled"] is False
    assert refused("DisabledException", call, "decrypt", CiphertextBlob=sealed) == f"{key['Arn']} is disabled."
    refused("DisabledException", call, "generate_data_key", KeyId=key["Arn"], KeySpec="AES_256")
    call("enable_key", KeyId=key["KeyId"])
    assert call("decrypt", CiphertextBlob=sealed)["Plaintext"] == b"x"
    refused("NotFoundException", call, "disable_key", KeyId="alias/any")


def test_deletion_falls_due(in_process, call, key):
    call("create_alias", AliasName="alias/app", TargetKeyId=key["KeyId"])
    sealed = call("encrypt", KeyId="alias/app", Plaintext=b"x")["CiphertextBlob"]
    for days in (6, 31):
        refused("ValidationException", call, "schedule_key_deletion", KeyId=key["KeyId"], PendingWindowInDays=days)
    answer = call("schedule_key_deletion", KeyId=key["KeyId"], PendingWindowInDays=7)
    assert (answer["KeyState"], answer["DeletionDate"]) == ("PendingDeletion", in_process.clock.now() + 7 * DAY)
    words = f"{key['Arn']} is pending deletion."
    for operation in ("enable_key", "disable_key", "schedule_key_deletion"):
        assert refused("KMSInvalidStateException", call, operation, KeyId=key["KeyId"]) == words
    assert refused("KMSInvalidStateException", call, "decrypt", CiphertextBlob=sealed) == words
    call("cancel_key_deletion", KeyId=key["KeyId"])
    assert call("describe_key", KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    refused("KMSInvalidStateException", call, "cancel_key_deletion", KeyId=key["KeyId"])
    call("schedule_key_deletion", KeyId=key["KeyId"], PendingWindowInDays=7)
    in_process.clock.advance(7 * DAY - 1)
    assert call("describe_key", KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    in_process.clock.advance(1)
    refused("NotFoundException", call, "describe_key", KeyId=key["KeyId"])
    refused("AccessDeniedException", call, "decrypt", CiphertextBlob=sealed)
    assert call("list_keys")["Keys"] == []
    assert call("list_aliases")["Aliases"] == []


def test_lists_list_no_key_whose_deletion_is_due(in_process, call, key):
    call("create_alias", AliasName="alias/app", TargetKeyId=key["KeyId"])
    call("schedule_key_deletion", KeyId=key["KeyId"], PendingWindowInDays=7)
    in_process.clock.advance(8 * DAY)
    assert call("list_aliases")["Aliases"] == []
    assert call("list_keys") == {"Keys": [], "Truncated": False}


def test_pages(call):
    made = sorted(call("create_key")["KeyMetadata"]["KeyId"] for _ in range(5))
    found, marker = [], {}
    for _ in range(3):
        page = call("list_keys", Limit=2, **marker)
        found += [one["KeyId"] for one in page["Keys"]]
        marker = {"Marker": page.get("NextMarker")}
    assert (found, page["Truncated"]) == (made, False)
    refused("InvalidMarkerException", call, "list_keys", Marker="nonsense")


def test_aliases(call, key):
    call("create_alias", AliasName="alias/app", TargetKeyId=key["Arn"])
    words = refused("AlreadyExistsException", call, "create_alias", AliasName="alias/app", TargetKeyId=key["KeyId"])
    assert words == "An alias with the name arn:aws:kms:eu-west-1:111122223333:alias/app already exists"
    refused("ValidationException", call, "create_alias", AliasName="app", TargetKeyId=key["KeyId"])
    refused("NotAuthorizedException", call, "create_alias", AliasName="alias/aws/app", TargetKeyId=key["KeyId"])
    refused("NotFoundException", call, "create_alias", AliasName="alias/b", TargetKeyId="alias/app")
    other = call("create_key")["KeyMetadata"]
    call("update_alias", AliasName="alias/app", TargetKeyId=other["KeyId"])
    assert call("list_aliases", KeyId=key["KeyId"])["Aliases"] == []
    assert call("list_aliases", KeyId=other["KeyId"])["Aliases"][0]["AliasName"] == "alias/app"
    mac = call("create_key", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    refused("ValidationException", call, "update_alias", AliasName="alias/app", TargetKeyId=mac["KeyId"])
    call("delete_alias", AliasName="alias/app")
    refused("NotFoundException", call, "delete_alias", AliasName="alias/app")


def test_keys_of_aws_are_made_on_first_use_and_stay_as_they_are(call):
    first = call("describe_key", KeyId="alias/aws/s3")["KeyMetadata"]
    assert first["KeyManager"] == "AWS"
    assert call("generate_data_key", KeyId="alias/aws/s3", KeySpec="AES_256")["KeyId"] == first["Arn"]
    assert call("list_aliases")["Aliases"][0]["AliasName"] == "alias/aws/s3"
    for operation in ("disable_key", "schedule_key_deletion", "enable_key_rotation"):
        refused("AccessDeniedException", call, operation, KeyId=first["KeyId"])
    refused("NotFoundException", call, "describe_key", KeyId="alias/aws/no-such-service")


def test_what_create_key_refuses(call):
    refused("ValidationException", call, "create_key", KeySpec="RSA_2048")
    refused("ValidationException", call, "create_key", KeySpec="HMAC_256", KeyUsage="SIGN_VERIFY")
    refused("MalformedPolicyDocumentException", call, "create_key", Policy="{}")
    refused("TagException", call, "create_key", Tags=[{"TagKey": "aws:x", "TagValue": ""}])
    for members in ({"Origin": "EXTERNAL"}, {"KeySpec": "SM2"}, {"CustomKeyStoreId": "cks-1"}):
        with pytest.raises(AwsError) as error:
            call("create_key", **members)
        assert error.value.status == 501
    assert call("list_keys")["Keys"] == []


def test_tags_description_and_policy(call, key):
    name = {"KeyId": key["KeyId"]}
    call("tag_resource", **name, Tags=[{"TagKey": "team", "TagValue": "a"}, {"TagKey": "b", "TagValue": ""}])
    call("untag_resource", **name, TagKeys=["b"])
    assert call("list_resource_tags", **name)["Tags"] == [{"TagKey": "team", "TagValue": "a"}]
    call("update_key_description", **name, Description="new")
    assert call("describe_key", **name)["KeyMetadata"]["Description"] == "new"
    policy = json.loads(call("get_key_policy", **name)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    policy["Statement"][0]["Sid"] = "Mine"
    call("put_key_policy", **name, Policy=json.dumps(policy))
    assert json.loads(call("get_key_policy", **name, PolicyName="default")["Policy"]) == policy
    assert call("list_key_policies", **name)["PolicyNames"] == ["default"]
    refused("MalformedPolicyDocumentException", call, "put_key_policy", **name, Policy='{"Statement": [{}]}')
    refused("NotFoundException", call, "get_key_policy", **name, PolicyName="other")


def test_material_is_not_in_the_database(in_process, call, key):
    sealed = call("encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    folder = in_process.store.folder
    root = folder / "kms.key"
    assert (root.stat().st_mode & 0o777, root.stat().st_size) == (0o600, 32)
    again = type(in_process)(in_process.store, in_process.clock).add(kms)  # as after a restart
    assert again.call("kms", "decrypt", CiphertextBlob=sealed)["Plaintext"] == b"x"
    root.write_bytes(bytes(32))
    stranger = type(in_process)(in_process.store, in_process.clock).add(kms)
    with pytest.raises(AwsError, match="KMSInternalException"):
        stranger.call("kms", "decrypt", CiphertextBlob=sealed)
