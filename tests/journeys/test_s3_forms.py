"""Uploads by an HTML form: what ``generate_presigned_post`` makes, sent as a browser sends it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import urllib.parse
import uuid
import xml.etree.ElementTree as ET

import pytest

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def part(name, value, filename=None, content_type=None):
    disposition = f'Content-Disposition: form-data; name="{name}"'
    disposition += f'; filename="{filename}"' if filename is not None else ""
    kind = f"\r\nContent-Type: {content_type}" if content_type else ""
    data = value if isinstance(value, bytes) else str(value).encode()
    return f"--{BOUNDARY}\r\n{disposition}{kind}\r\n\r\n".encode() + data + b"\r\n"


def form(fields, data, filename="photo.png"):
    parts = [part(name, value) for name, value in fields.items()]
    parts += [part("file", data, filename, "image/png")] if data is not None else []
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def send(url, body, **headers):
    """Status, headers in lower case, body."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    try:
        sent = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", where.path or "/", body, sent)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def post(signed, data=b"picture", filename="photo.png", **more):
    return send(signed["url"], form(signed["fields"] | more, data, filename))


def failure(answer):
    root = ET.fromstring(answer[2])
    return answer[0], root.findtext("Code"), root.findtext("Message")


def test_a_presigned_post(s3, bucket):
    signed = s3.generate_presigned_post(
        bucket,
        "uploads/${filename}",
        Fields={"Content-Type": "image/png", "x-amz-meta-who": "Zoë", "acl": "bucket-owner-full-control"},
        Conditions=[
            ["starts-with", "$Content-Type", "image/"],
            {"x-amz-meta-who": "Zoë"},
            ["starts-with", "$acl", ""],
            ["content-length-range", 1, 1000],
        ],
    )
    status, headers, body = post(signed, filename="C:\\\\pictures\\\\cat.png")
    assert (status, body) == (204, b"")
    found = s3.get_object(Bucket=bucket, Key="uploads/cat.png")
    assert found["Body"].read() == b"picture"
    assert (found["ContentType"], found["ETag"]) == ("image/png", headers["etag"])
    assert s3.head_object(Bucket=bucket, Key="uploads/cat.png")["ResponseMetadata"]["HTTPHeaders"]["x-amz-meta-who"]
    assert headers["location"].endswith(f"/{bucket}/uploads%2Fcat.png")


def test_what_the_answer_is_may_be_chosen(s3, bucket):
    def answer(**fields):
        signed = s3.generate_presigned_post(
            bucket, "k&<", Fields=fields, Conditions=[{name: value} for name, value in fields.items()]
        )
        return post(signed)

    status, headers, body = answer(success_action_status="201")
    root = ET.fromstring(body)
    assert (status, root.tag, root.findtext("Bucket"), root.findtext("Key")) == (201, "PostResponse", bucket, "k&<")
    assert (root.findtext("ETag"), root.findtext("Location")) == (headers["etag"], headers["location"])
    assert answer(success_action_status="200")[0] == 200
    assert answer(success_action_status="302")[0] == 204
    status, headers, _ = answer(success_action_redirect="https://app.example.com/done?a=1")
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["location"]).query))
    assert status == 303
    assert query == {"a": "1", "bucket": bucket, "key": "k&<", "etag": s3.head_object(Bucket=bucket, Key="k&<")["ETag"]}
    assert answer(success_action_redirect="javascript:alert(1)")[0] == 204


def test_tags_checksums_and_storage_go_with_it(s3, bucket):
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag></TagSet></Tagging>"
    fields = {"tagging": tags, "x-amz-storage-class": "STANDARD_IA", "x-amz-checksum-sha256": ""}
    digest = base64.b64encode(hashlib.sha256(b"picture").digest()).decode()
    fields["x-amz-checksum-sha256"] = digest
    signed = s3.generate_presigned_post(
        bucket, "k", Fields=fields, Conditions=[{name: value} for name, value in fields.items()]
    )
    assert post(signed)[0] == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a b", "Value": "1&2"}]
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["StorageClass"], head["ChecksumSHA256"]) == ("STANDARD_IA", digest)
    assert failure(post(signed, b"another"))[:2] == (400, "BadDigest")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"picture"


def test_a_file_of_many_pieces_and_the_delimiters_letters(s3, bucket):
    data = os.urandom(3 << 20) + f"\r\n--{BOUNDARY[:-1]}\r\n--".encode() + os.urandom(2 << 20) + b"\r\n"
    signed = s3.generate_presigned_post(bucket, "big")
    assert post(signed, data)[0] == 204
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == data
    assert post(signed, b"")[0] == 204
    assert s3.head_object(Bucket=bucket, Key="big")["ContentLength"] == 0


@pytest.mark.parametrize(
    ("conditions", "fields", "text"),
    [
        (
            [["starts-with", "$Content-Type", "image/"]],
            {"Content-Type": "text/html"},
            '["starts-with", "$Content-Type"',
        ),
        ([["starts-with", "$Content-Type", "image/"]], {"Content-Type": "image/png,text/html"}, "$Content-Type"),
        ([{"x-amz-meta-a": "1"}], {"x-amz-meta-a": "2"}, 'Policy Condition failed: ["eq", "$x-amz-meta-a", "1"]'),
        ([{"x-amz-meta-a": "1"}], {}, 'Policy Condition failed: ["eq", "$x-amz-meta-a", "1"]'),
        ([], {"x-amz-meta-a": "1"}, "Extra input fields: x-amz-meta-a"),
        ([], {"key": "elsewhere"}, 'Policy Condition failed: ["eq", "$key", "k"]'),
        ([{"bucket": "another-bucket"}], {}, 'Policy Condition failed: ["eq", "$bucket", "another-bucket"]'),
    ],
)
def test_what_the_policy_does_not_allow(s3, bucket, conditions, fields, text):
    signed = s3.generate_presigned_post(bucket, "k", Conditions=conditions)
    status, code, message = failure(post(signed, **fields))
    assert (status, code) == (403, "AccessDenied")
    assert message.startswith("Invalid according to Policy: ")
    assert text in message
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_fields_that_a_policy_need_not_name(s3, bucket):
    signed = s3.generate_presigned_post(bucket, "k")
    assert post(signed, **{"x-ignore-csrf": "1"})[0] == 204


def test_a_policy_that_is_over(s3, bucket):
    signed = s3.generate_presigned_post(bucket, "k", ExpiresIn=-60)
    assert failure(post(signed)) == (403, "AccessDenied", "Invalid according to Policy: Policy expired.")


@pytest.mark.parametrize(
    ("data", "code", "names"),
    [(b"1234", "EntityTooSmall", ("4", "5", None)), (b"12345678901", "EntityTooLarge", ("11", None, "10"))],
)
def test_files_of_the_wrong_size(s3, bucket, data, code, names):
    signed = s3.generate_presigned_post(bucket, "k", Conditions=[["content-length-range", 5, 10]])
    status, _, body = post(signed, data)
    root = ET.fromstring(body)
    assert (status, root.findtext("Code")) == (400, code)
    assert tuple(root.findtext(name) for name in ("ProposedSize", "MinSizeAllowed", "MaxSizeAllowed")) == names
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def encoded(document):
    return base64.b64encode(json.dumps(document).encode()).decode()


LATER = "2999-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("%%%", "Invalid JSON"),
        (encoded([1]), "Invalid JSON"),
        (base64.b64encode(b"[" * 5000).decode(), "Invalid JSON"),
        (encoded({"conditions": []}), "missing expiration"),
        (encoded({"expiration": "soon", "conditions": []}), "Invalid 'expiration' value: 'soon'"),
        (encoded({"expiration": LATER}), "missing conditions"),
        (encoded({"expiration": LATER, "conditions": [{"a": "1", "b": "2"}]}), "exactly one property"),
        (encoded({"expiration": LATER, "conditions": [["matches", "$key", "k"]]}), "Invalid Condition operation"),
        (encoded({"expiration": LATER, "conditions": [["eq", "key", "k"]]}), "begin with '$'"),
        (encoded({"expiration": LATER, "conditions": [["content-length-range", -1, "x"]]}), "whole numbers"),
    ],
)
def test_documents_that_are_no_policy(sagewright_server, bucket, policy, text):
    answer = send(f"{sagewright_server.url}/{bucket}", form({"key": "k", "policy": policy}, b"x"))
    status, code, message = failure(answer)
    assert (status, code) == (400, "InvalidPolicyDocument")
    assert text in message


def test_an_unsigned_form_from_a_program(sagewright_server, s3, bucket):
    assert send(f"{sagewright_server.url}/{bucket}", form({"key": "k"}, b"x"))[0] == 204
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_a_form_to_the_buckets_own_host(sagewright_server, s3, bucket):
    host = f"{bucket}.s3.amazonaws.com"
    status, headers, _ = send(sagewright_server.url, form({"key": "a/b"}, b"x"), Host=host)
    assert (status, headers["location"]) == (204, f"http://{host}/a%2Fb")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"x"


def test_an_unsigned_form_from_a_page_elsewhere(sagewright_server, s3, bucket):
    url, body = f"{sagewright_server.url}/{bucket}", form({"key": "k"}, b"x")
    sent = {"Sec_Fetch_Site": "cross-site", "Origin": "https://app.example.com"}
    assert failure(send(url, body, **sent))[:2] == (403, "AccessDenied")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    rule = {"AllowedMethods": ["POST"], "AllowedOrigins": ["https://app.example.com"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    status, headers, _ = send(url, body, **sent)
    assert (status, headers["access-control-allow-origin"]) == (204, "https://app.example.com")


def test_a_signed_form_from_a_page_elsewhere(s3, bucket):
    signed = s3.generate_presigned_post(bucket, "k")
    assert send(signed["url"], form(signed["fields"], b"x"), Sec_Fetch_Site="cross-site")[0] == 204


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"", "MalformedPOSTRequest", "not well-formed"),
        (b"nothing of a form", "MalformedPOSTRequest", "not well-formed"),
        (form({"key": "k"}, b"x")[:-20], "MalformedPOSTRequest", "not well-formed"),
        (form({"key": "k"}, None), "InvalidArgument", "exactly one file"),
        (form({}, b"x"), "InvalidArgument", "a field named 'key'"),
        (form({"key": ""}, b"x"), "InvalidArgument", "length greater than 0"),
        (form({"key": "k", "x-amz-signature": "0"}, b"x"), "InvalidArgument", "a field named 'policy'"),
        (form({"key": "k", "a": "x" * 30_000}, b"x"), "MaxPostPreDataLengthExceeded", "too large"),
        (form({f"a{n}": "x" * 100 for n in range(200)}, b"x"), "MaxPostPreDataLengthExceeded", "too large"),
        (form({"key": "k"}, b"x").replace(b"form-data", b"attachment"), "MalformedPOSTRequest", "not well-formed"),
        (form({"key": "k" * 1025}, b"x"), "KeyTooLongError", "too long"),
        (form({"key": "k", "acl": "public"}, b"x"), "InvalidArgument", ""),
        (form({"key": "k", "tagging": "<Tagging"}, b"x"), "MalformedXML", "not well-formed"),
    ],
)
def test_forms_that_are_refused(sagewright_server, s3, bucket, body, code, text):
    status, found, message = failure(send(f"{sagewright_server.url}/{bucket}", body))
    assert (status, found) == (400, code)
    assert text in (message or "")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_what_comes_after_the_file(sagewright_server, s3, bucket):
    head = form({"key": "k"}, b"x").removesuffix(f"--{BOUNDARY}--\r\n".encode())
    end = f"--{BOUNDARY}--\r\n".encode()
    url = f"{sagewright_server.url}/{bucket}"
    assert failure(send(url, head + part("file", b"y", "b.png") + end))[1] == "InvalidArgument"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert send(url, head + part("submit", "Upload") + end)[0] == 204


def test_a_form_for_no_bucket(sagewright_server):
    answer = send(f"{sagewright_server.url}/no-{uuid.uuid4().hex}", form({"key": "k"}, b"x"))
    assert failure(answer)[:2] == (404, "NoSuchBucket")
