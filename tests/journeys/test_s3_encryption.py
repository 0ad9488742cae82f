"""Encryption at rest through boto3: SSE-S3, SSE-KMS, SSE-C, and the bytes on disk behind them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import urllib.request
import uuid
from pathlib import Path

import pytest
from s3_client import refused

from sagewright.runtime.agent.s3 import S3 as AgentS3
from sagewright.runtime.agent.signer import Signer

MB = 1 << 20
PLAIN = b"forty-two words that must not be found on any disk. "
RULE = "ServerSideEncryptionConfiguration"


def on_disk(server, needle=PLAIN):
    """Whether any file under the data folder, the database and the blobs, holds the bytes."""
    for path in server.data_dir.rglob("*"):
        if path.is_file() and not path.is_symlink() and needle in path.read_bytes():
            return True
    return False


def customer(key=None, prefix=""):
    key = key or os.urandom(32)
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": key}


def encoded(key):
    """For operations whose keys botocore does not encode itself."""
    md5 = base64.b64encode(hashlib.md5(key).digest()).decode()
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": md5,
    }


def kms_key(server):
    kms = server.client("kms")
    return kms, kms.create_key()["KeyMetadata"]


def told(answer):
    names = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled", "SSECustomerAlgorithm", "SSECustomerKeyMD5")
    return {name: answer[name] for name in names if name in answer}


def parts_of(s3, bucket, key, parts, create=None, each=None):
    made = s3.create_multipart_upload(Bucket=bucket, Key=key, **(create or {}))
    upload = {"Bucket": bucket, "Key": key, "UploadId": made["UploadId"]}
    answers = [
        s3.upload_part(**upload, PartNumber=number, Body=part, **(each or {})) for number, part in enumerate(parts, 1)
    ]
    listed = [{"PartNumber": number, "ETag": answer["ETag"]} for number, answer in enumerate(answers, 1)]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
    return made, answers, done


def test_plain_bytes_name_no_encryption(s3, bucket, sagewright_server):
    needle = os.urandom(32)
    assert told(s3.put_object(Bucket=bucket, Key="k", Body=needle)) == {}
    assert told(s3.head_object(Bucket=bucket, Key="k")) == {}
    assert on_disk(sagewright_server, needle)


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 * MB + 1])
def test_sse_s3(s3, bucket, sagewright_server, size):
    data = (PLAIN * (size // len(PLAIN) + 1))[:size]
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, ServerSideEncryption="AES256")
    assert told(put) == {"ServerSideEncryption": "AES256"}
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ContentLength"], told(got)) == (data, size, told(put))
    assert told(s3.head_object(Bucket=bucket, Key="k")) == told(put)
    if size > 1:
        got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={size // 2}-")
        assert got["Body"].read() == data[size // 2 :]
        assert not on_disk(sagewright_server)
    key_file = sagewright_server.data_dir / "s3.key"
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_the_bucket_decides_where_the_request_does_not(s3, bucket, sagewright_server):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, **{RULE: {"Rules": [rule]}})
    put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN)
    assert told(put) == {"ServerSideEncryption": "AES256"}
    _, meta = kms_key(sagewright_server)
    kms_rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": meta["KeyId"]}
    rule = {"ApplyServerSideEncryptionByDefault": kms_rule, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, **{RULE: {"Rules": [rule]}})
    put = s3.put_object(Bucket=bucket, Key="k2", Body=PLAIN)
    assert told(put) == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": meta["Arn"], "BucketKeyEnabled": True}
    assert s3.get_object(Bucket=bucket, Key="k2")["Body"].read() == PLAIN
    put = s3.put_object(Bucket=bucket, Key="k3", Body=PLAIN, ServerSideEncryption="AES256")
    assert told(put) == {"ServerSideEncryption": "AES256"}
    s3.delete_bucket_encryption(Bucket=bucket)
    assert told(s3.put_object(Bucket=bucket, Key="k4", Body=b"x")) == {}
    assert told(s3.head_object(Bucket=bucket, Key="k")) == {"ServerSideEncryption": "AES256"}
    assert not on_disk(sagewright_server)


def test_a_bucket_that_blocks_keys_of_customers(s3, bucket):
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    s3.put_bucket_encryption(Bucket=bucket, **{RULE: {"Rules": [rule]}})
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer())
    assert told(s3.put_object(Bucket=bucket, Key="k", Body=b"x")) == {}


@pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
def test_sse_kms(s3, bucket, sagewright_server, algorithm):
    kms, meta = kms_key(sagewright_server)
    how = {"ServerSideEncryption": algorithm, "SSEKMSKeyId": meta["KeyId"]}
    expected = {"ServerSideEncryption": algorithm, "SSEKMSKeyId": meta["Arn"]}
    put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, **how)
    assert told(put) == expected
    assert len(put["ETag"]) == 34
    assert put["ETag"] != f'"{hashlib.md5(PLAIN).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), told(got), got["ETag"]) == (PLAIN, expected, put["ETag"])
    assert not on_disk(sagewright_server)
    kms.disable_key(KeyId=meta["KeyId"])
    for call in (
        lambda: s3.get_object(Bucket=bucket, Key="k"),
        lambda: s3.put_object(Bucket=bucket, Key="k2", Body=b"x", **how),
        lambda: s3.copy_object(Bucket=bucket, Key="k2", CopySource=f"{bucket}/k"),
        lambda: s3.create_multipart_upload(Bucket=bucket, Key="k2", **how),
    ):
        with refused("KMS.DisabledException") as found:
            call()
        assert meta["Arn"] in found.error["Message"]
    assert told(s3.head_object(Bucket=bucket, Key="k")) == expected
    kms.enable_key(KeyId=meta["KeyId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == PLAIN
    kms.schedule_key_deletion(KeyId=meta["KeyId"], PendingWindowInDays=7)
    with refused("KMS.KMSInvalidStateException"):
        s3.get_object(Bucket=bucket, Key="k")


def test_the_key_that_aws_keeps_for_s3_and_keys_that_are_not_there(s3, bucket, sagewright_server):
    put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, ServerSideEncryption="aws:kms")
    described = sagewright_server.client("kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert (put["SSEKMSKeyId"], described["KeyManager"]) == (described["Arn"], "AWS")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == PLAIN
    with refused("KMS.NotFoundException"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=str(uuid.uuid4()))


def test_the_encryption_context_is_honoured(s3, bucket):
    how = {"ServerSideEncryption": "aws:kms"}
    context = base64.b64encode(json.dumps({"project": "42"}).encode()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, SSEKMSEncryptionContext=context, **how)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == PLAIN
    for bad in ("{}", base64.b64encode(b"[1]").decode(), base64.b64encode(b'{"a": 1}').decode()):
        with refused("InvalidArgument"):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x", SSEKMSEncryptionContext=bad, **how)
    with refused("InvalidArgument"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", SSEKMSKeyId="alias/aws/s3")
    with refused("InvalidArgument"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="rot13")


def test_sse_c(s3, bucket, sagewright_server):
    key = os.urandom(32)
    md5 = base64.b64encode(hashlib.md5(key).digest()).decode()
    expected = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": md5}
    put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, **customer(key))
    assert told(put) == expected
    assert put["ETag"] != f'"{hashlib.md5(PLAIN).hexdigest()}"'
    asked = {"Bucket": bucket, "Key": "k"}
    got = s3.get_object(**asked, **customer(key))
    assert (got["Body"].read(), told(got)) == (PLAIN, expected)
    assert s3.get_object(**asked, **customer(key), Range="bytes=6-9")["Body"].read() == PLAIN[6:10]
    assert told(s3.head_object(**asked, **customer(key))) == expected
    attributes = {"ObjectAttributes": ["ObjectSize"]}
    assert s3.get_object_attributes(**asked, **attributes, **encoded(key))["ObjectSize"] == len(PLAIN)
    for call, code in ((s3.get_object, "InvalidRequest"), (s3.head_object, "400")):
        with refused(code):
            call(**asked)
    for call, code in ((s3.get_object, "AccessDenied"), (s3.head_object, "403")):
        with refused(code, 403):
            call(**asked, **customer())
    with refused("InvalidRequest"):
        s3.get_object_attributes(**asked, **attributes)
    with refused("AccessDenied", 403):
        s3.get_object_attributes(**asked, **attributes, **encoded(os.urandom(32)))
    s3.put_object(Bucket=bucket, Key="open", Body=b"x")
    with refused("InvalidRequest"):
        s3.get_object(Bucket=bucket, Key="open", **customer(key))
    for needle in (PLAIN, key, md5.encode(), base64.b64encode(key)):
        assert not on_disk(sagewright_server, needle)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"SSECustomerAlgorithm": "DES"}, "InvalidEncryptionAlgorithmError"),
        ({"SSECustomerKey": base64.b64encode(bytes(16)).decode()}, "InvalidArgument"),
        ({"SSECustomerKey": "not base64"}, "InvalidArgument"),
        ({"SSECustomerKeyMD5": base64.b64encode(bytes(16)).decode()}, "InvalidArgument"),
        ({"SSECustomerKey": None}, "InvalidArgument"),
        ({"SSECustomerKeyMD5": None, "SSECustomerKey": None}, "InvalidArgument"),
        ({"SSECustomerAlgorithm": None}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256"}, "InvalidArgument"),
    ],
)
def test_keys_of_customers_that_are_none(s3, bucket, change, code):
    members = {name: value for name, value in (encoded(os.urandom(32)) | change).items() if value is not None}
    with refused(code):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **members)


def test_copies_between_all_kinds(s3, bucket, sagewright_server):
    _, meta = kms_key(sagewright_server)
    own = os.urandom(32)
    kinds = {
        "plain": {},
        "s3": {"ServerSideEncryption": "AES256"},
        "kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": meta["KeyId"]},
        "customer": customer(own),
    }
    data = os.urandom(700_000)
    for source, how in kinds.items():
        s3.put_object(Bucket=bucket, Key=source, Body=data, **how)
    for source, open_with in {**{kind: {} for kind in kinds}, "customer": customer(own)}.items():
        unlock = {f"CopySource{name}": value for name, value in open_with.items()}
        for target, how in kinds.items():
            key = f"{source}-{target}"
            answer = s3.copy_object(Bucket=bucket, Key=key, CopySource=f"{bucket}/{source}", **unlock, **how)
            got = s3.get_object(Bucket=bucket, Key=key, **(how if target == "customer" else {}))
            assert got["Body"].read() == data, key
            assert told(got) == told(answer), key
            assert got["ETag"] == answer["CopyObjectResult"]["ETag"]
    with refused("InvalidRequest"):
        s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/customer")
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/customer", **customer(prefix="CopySource"))
    with refused("InvalidRequest"):
        s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/plain")
    s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/plain", ServerSideEncryption="AES256")
    got = s3.get_object(Bucket=bucket, Key="plain")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (data, "AES256")


@pytest.mark.parametrize("kind", ["AES256", "aws:kms", "customer"])
def test_multipart(s3, bucket, sagewright_server, kind):
    parts = [PLAIN * (5 * MB // len(PLAIN) + 1), PLAIN * 20_000, b"the end"]
    parts[1] = parts[0][::-1]
    own = customer()
    create = own if kind == "customer" else {"ServerSideEncryption": kind}
    each = own if kind == "customer" else {}
    made, answers, done = parts_of(s3, bucket, "k", parts, create, each)
    assert told(made)
    assert all(told(answer) == told(made) for answer in answers)
    assert told(done) == ({} if kind == "customer" else told(made))
    whole = b"".join(parts)
    assert s3.get_object(Bucket=bucket, Key="k", **each)["Body"].read() == whole
    got = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, **each)
    assert got["Body"].read() == parts[1]
    span = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={len(parts[0]) - 3}-{len(parts[0]) + 3}", **each)
    assert span["Body"].read() == whole[len(parts[0]) - 3 : len(parts[0]) + 4]
    plain_etags = b"".join(hashlib.md5(part).digest() for part in parts)
    assert (done["ETag"] == f'"{hashlib.md5(plain_etags).hexdigest()}-3"') == (kind == "AES256")
    assert not on_disk(sagewright_server)


def test_parts_must_come_with_the_key_of_their_upload(s3, bucket):
    own = customer()
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **own)["UploadId"]
    for wrong in ({}, customer()):
        with refused("InvalidRequest"):
            s3.upload_part(**upload, PartNumber=1, Body=b"x", **wrong)
    plain = {"Bucket": bucket, "Key": "k"}
    plain["UploadId"] = s3.create_multipart_upload(**plain)["UploadId"]
    with refused("InvalidRequest"):
        s3.upload_part(**plain, PartNumber=1, Body=b"x", **own)


def test_upload_part_copy_decrypts_and_encrypts(s3, bucket, sagewright_server):
    own, other = customer(), customer()
    data = PLAIN * 20_000
    s3.put_object(Bucket=bucket, Key="source", Body=data, **own)
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **other)["UploadId"]
    source = {"CopySource": f"{bucket}/source", "CopySourceRange": f"bytes=100-{len(data) - 1}"}
    with refused("InvalidRequest"):
        s3.upload_part_copy(**upload, PartNumber=1, **source, **other)
    unlock = {f"CopySource{name}": value for name, value in own.items()}
    part = s3.upload_part_copy(**upload, PartNumber=1, **source, **other, **unlock)
    listed = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
    assert s3.get_object(Bucket=bucket, Key="k", **other)["Body"].read() == data[100:]
    assert not on_disk(sagewright_server)


def test_presigned_requests_name_the_encryption(s3, bucket, sagewright_server):
    members = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "aws:kms"}
    url = s3.generate_presigned_url("put_object", members)
    headers = {"x-amz-server-side-encryption": "aws:kms"}
    request = urllib.request.Request(url, PLAIN, headers, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["x-amz-server-side-encryption"] == "aws:kms"
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})) as answer:
        assert (answer.read(), answer.headers["x-amz-server-side-encryption"]) == (PLAIN, "aws:kms")
    assert not on_disk(sagewright_server)


def test_a_form_may_ask_for_encryption(s3, bucket, sagewright_server):

    fields = {"x-amz-server-side-encryption": "AES256"}
    form = s3.generate_presigned_post(bucket, "k", Fields=fields, Conditions=[fields])
    boundary = uuid.uuid4().hex
    sent = io.BytesIO()
    for name, value in form["fields"].items():
        sent.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    sent.write(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'.encode())
    sent.write(PLAIN + f"\r\n--{boundary}--\r\n".encode())
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(form["url"], sent.getvalue(), headers)) as answer:
        assert answer.status == 204
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (PLAIN, "AES256")
    assert not on_disk(sagewright_server)


def test_encrypted_objects_are_never_told_where_they_lie(s3, bucket, sagewright_server):
    s3.put_object(Bucket=bucket, Key="plain", Body=PLAIN[::-1])
    s3.put_object(Bucket=bucket, Key="sealed", Body=PLAIN, ServerSideEncryption="AES256")
    for key, there in (("plain", True), ("sealed", False)):
        url = f"{sagewright_server.url}/{bucket}/{key}"
        request = urllib.request.Request(url, headers={"x-sagewright-blob": "?"}, method="HEAD")
        with urllib.request.urlopen(request) as answer:
            assert ("x-sagewright-blob" in answer.headers) == there


def test_a_workload_gets_encrypted_objects_decrypted(s3, bucket, sagewright_server):
    s3.put_object(Bucket=bucket, Key="sealed", Body=PLAIN, ServerSideEncryption="aws:kms")
    s3.put_object(Bucket=bucket, Key="plain", Body=PLAIN[::-1])
    agent = AgentS3(str(sagewright_server.data_dir), Signer({}, "000000000000", "us-east-1"), patience=5)
    assert agent.blob(bucket, "sealed") is None
    assert agent.fetch(bucket, "sealed", lambda answer: answer.body()) == PLAIN
    place = agent.blob(bucket, "plain")
    assert place is not None
    assert Path(place).read_bytes() == PLAIN[::-1]
    agent.close()
