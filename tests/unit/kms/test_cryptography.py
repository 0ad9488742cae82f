from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.services.kms import kms

DAY = 86_400
CONTEXTS = st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3)


@pytest.fixture
def call(in_process):
    in_process.add(kms)
    return lambda operation, **members: in_process.call("kms", operation, **members)


@pytest.fixture
def key(call):
    return call("create_key")["KeyMetadata"]["Arn"]


def made(call, spec, usage):
    return call("create_key", KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert error.value.code == code
    return error.value.message


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain=st.binary(min_size=1, max_size=4096), context=CONTEXTS)
def test_what_is_encrypted_decrypts_under_its_context_alone(call, plain, context):
    answer = call("encrypt", KeyId="alias/aws/ebs", Plaintext=plain, EncryptionContext=context)
    blob = answer["CiphertextBlob"]
    assert len(blob) <= 6144
    assert plain not in blob or len(plain) < 8
    back = call("decrypt", CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))
    assert (back["Plaintext"], back["KeyId"]) == (plain, answer["KeyId"])
    wrong = {**context, "one more": "x"}
    assert refused("InvalidCiphertextException", call, "decrypt", CiphertextBlob=blob, EncryptionContext=wrong) == ""


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_changed_ciphertext_decrypts(call, data):
    blob = bytearray(call("encrypt", KeyId="alias/aws/ebs", Plaintext=b"secret")["CiphertextBlob"])
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(AwsError) as error:
        call("decrypt", CiphertextBlob=bytes(blob))
    # A changed key name is another key's, which is not there.
    assert error.value.code in ("InvalidCiphertextException", "AccessDeniedException")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_no_ciphertext(call, blob):
    refused("InvalidCiphertextException", call, "decrypt", CiphertextBlob=blob)


def test_another_key_may_not_be_named(call, key):
    other = call("create_key")["KeyMetadata"]["Arn"]
    blob = call("encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    words = refused("IncorrectKeyException", call, "decrypt", CiphertextBlob=blob, KeyId=other)
    assert words == "The key ID in the request does not identify a CMK that can perform this operation."
    assert call("decrypt", CiphertextBlob=blob, KeyId=key)["Plaintext"] == b"x"


def test_re_encrypt(call, key):
    other = call("create_key")["KeyMetadata"]["Arn"]
    blob = call("encrypt", KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
    contexts = {"SourceEncryptionContext": {"a": "1"}, "DestinationEncryptionContext": {"b": "2"}}
    moved = call("re_encrypt", CiphertextBlob=blob, DestinationKeyId=other, **contexts)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other)
    back = call("decrypt", CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert (back["Plaintext"], back["KeyId"]) == (b"x", other)
    refused("InvalidCiphertextException", call, "re_encrypt", CiphertextBlob=blob, DestinationKeyId=other)


@pytest.mark.parametrize(("asked", "size"), [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16)])
def test_data_keys(call, key, asked, size):
    answer = call("generate_data_key", KeyId=key, EncryptionContext={"a": "b"}, **asked)
    assert len(answer["Plaintext"]) == size
    back = call("decrypt", CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert back["Plaintext"] == answer["Plaintext"]
    closed = call("generate_data_key_without_plaintext", KeyId=key, **asked)
    assert "Plaintext" not in closed
    assert len(call("decrypt", CiphertextBlob=closed["CiphertextBlob"])["Plaintext"]) == size


def test_data_keys_of_any_length(call, key):
    assert len(call("generate_data_key", KeyId=key, NumberOfBytes=7)["Plaintext"]) == 7
    for asked in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}, {"NumberOfBytes": 1025}):
        refused("ValidationException", call, "generate_data_key", KeyId=key, **asked)
    assert len(call("generate_random", NumberOfBytes=100)["Plaintext"]) == 100


def test_data_key_pairs(call, key):
    from cryptography.hazmat.primitives import serialization as form

    answer = call("generate_data_key_pair", KeyId=key, KeyPairSpec="ECC_NIST_P256")
    back = call("decrypt", CiphertextBlob=answer["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert back == answer["PrivateKeyPlaintext"]
    public = form.load_der_private_key(back, None).public_key()
    assert public.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo) == answer["PublicKey"]
    closed = call("generate_data_key_pair_without_plaintext", KeyId=key, KeyPairSpec="ECC_NIST_P256")
    assert "PrivateKeyPlaintext" not in closed


def test_dry_runs_change_and_tell_nothing(call, key):
    for operation, members in (
        ("encrypt", {"Plaintext": b"x"}),
        ("generate_data_key", {"KeySpec": "AES_256"}),
        ("create_grant", {"GranteePrincipal": "arn:aws:iam::111122223333:role/R", "Operations": ["Decrypt"]}),
    ):
        refused("DryRunOperationException", call, operation, KeyId=key, DryRun=True, **members)
    assert call("list_grants", KeyId=key)["Grants"] == []


def test_rotation_keeps_what_was_encrypted(in_process, call, key):
    first = call("encrypt", KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    call("rotate_key_on_demand", KeyId=key)
    second = call("encrypt", KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    answers = [call("decrypt", CiphertextBlob=blob) for blob in (first, second)]
    assert [one["Plaintext"] for one in answers] == [b"old", b"new"]
    assert answers[0]["KeyMaterialId"] != answers[1]["KeyMaterialId"]
    rotation = call("list_key_rotations", KeyId=key)["Rotations"]
    assert [(one["RotationType"], one["KeyMaterialId"]) for one in rotation] == [
        ("ON_DEMAND", answers[1]["KeyMaterialId"])
    ]
    assert len(call("list_key_rotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]) == 2


def test_automatic_rotation_falls_due(in_process, call, key):
    assert call("get_key_rotation_status", KeyId=key)["KeyRotationEnabled"] is False
    start = in_process.clock.now()
    call("enable_key_rotation", KeyId=key, RotationPeriodInDays=90)
    status = call("get_key_rotation_status", KeyId=key)
    assert (status["KeyRotationEnabled"], status["NextRotationDate"]) == (True, start + 90 * DAY)
    first = call("encrypt", KeyId=key, Plaintext=b"old")
    in_process.clock.advance(90 * DAY)
    call("encrypt", KeyId=key, Plaintext=b"new")
    call("encrypt", KeyId=key, Plaintext=b"new")
    (rotation,) = call("list_key_rotations", KeyId=key)["Rotations"]
    assert (rotation["RotationType"], rotation["RotationDate"]) == ("AUTOMATIC", start + 90 * DAY)
    assert call("decrypt", CiphertextBlob=first["CiphertextBlob"])["Plaintext"] == b"old"
    call("disable_key_rotation", KeyId=key)
    in_process.clock.advance(900 * DAY)
    call("encrypt", KeyId=key, Plaintext=b"new")
    assert len(call("list_key_rotations", KeyId=key)["Rotations"]) == 1
    mac = made(call, "HMAC_256", "GENERATE_VERIFY_MAC")
    refused("UnsupportedOperationException", call, "enable_key_rotation", KeyId=mac)


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [
        ("RSA_2048", "RSASSA_PSS_SHA_256"),
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512"),
        ("ECC_NIST_P256", "ECDSA_SHA_256"),
        ("ECC_NIST_P521", "ECDSA_SHA_512"),
        ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
    ],
)
def test_signatures(call, spec, algorithm):
    key = made(call, spec, "SIGN_VERIFY")
    message = b"the message"
    how = {"KeyId": key, "SigningAlgorithm": algorithm}
    signature = call("sign", Message=message, **how)["Signature"]
    assert call("verify", Message=message, Signature=signature, **how)["SignatureValid"] is True
    digest = hashlib.new(f"sha{algorithm[-3:]}", message).digest()
    by_digest = call("verify", Message=digest, MessageType="DIGEST", Signature=signature, **how)
    assert by_digest["SignatureValid"] is True
    for members in ({"Message": b"another", "Signature": signature}, {"Message": message, "Signature": b"x"}):
        assert refused("KMSInvalidSignatureException", call, "verify", **members, **how) == ""
    refused("ValidationException", call, "sign", Message=b"short", MessageType="DIGEST", **how)


def test_a_public_key_verifies_outside(call):
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = made(call, "ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    signature = call("sign", KeyId=key, Message=b"m", SigningAlgorithm="ED25519_SHA_512")["Signature"]
    answer = call("get_public_key", KeyId=key)
    load_der_public_key(answer["PublicKey"]).verify(signature, b"m")
    assert answer["KeyUsage"] == "SIGN_VERIFY"
    with pytest.raises(AwsError) as error:
        call("sign", KeyId=key, Message=b"m", SigningAlgorithm="ED25519_PH_SHA_512")
    assert error.value.status == 501


def test_rsa_encrypts_what_outsiders_encrypt_too(call):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = made(call, "RSA_2048", "ENCRYPT_DECRYPT")
    how = {"KeyId": key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = call("encrypt", Plaintext=b"x" * 190, **how)["CiphertextBlob"]
    assert call("decrypt", CiphertextBlob=blob, **how)["Plaintext"] == b"x" * 190
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    outside = load_der_public_key(call("get_public_key", KeyId=key)["PublicKey"]).encrypt(b"hi", oaep)
    assert call("decrypt", CiphertextBlob=outside, **how)["Plaintext"] == b"hi"
    refused("ValidationException", call, "encrypt", Plaintext=b"x" * 191, **how)
    refused("InvalidCiphertextException", call, "decrypt", CiphertextBlob=b"y" * 256, **how)
    refused("InvalidKeyUsageException", call, "encrypt", Plaintext=b"x", KeyId=key)


def test_keys_agree_on_a_secret(call):
    one, two = (made(call, "ECC_NIST_P256", "KEY_AGREEMENT") for _ in range(2))
    publics = {key: call("get_public_key", KeyId=key)["PublicKey"] for key in (one, two)}
    how = {"KeyAgreementAlgorithm": "ECDH"}
    secret = call("derive_shared_secret", KeyId=one, PublicKey=publics[two], **how)["SharedSecret"]
    assert secret == call("derive_shared_secret", KeyId=two, PublicKey=publics[one], **how)["SharedSecret"]
    refused("ValidationException", call, "derive_shared_secret", KeyId=one, PublicKey=b"x", **how)


def test_macs(call):
    key = made(call, "HMAC_384", "GENERATE_VERIFY_MAC")
    how = {"KeyId": key, "MacAlgorithm": "HMAC_SHA_384", "Message": b"m"}
    mac = call("generate_mac", **how)["Mac"]
    assert len(mac) == hmac.new(b"", b"", "sha384").digest_size
    assert call("verify_mac", Mac=mac, **how)["MacValid"] is True
    refused("KMSInvalidMacException", call, "verify_mac", Mac=b"x" * 48, **how)
    refused("InvalidKeyUsageException", call, "generate_mac", **{**how, "MacAlgorithm": "HMAC_SHA_256"})


def test_keys_serve_what_they_are_for(call, key):
    words = refused("InvalidKeyUsageException", call, "sign", KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    assert words == f"{key} key usage is ENCRYPT_DECRYPT which is not valid for Sign."
    refused("UnsupportedOperationException", call, "get_public_key", KeyId=key)
    signing = made(call, "ECC_NIST_P256", "SIGN_VERIFY")
    refused("InvalidKeyUsageException", call, "encrypt", KeyId=signing, Plaintext=b"x")
    refused("InvalidKeyUsageException", call, "generate_data_key", KeyId=signing, KeySpec="AES_256")
