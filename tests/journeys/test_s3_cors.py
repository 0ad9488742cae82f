"""Pages of other sites and S3: preflights, and what browsers are told beside the answers."""

from __future__ import annotations

import urllib.error
import urllib.request
import xml.etree.ElementTree as ET

import pytest
from s3_client import refused

PAGE = "https://app.example.com"
RULES = [
    {
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedMethods": ["GET", "PUT", "POST"],
        "AllowedHeaders": ["x-amz-*", "Content-Type"],
        "ExposeHeaders": ["ETag", "x-amz-version-id"],
        "MaxAgeSeconds": 3000,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


@pytest.fixture
def open_bucket(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


def ask(server, method, path, body=None, **headers):
    """Status, headers in lower case, body."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{server.url}{path}", body, sent, method=method)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def message(body):
    root = ET.fromstring(body)
    return root.findtext("Code"), root.findtext("Message")


def test_a_preflight_before_a_put(sagewright_server, open_bucket):
    status, headers, body = ask(
        sagewright_server,
        "OPTIONS",
        f"/{open_bucket}/k",
        Origin=PAGE,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="content-type,X-Amz-Meta-a",
        Sec_Fetch_Site="cross-site",
        Sec_Fetch_Mode="cors",
    )
    assert (status, body) == (200, b"")
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-allow-methods"] == "GET, PUT, POST"
    assert headers["access-control-allow-headers"] == "content-type, x-amz-meta-a"
    assert headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    assert headers["access-control-max-age"] == "3000"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def test_a_preflight_to_the_buckets_own_host(sagewright_server, open_bucket):
    sent = {"Origin": PAGE, "Access_Control_Request_Method": "GET", "Host": f"{open_bucket}.s3.amazonaws.com"}
    assert ask(sagewright_server, "OPTIONS", "/k", **sent)[0] == 200
    assert ask(sagewright_server, "OPTIONS", "/", **sent)[0] == 200


@pytest.mark.parametrize(
    ("origin", "method", "asked"),
    [
        ("https://app.example.org", "PUT", ""),
        (PAGE, "DELETE", ""),
        (PAGE, "PUT", "authorization"),
        ("http://app.example.com", "GET", ""),
    ],
)
def test_a_preflight_that_no_rule_allows(sagewright_server, open_bucket, origin, method, asked):
    more = {"Access_Control_Request_Headers": asked} if asked else {}
    sent = {"Origin": origin, "Access_Control_Request_Method": method, **more}
    status, headers, body = ask(sagewright_server, "OPTIONS", f"/{open_bucket}/k", **sent)
    code, text = message(body)
    assert (status, code) == (403, "AccessForbidden")
    assert text.startswith("CORSResponse: This CORS request is not allowed.")
    assert "access-control-allow-origin" not in headers
    assert (ET.fromstring(body).findtext("Method"), ET.fromstring(body).findtext("ResourceType")) == (method, "OBJECT")


def test_a_preflight_to_a_bucket_without_rules(sagewright_server, bucket):
    sent = {"Origin": PAGE, "Access_Control_Request_Method": "GET"}
    status, _, body = ask(sagewright_server, "OPTIONS", f"/{bucket}", **sent)
    assert (status, message(body)) == (
        403,
        ("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket."),
    )


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"Access_Control_Request_Method": "GET"}, "Insufficient information. Origin request header needed."),
        ({"Origin": PAGE}, "Invalid Access-Control-Request-Method: null"),
        ({"Origin": PAGE, "Access_Control_Request_Method": "PATCH"}, "Invalid Access-Control-Request-Method: PATCH"),
    ],
)
def test_what_is_no_preflight(sagewright_server, open_bucket, headers, text):
    status, _, body = ask(sagewright_server, "OPTIONS", f"/{open_bucket}/k", **headers)
    assert (status, message(body)) == (400, ("BadRequest", text))


def test_answers_say_who_may_read_them(sagewright_server, s3, open_bucket):
    status, headers, body = ask(sagewright_server, "GET", f"/{open_bucket}/k", Origin=PAGE)
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"hello", PAGE)
    assert headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    assert "Origin" in headers["vary"]
    status, headers, _ = ask(sagewright_server, "GET", f"/{open_bucket}/missing", Origin=PAGE)
    assert (status, headers["access-control-allow-origin"]) == (404, PAGE)
    _, headers, _ = ask(sagewright_server, "HEAD", f"/{open_bucket}/k", Origin="null")
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers
    for origin in ({}, {"Origin": "https://elsewhere.org"}):
        _, headers, _ = ask(sagewright_server, "GET", f"/{open_bucket}/k", **origin)
        assert "access-control-allow-origin" not in headers


def test_a_page_may_change_what_a_rule_lets_it(sagewright_server, s3, open_bucket, bucket):
    sent = {"Origin": PAGE, "Sec_Fetch_Site": "cross-site"}
    status, headers, _ = ask(sagewright_server, "PUT", f"/{open_bucket}/new", b"data", **sent)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    assert s3.get_object(Bucket=open_bucket, Key="new")["Body"].read() == b"data"
    other = {"Origin": "https://elsewhere.org", "Sec_Fetch_Site": "cross-site"}
    assert ask(sagewright_server, "PUT", f"/{open_bucket}/new", b"x", **other)[0] == 403
    assert ask(sagewright_server, "DELETE", f"/{open_bucket}/new", **sent)[0] == 403
    s3.delete_bucket_cors(Bucket=bucket)
    assert ask(sagewright_server, "PUT", f"/{bucket}/new", b"x", **sent)[0] == 403
    assert s3.get_object(Bucket=open_bucket, Key="new")["Body"].read() == b"data"


@pytest.mark.parametrize(
    ("rule", "code", "text"),
    [
        ({"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}, "InvalidRequest", "Unsupported method is PATCH"),
        ({"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.*.com"]}, "InvalidRequest", "more than one wildc"),
        ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*a*"]}, "InvalidRequest", "AllowedH"),
        ({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["*"]}, "InvalidRequest", "ExposeHead"),
        ({"AllowedMethods": ["GET"], "AllowedOrigins": []}, "MalformedXML", "not well-formed"),
    ],
)
def test_rules_that_are_refused(s3, bucket, rule, code, text):
    with refused(code) as caught:
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert text in caught.error["Message"]
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


def test_no_more_than_a_hundred_rules(s3, bucket):
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": [f"https://{number}.org"]} for number in range(101)]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules[:100]})
    assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"]) == 100
    with refused("InvalidRequest"):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
