"""KMS as boto3 and the AWS CLI use it, against a real server."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from clients.command import Sagewright
from clients.harness import python_of
from sagewright.testing.server import running_server


def make(url, account="test"):
    return boto3.client(
        "kms",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )


@pytest.fixture
def kms(sagewright_server):
    client = make(sagewright_server.url)
    yield client
    client.close()


@pytest.fixture
def key(kms):
    return kms.create_key(Description="journey")["KeyMetadata"]["Arn"]


def test_a_secret_there_and_back(kms, key):
    alias = f"alias/{uuid.uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    context = {"app": "journey", "naïve": "ключ"}
    blob = kms.encrypt(KeyId=alias, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    answer = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    assert (answer["Plaintext"], answer["KeyId"], answer["EncryptionAlgorithm"]) == (
        b"secret",
        key,
        "SYMMETRIC_DEFAULT",
    )
    for wrong in ({"EncryptionContext": {"app": "other"}}, {}):
        with pytest.raises(kms.exceptions.InvalidCiphertextException):
            kms.decrypt(CiphertextBlob=blob, **wrong)
    with pytest.raises(ClientError, match="length less than or equal to 4096"):
        kms.encrypt(KeyId=key, Plaintext=b"x" * 4097)


def test_an_envelope_as_clients_make_it(kms, key):
    """A data key encrypts locally; its ciphertext travels with the data; KMS gives it back."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"file": "a"})
    nonce, message = os.urandom(12), os.urandom(100_000)
    sealed = AESGCM(data_key["Plaintext"]).encrypt(nonce, message, None)
    plain = kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"], EncryptionContext={"file": "a"})["Plaintext"]
    assert AESGCM(plain).decrypt(nonce, sealed, None) == message


def test_keys_outlive_the_server_and_their_rotation(tmp_path):
    with running_server(tmp_path / "data") as server:
        kms = make(server.url)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blobs = [kms.encrypt(KeyId=key, Plaintext=b"0")["CiphertextBlob"]]
        kms.rotate_key_on_demand(KeyId=key)
        blobs.append(kms.encrypt(KeyId=key, Plaintext=b"1")["CiphertextBlob"])
        signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        how = {"KeyId": signing, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
        signature = kms.sign(**how)["Signature"]
        server.kill()
        server.start()
        assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs] == [b"0", b"1"]
        assert kms.verify(**how, Signature=signature)["SignatureValid"] is True
        with pytest.raises(kms.exceptions.KMSInvalidSignatureException):
            kms.verify(**{**how, "Message": b"n"}, Signature=signature)
        kms.close()


def test_the_life_of_a_key(kms, key):
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is pending deletion"):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    kms.cancel_key_deletion(KeyId=key)
    with pytest.raises(kms.exceptions.DisabledException, match="is disabled"):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    kms.enable_key(KeyId=key)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 180
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "a"}])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "team", "TagValue": "a"}]
    granted = kms.create_grant(
        KeyId=key, GranteePrincipal="arn:aws:iam::000000000000:role/R", Operations=["Decrypt", "DescribeKey"]
    )
    listed = kms.get_paginator("list_grants").paginate(KeyId=key).build_full_result()["Grants"]
    assert [grant["GrantId"] for grant in listed] == [granted["GrantId"]]
    kms.revoke_grant(KeyId=key, GrantId=granted["GrantId"])
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Principal"]["AWS"] == "arn:aws:iam::000000000000:root"
    assert key in [one["KeyArn"] for page in kms.get_paginator("list_keys").paginate() for one in page["Keys"]]
    with pytest.raises(kms.exceptions.NotFoundException, match="does not exist"):
        kms.describe_key(KeyId=str(uuid.uuid4()))
    with pytest.raises(ClientError) as error:
        kms.create_key(Origin="EXTERNAL")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_accounts_have_keys_of_their_own(sagewright_server, kms, key):
    other = make(sagewright_server.url, "444455556666")
    assert key not in [one["KeyArn"] for one in other.list_keys()["Keys"]]
    first, second = (one.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] for one in (kms, other))
    assert first != second
    other.close()


def test_a_message_authenticated(kms):
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    how = {"KeyId": key, "Message": hashlib.sha256(b"m").digest(), "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**how)["Mac"]
    assert kms.verify_mac(**how, Mac=mac)["MacValid"] is True
    with pytest.raises(kms.exceptions.KMSInvalidMacException):
        kms.verify_mac(**how, Mac=bytes(32))


def test_the_aws_cli(tmp_path):
    binaries = python_of("aws_cli").parent
    settings = {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "AWS_PAGER": ""}
    sagewright = Sagewright(tmp_path / "data", settings)
    secret = tmp_path / "secret"
    secret.write_bytes(os.urandom(1000))
    script = f"""
        key=$(aws kms create-key --query KeyMetadata.KeyId --output text)
        aws kms create-alias --alias-name alias/cli --target-key-id $key
        aws kms encrypt --key-id alias/cli --plaintext fileb://{secret} --encryption-context a=b \\
            --query CiphertextBlob --output text | base64 -d > {tmp_path}/sealed
        aws kms decrypt --ciphertext-blob fileb://{tmp_path}/sealed --encryption-context a=b \\
            --query Plaintext --output text
        aws kms decrypt --ciphertext-blob fileb://{tmp_path}/sealed || echo refused
        aws ecr create-repository --repository-name cli/app --query repository.repositoryUri --output text
        aws ecr get-login-password | base64 -d | cut -c 1-4
    """
    done = sagewright("run", "--", "sh", "-ec", script, timeout=300)
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stderr
    assert base64.b64decode(lines[0]) == secret.read_bytes()
    assert lines[1] == "refused"
    assert "(InvalidCiphertextException) when calling the Decrypt operation" in done.stderr
    assert lines[2].endswith("amazonaws.com/cli/app")
    assert lines[3] == "ASIA"
