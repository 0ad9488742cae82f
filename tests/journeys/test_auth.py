"""A server that checks signatures."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from sagemaker_journey import GROUP, Journey, journey

from clients.command import clean_environment
from clients.harness import python_of

ROLE = "arn:aws:iam::000000000000:role/SageMakerExecutionRole"
BUCKET = "sagemaker-us-east-1-000000000000"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}],
}
ACL = "bucket-owner-full-control"
READ_ALL = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("auth"), SAGEWRIGHT_AUTH="signature") as made:
        made.s3.create_bucket(Bucket=BUCKET)
        yield made


def client(there: Journey, service: str, **changes: Any) -> Any:
    config = Config(retries={"max_attempts": 0}, signature_version="s3v4" if service == "s3" else None)
    return boto3.client(service, **{**there.server.boto3, **changes}, config=config)


def keys(answer: dict[str, Any]) -> dict[str, str]:
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey"}
    found = {name: answer[member] for name, member in names.items()}
    return {**found, "aws_session_token": answer["SessionToken"]} if "SessionToken" in answer else found


def refused(call: Any, **members: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_the_root_key(there: Journey) -> None:
    assert client(there, "sts").get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    path = there.server.data_dir / "root-key.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in there.server.log()
    assert json.loads(path.read_text())["SecretAccessKey"] not in there.server.log()
    for service, call in (("sagemaker", "list_models"), ("logs", "describe_log_groups"), ("kms", "list_keys")):
        getattr(client(there, service), call)()


def test_objects(there: Journey) -> None:
    s3, key = client(there, "s3"), "a b/é+%/~'(x)//y"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"hello", Metadata={"note": "two  spaces"})
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"hello"
    s3.upload_fileobj(io.BytesIO(b"x" * 20_000_000), BUCKET, "big")
    assert s3.head_object(Bucket=BUCKET, Key="big")["ContentLength"] == 20_000_000
    got = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
    assert urllib.request.urlopen(got).read() == b"hello"
    put = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "put"})
    urllib.request.urlopen(urllib.request.Request(put, b"presigned", method="PUT"))
    assert s3.get_object(Bucket=BUCKET, Key="put")["Body"].read() == b"presigned"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(got.replace("Expires=3600", "Expires=3601"))
    assert caught.value.code == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in caught.value.read()
    caught.value.close()


def default_s3(there: Journey, **changes: Any) -> Any:
    """boto3's client as it is, which presigns with version 2."""
    return boto3.client("s3", **{**there.server.boto3, **changes})


def fetch(url: str, body: bytes | None = None, method: str | None = None, **headers: str) -> tuple[int, str, Any]:
    """Status, body and headers of the answer."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, names, method=method)) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


def presigned(s3: Any, operation: str, expires: int = 3600, **members: Any) -> str:
    url: str = s3.generate_presigned_url(operation, Params={"Bucket": BUCKET, **members}, ExpiresIn=expires)
    return url


def test_urls_of_boto3s_default_client(there: Journey) -> None:
    s3, key = default_s3(there), "v2/a b+é"
    put = presigned(s3, "put_object", Key=key, ContentType="text/csv", Metadata={"note": "x y"}, ACL=ACL)
    assert "AWSAccessKeyId=" in put
    assert "X-Amz-" not in put
    assert fetch(put, b"1,2", "PUT", Content_Type="text/csv")[0] == 200
    found = there.s3.head_object(Bucket=BUCKET, Key=key)
    assert (found["ContentType"], found["Metadata"]) == ("text/csv", {"note": "x y"})
    sent = {"Content_Type": "text/csv", "x_amz_meta_note": "x y", "x_amz_acl": ACL}
    assert fetch(put, b"1,2", "PUT", **sent)[0] == 200
    assert "<Code>SignatureDoesNotMatch</Code>" in fetch(put, b"1,2", "PUT", Content_Type="text/html")[1]
    get = presigned(s3, "get_object", Key=key, ResponseContentDisposition='attachment; filename="a b.csv"')
    status, body, headers = fetch(get)
    assert (status, body, headers["Content-Disposition"]) == (200, "1,2", 'attachment; filename="a b.csv"')
    assert "<KeyCount>1</KeyCount>" in fetch(presigned(s3, "list_objects_v2", Prefix="v2/"))[1]
    part = s3.create_multipart_upload(Bucket=BUCKET, Key="v2/parts")["UploadId"]
    url = presigned(s3, "upload_part", Key="v2/parts", UploadId=part, PartNumber=1)
    assert fetch(url, b"part", "PUT", Content_Type="")[0] == 200
    assert fetch(presigned(s3, "abort_multipart_upload", Key="v2/parts", UploadId=part), method="DELETE")[0] == 204
    assert fetch(presigned(s3, "delete_object", Key=key), method="DELETE")[0] == 204
    assert refused(there.s3.head_object, Bucket=BUCKET, Key=key)[1] == 404


def test_a_default_url_with_the_bucket_in_its_host(there: Journey) -> None:
    there.s3.put_object(Bucket=BUCKET, Key="hosted", Body=b"hosted")
    port = there.server.url.rpartition(":")[2]
    options = {"endpoint_url": f"http://localhost:{port}", "config": Config(s3={"addressing_style": "virtual"})}
    s3 = boto3.client("s3", **{**there.server.boto3, **options})
    url = presigned(s3, "get_object", Key="hosted")
    host = f"{BUCKET}.localhost:{port}"
    assert url.startswith(f"http://{host}/hosted?AWSAccessKeyId=")
    assert fetch(url.replace(host, f"127.0.0.1:{port}"), Host=host)[:2] == (200, "hosted")
    assert "SignatureDoesNotMatch" in fetch(url.replace(host, f"127.0.0.1:{port}"), Host=f"other{host}")[1]


def test_default_urls_that_are_not_good(there: Journey) -> None:
    s3 = default_s3(there)
    url = presigned(s3, "get_object", Key="k")
    status, body, _ = fetch(url.replace("Signature=", "Signature=A"))
    assert (status, "<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    for member in ("AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes"):
        assert f"<{member}>" in body
    status, body, _ = fetch(presigned(s3, "get_object", expires=-5, Key="k"))
    assert (status, "<Code>AccessDenied</Code><Message>Request has expired</Message>" in body) == (403, True)
    assert "<Expires>" in body
    assert "<ServerTime>" in body
    status, body, _ = fetch(url.replace(f"AWSAccessKeyId={there.server.key()[0]}", "AWSAccessKeyId=AKIANOBODYS"))
    assert (status, "<AWSAccessKeyId>AKIANOBODYS</AWSAccessKeyId>" in body) == (403, True)
    assert "<Code>InvalidAccessKeyId</Code>" in body


def test_default_urls_of_a_session(there: Journey) -> None:
    made = client(there, "sts").get_federation_token(
        Name="fed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [READ_ALL]})
    )
    s3 = default_s3(there, **keys(made["Credentials"]))
    there.s3.put_object(Bucket=BUCKET, Key="for-session", Body=b"read")
    url = presigned(s3, "get_object", Key="for-session")
    assert fetch(url)[:2] == (200, "read")
    assert "<Code>InvalidToken</Code>" in fetch(url.replace("x-amz-security-token=", "x-amz-security-token=A"))[1]
    assert fetch(presigned(s3, "put_object", Key="for-session"), b"", "PUT", Content_Type="")[0] == 403


def test_signatures_of_version_2_in_headers(there: Journey) -> None:
    s3 = default_s3(there, config=Config(signature_version="s3"))
    s3.put_object(Bucket=BUCKET, Key="old/é", Body=b"old", Metadata={"a": "b"})
    assert s3.get_object(Bucket=BUCKET, Key="old/é")["Body"].read() == b"old"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="old/")["Contents"]] == ["old/é"]
    wrong = default_s3(there, config=Config(signature_version="s3"), aws_secret_access_key="x")
    assert refused(wrong.list_buckets) == ("SignatureDoesNotMatch", 403)


def test_a_form_of_boto3s_default_client(there: Journey) -> None:
    form = default_s3(there).generate_presigned_post(BUCKET, "v2/form")
    assert "signature" in form["fields"]
    assert post(form, form["fields"]) == 204
    assert there.s3.get_object(Bucket=BUCKET, Key="v2/form")["Body"].read() == b"posted"
    assert post(form, {**form["fields"], "signature": "AAAA"}) == 403
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    deny["Condition"] = {"StringEquals": {"s3:signatureversion": "AWS"}}
    there.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    try:
        assert post(form, form["fields"]) == 403
        assert fetch(presigned(default_s3(there), "get_object", Key="v2/form"))[0] == 403
        newer = client(there, "s3").generate_presigned_post(BUCKET, "v2/form")
        assert post(newer, newer["fields"]) == 204
    finally:
        there.s3.delete_bucket_policy(Bucket=BUCKET)


def test_metadata_in_a_url(there: Journey) -> None:
    """As AWS's SDKs for JavaScript, Go and Ruby presign: what would be headers is in the URL, signed there."""
    query = "x-amz-meta-from=url&x-amz-server-side-encryption=AES256&x-amz-checksum-crc32=AAAAAA%3D%3D"
    request = AWSRequest("PUT", f"{there.server.url}/{BUCKET}/hoisted?{query}")
    botocore.auth.S3SigV4QueryAuth(Credentials(*there.server.key()), "s3", "us-east-1").add_auth(request)
    assert fetch(request.url, b"body", "PUT")[0] == 200
    found = there.s3.head_object(Bucket=BUCKET, Key="hoisted")
    assert (found["Metadata"], found["ServerSideEncryption"]) == ({"from": "url"}, "AES256")
    assert "SignatureDoesNotMatch" in fetch(request.url.replace("from=url", "from=you"), b"body", "PUT")[1]


def test_a_signature_for_another_region(there: Journey) -> None:
    """The answer says which region is the right one, and boto3 goes there by itself."""
    far = client(there, "s3", region_name="eu-central-1")
    far.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    signer = botocore.auth.S3SigV4Auth(Credentials(*there.server.key()), "s3", "us-east-1")
    for method, path in (("GET", "/far"), ("PUT", "/far/k"), ("HEAD", "/far")):
        request = AWSRequest(method, f"{there.server.url}{path}")
        signer.add_auth(request)
        status, body, headers = fetch(request.url, None, method, **dict(request.headers.items()))
        assert (status, headers["x-amz-bucket-region"]) == (400, "eu-central-1")
        assert method == "HEAD" or "<Code>AuthorizationHeaderMalformed</Code>" in body
        assert method == "HEAD" or "the region 'us-east-1' is wrong; expecting 'eu-central-1'" in body
        assert method == "HEAD" or "<Region>eu-central-1</Region>" in body
    url = client(there, "s3").generate_presigned_url("get_object", Params={"Bucket": "far", "Key": "k"})
    assert "<Code>AuthorizationQueryParametersError</Code>" in fetch(url)[1]
    old = default_s3(there).generate_presigned_url("get_object", Params={"Bucket": "far", "Key": "k"})
    assert "Please use AWS4-HMAC-SHA256" in fetch(old)[1]
    near = client(there, "s3")
    assert near.get_bucket_location(Bucket="far")["LocationConstraint"] == "eu-central-1"
    near.put_object(Bucket="far", Key="k", Body=b"there")
    assert near.get_object(Bucket="far", Key="k")["Body"].read() == b"there"


def test_a_body_that_was_not_signed_is_not_kept(there: Journey) -> None:
    s3 = client(there, "s3")

    def swap(request: Any, **_: Any) -> None:
        request.body = b"other"

    s3.meta.events.register("before-send.s3.PutObject", swap)
    sent = {"Bucket": BUCKET, "Key": "swapped", "Body": b"hello", "ChecksumCRC32": "NhCmhg=="}
    assert refused(s3.put_object, **sent)[0] in ("XAmzContentSHA256Mismatch", "BadDigest")
    assert refused(s3.head_object, Bucket=BUCKET, Key="swapped")[1] == 404
    sagemaker = client(there, "sagemaker")
    sagemaker.meta.events.register("before-send", lambda request, **_: setattr(request, "body", b"[]"))
    assert refused(sagemaker.list_models) == ("InvalidSignatureException", 400)


class _Streamed(botocore.auth.S3SigV4Auth):
    def payload(self, request: Any) -> str:
        return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def test_bodies_in_signed_chunks(there: Journey) -> None:
    """As AWS's SDKs for Java send them. What is not as it was signed is not kept."""
    chunks = [b"a" * 65_536, b"b" * 1000, b""]
    length = {"x-amz-decoded-content-length": str(sum(map(len, chunks))), "Content-Encoding": "aws-chunked"}
    request = AWSRequest("PUT", f"{there.server.url}/{BUCKET}/chunked", length)
    signer = _Streamed(Credentials(*there.server.key()), "s3", "us-east-1")
    signer.add_auth(request)
    place = f"{request.context['timestamp']}\n{signer.credential_scope(request)}"
    last, nothing, body = request.headers["Authorization"][-64:], hashlib.sha256(b"").hexdigest(), b""
    for chunk in chunks:
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{place}\n{last}\n{nothing}\n{hashlib.sha256(chunk).hexdigest()}"
        last = signer.signature(text, request)
        body += f"{len(chunk):x};chunk-signature={last}\r\n".encode() + chunk + b"\r\n"
    status, text = ask(there, f"/{BUCKET}/chunked", dict(request.headers.items()), body.replace(b"bb", b"bc"), "PUT")
    assert (status, "<Code>SignatureDoesNotMatch</Code>" in text) == (403, True)
    assert refused(there.s3.head_object, Bucket=BUCKET, Key="chunked")[1] == 404
    assert ask(there, f"/{BUCKET}/chunked", dict(request.headers.items()), body, "PUT")[0] == 200
    assert there.s3.get_object(Bucket=BUCKET, Key="chunked")["Body"].read() == b"".join(chunks)


def post(form: dict[str, Any], fields: dict[str, str]) -> int:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    parts.append('--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nposted\r\n--b--\r\n')
    return fetch(form["url"], "".join(parts).encode(), Content_Type="multipart/form-data; boundary=b")[0]


def test_forms(there: Journey) -> None:
    form = client(there, "s3").generate_presigned_post(BUCKET, "form/${filename}")
    assert post(form, form["fields"]) == 204
    assert client(there, "s3").get_object(Bucket=BUCKET, Key="form/f")["Body"].read() == b"posted"
    assert post(form, {**form["fields"], "x-amz-signature": "0" * 64}) == 403
    assert post(form, {"key": "form/anonymous"}) == 403


@pytest.mark.parametrize(
    ("service", "call", "secret", "key"),
    [
        ("s3", "list_buckets", ("SignatureDoesNotMatch", 403), ("InvalidAccessKeyId", 403)),
        ("sts", "get_caller_identity", ("SignatureDoesNotMatch", 403), ("InvalidClientTokenId", 403)),
        ("sagemaker", "list_models", ("InvalidSignatureException", 400), ("UnrecognizedClientException", 400)),
    ],
)
def test_wrong_secrets_and_unknown_keys(there: Journey, service: str, call: str, secret: Any, key: Any) -> None:
    assert refused(getattr(client(there, service, aws_secret_access_key="wrong"), call)) == secret
    for name in ("test", "111122223333", "AKIAIOSFODNN7EXAMPLE"):
        assert refused(getattr(client(there, service, aws_access_key_id=name), call)) == key


def ask(
    there: Journey, path: str, headers: dict[str, str], body: bytes | None = None, method: str | None = None
) -> tuple[int, str]:
    """Status and body of the answer."""
    return fetch(f"{there.server.url}{path}", body, method, **headers)[:2]


LIST_MODELS = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}


@pytest.mark.parametrize(
    ("service", "headers", "status", "words"),
    [
        ("s3", {}, 403, "<Code>RequestTimeTooSkewed</Code>"),
        ("sagemaker", LIST_MODELS, 400, "InvalidSignatureException"),
        ("sts", {"Content-Type": "application/x-www-form-urlencoded"}, 403, "<Code>SignatureDoesNotMatch</Code>"),
    ],
)
def test_a_clock_that_is_wrong(there: Journey, service: str, headers: Any, status: int, words: str) -> None:
    signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    body = {"s3": None, "sagemaker": b"{}", "sts": b"Action=GetCallerIdentity&Version=2011-06-15"}[service]
    for hours, expected in ((-1, status), (0, 200), (1, status)):
        request = AWSRequest("GET" if body is None else "POST", f"{there.server.url}/", dict(headers), body)
        with mock.patch.object(botocore.auth, "get_current_datetime") as clock:
            clock.return_value = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=hours)
            signer(Credentials(*there.server.key()), service, "us-east-1").add_auth(request)
        found, text = ask(there, "/", dict(request.headers.items()), body)
        assert found == expected, text
        assert hours == 0 or words in text


def test_unsigned_requests(there: Journey) -> None:
    assert ask(there, "/_sagewright/health", {})[0] == 200
    assert ask(there, f"/{BUCKET}", {})[0] == 403
    status, body = ask(there, "/", LIST_MODELS, b"{}")
    assert (status, json.loads(body)["__type"]) == (400, "MissingAuthenticationTokenException")
    assert ask(there, "/?Action=GetCallerIdentity&Version=2011-06-15", {})[0] == 403


def test_keys_of_users_and_roles(there: Journey) -> None:
    iam = client(there, "iam")
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    own = keys(iam.create_access_key(UserName="ann")["AccessKey"])
    s3 = client(there, "s3", **own)
    assert client(there, "sts", **own).get_caller_identity()["Arn"].endswith(":user/ann")
    s3.list_objects_v2(Bucket=BUCKET)
    assert refused(s3.put_object, Bucket=BUCKET, Key="k", Body=b"") == ("AccessDenied", 403)
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    allow = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="ann", PolicyName="assume", PolicyDocument=allow)
    role = {"RoleArn": "arn:aws:iam::000000000000:role/reader", "RoleSessionName": "session"}
    session = keys(client(there, "sts", **own).assume_role(**role)["Credentials"])
    client(there, "s3", **session).put_object(Bucket=BUCKET, Key="by-role", Body=b"")
    assert refused(client(there, "s3", **{**session, "aws_session_token": "x"}).list_buckets) == ("InvalidToken", 400)
    there.server.restart()
    client(there, "s3", **session).delete_object(Bucket=BUCKET, Key="by-role")
    iam.update_access_key(UserName="ann", AccessKeyId=own["aws_access_key_id"], Status="Inactive")
    assert refused(s3.list_buckets) == ("InvalidAccessKeyId", 403)


def test_a_training_job(there: Journey) -> None:
    """Its agent signs with the keys of the job's role, and so does boto3 within."""
    there.s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=b"1,2\n" * 10)
    output = {"OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"}}
    there.train("signed", f"s3://{BUCKET}/train", caller=True, RoleArn=ROLE, **output)
    job = there.trained("signed")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert there.s3.head_object(Bucket=BUCKET, Key="output/signed/output/model.tar.gz")["ContentLength"] > 0
    arn = "arn:aws:sts::000000000000:assumed-role/SageMakerExecutionRole/SageMaker"
    assert f"caller={arn}" in there.log(GROUP, "signed/")


def test_who_may_use_sagemaker(there: Journey) -> None:
    """A user needs the action, and to pass the role that the job is to act for."""
    iam = client(there, "iam")
    iam.create_user(UserName="bob")
    sagemaker = client(there, "sagemaker", **keys(iam.create_access_key(UserName="bob")["AccessKey"]))
    runtime = client(there, "sagemaker-runtime", **keys(iam.create_access_key(UserName="bob")["AccessKey"]))

    def may(*actions: str, resource: str = "*") -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=document)

    def create(role: str = ROLE) -> tuple[str, int]:
        container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/scripted:1"}
        return refused(sagemaker.create_model, ModelName="bobs", PrimaryContainer=container, ExecutionRoleArn=role)

    assert refused(sagemaker.list_models) == ("AccessDeniedException", 400)
    assert refused(runtime.invoke_endpoint, EndpointName="m", Body=b"")[0] == "AccessDeniedException"
    may("sagemaker:CreateModel", resource="arn:aws:sagemaker:us-east-1:000000000000:model/bobs")
    assert create() == ("AccessDeniedException", 400)  # iam:PassRole
    may("sagemaker:*", "iam:PassRole")
    sagemaker.list_models()
    assert create(ROLE.replace("0" * 12, "1" * 12)) == ("ValidationException", 400)
    assert refused(runtime.invoke_endpoint, EndpointName="m", Body=b"")[0] == "ValidationError"


def test_a_job_may_do_what_its_role_may(there: Journey) -> None:
    there.data()
    there.train("other-bucket", RoleArn=ROLE)
    job = there.trained("other-bucket")
    assert job["TrainingJobStatus"] == "Failed"
    assert "AccessDenied" in job["FailureReason"]


def test_an_endpoint(there: Journey) -> None:
    there.s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=b"1,2\n" * 10)
    there.train(
        "for-endpoint", f"s3://{BUCKET}/train", RoleArn=ROLE, OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/m"}
    )
    assert there.trained("for-endpoint")["TrainingJobStatus"] == "Completed"
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/scripted:1"}
    container["ModelDataUrl"] = f"s3://{BUCKET}/m/for-endpoint/output/model.tar.gz"
    there.sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
    there.sagemaker.create_endpoint_config(EndpointConfigName="m", ProductionVariants=[variant])
    there.sagemaker.create_endpoint(EndpointName="m", EndpointConfigName="m")
    there.in_service("m")
    assert there.invoke("m")
    there.sagemaker.delete_endpoint(EndpointName="m")


def sagewright(there: Journey, *words: str, **environment: str) -> str:
    place = ["--data-dir", str(there.server.data_dir)]
    argv = [sys.executable, "-m", "sagewright", words[0], *place, *words[1:]]
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return subprocess.run(
        argv,
        env={**clean_environment(), **nothing, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    ).stdout


def test_commands(there: Journey) -> None:
    """A shell gets the root key, unless it has one that the server knows."""
    root = there.server.key()
    given = json.loads(sagewright(there, "env", "--shell", "json"))
    assert (given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]) == root
    theirs = {"AWS_ACCESS_KEY_ID": "AKIAOFAREALACCOUNT00", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "t"}
    given = json.loads(sagewright(there, "env", "--shell", "json", **theirs))
    assert (given["AWS_ACCESS_KEY_ID"], given["AWS_SESSION_TOKEN"]) == (root[0], "")
    known = {"AWS_ACCESS_KEY_ID": root[0], "AWS_SECRET_ACCESS_KEY": root[1]}
    assert "AWS_ACCESS_KEY_ID" not in json.loads(sagewright(there, "env", "--shell", "json", **known))
    assert "none" in sagewright(there, "status", **theirs) or "Completed" in sagewright(there, "status", **theirs)
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    assert sagewright(there, "run", "--", sys.executable, "-c", program).strip().endswith(":root")


def test_aws_cli(there: Journey, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 9_000_000)
    words = ["s3", "cp", "--no-progress", str(tmp_path / "file"), f"s3://{BUCKET}/by-cli"]
    sagewright(there, "run", "--", str(python_of("aws_cli").parent / "aws"), *words)
    assert there.s3.head_object(Bucket=BUCKET, Key="by-cli")["ContentLength"] == 9_000_000


def test_other_addresses(tmp_path: Path) -> None:
    """With signatures checked a server may listen on all of them."""
    argv = [sys.executable, "-m", "sagewright", "up", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path)]
    chosen = {"SAGEWRIGHT_ROOT_ACCESS_KEY": "mine", "SAGEWRIGHT_ROOT_SECRET_KEY": "a secret of mine"}
    with subprocess.Popen(
        [*argv, "--auth", "signature"], env={**os.environ, **chosen}, stdout=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "server.json").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        url = json.loads((tmp_path / "server.json").read_text())["url"]
        own = {"aws_access_key_id": "mine", "aws_secret_access_key": "a secret of mine"}
        sts = boto3.client("sts", endpoint_url=url, region_name="us-east-1", **own)
        assert sts.get_caller_identity()["Arn"].endswith(":root")
        reset = urllib.request.Request(f"{url}/_sagewright/reset", b"")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(reset)
        assert caught.value.code == 403
        caught.value.close()
        process.terminate()
        process.communicate()
