"""Signatures of version 2, with botocore's own signers as the other side."""

from __future__ import annotations

import base64
from email.utils import formatdate
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.wire import models
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.route import route
from sagewright.wire.signing.canonical import Key
from sagewright.wire.signing.forms import verify_policy
from sagewright.wire.signing.hoisting import hoist
from sagewright.wire.signing.verify import verify

NOW = 1_704_067_200.0  # 2024-01-01T00:00:00Z
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
USER = Key("AKIAIOSFODNN7EXAMPLE", SECRET, whom="user")
SESSION = Key("ASIAIOSFODNN7EXAMPLE", SECRET, "tok/en+=", NOW + 600, whom="session")
KEYS = {key.access_key: key for key in (USER, SESSION)}.get


def sign(
    signer: type,
    url: str = "http://s3.local:4566/bucket/key",
    *,
    key: Key = USER,
    at: float = NOW,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    bucket: str = "",
    **options: Any,
) -> HttpRequest:
    """The request as it would arrive. bucket: in the host, so that the path lacks it."""
    request = AWSRequest(method, url, headers or {})
    request.auth_path = f"/{bucket}{urlsplit(url).path}" if bucket else None
    with mock.patch.multiple(botocore.auth, time=mock.DEFAULT, formatdate=mock.DEFAULT) as clock:
        clock["time"].time.return_value = at
        clock["formatdate"].return_value = formatdate(at, usegmt=True)
        signer(Credentials(key.access_key, key.secret, key.token or None), **options).add_auth(request)
    parts = urlsplit(request.url)
    sent = [("host", parts.netloc), *request.headers.items()]
    if "Authorization" not in request.headers:  # a presigned URL: its signer leaves a date behind that is not sent
        sent = [("host", parts.netloc), *(headers or {}).items()]
    wire = [(name, value.encode().decode("latin-1")) for name, value in sent]
    return HttpRequest(method, parts.path or "/", parts.query, Headers(wire), Body.of(b""))


def header(url: str = "http://s3.local:4566/bucket/key", **options: Any) -> HttpRequest:
    return sign(botocore.auth.HmacV1Auth, url, **options)


def presigned(url: str = "http://s3.local:4566/bucket/key", **options: Any) -> HttpRequest:
    return sign(botocore.auth.HmacV1QueryAuth, url, **{"expires": 60, **options})


def check(request: HttpRequest, now: float = NOW) -> Any:
    """Whom a request is from. Raises AwsError."""
    hoist(request)
    found = route(request)
    key = verify(request, found, models.operation("s3", found.operation), None, KEYS, now)
    return key.whom if key is not None else None


def refused(request: HttpRequest, now: float = NOW) -> AwsError:
    with pytest.raises(AwsError) as caught:
        check(request, now)
    return caught.value


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
VALUES = st.text(st.sampled_from("ab /+%=&é~*"), max_size=8)
PARAMETERS = ["prefix", "response-content-type", "response-content-disposition", "versionId", "x-id"]
QUERIES = st.lists(st.tuples(st.sampled_from(PARAMETERS), VALUES), max_size=4, unique_by=lambda pair: pair[0])
HEADERS = st.dictionaries(
    st.sampled_from(["x-amz-meta-a", "x-amz-meta-b", "content-type", "x-amz-acl", "cache-control"]),
    st.text(st.sampled_from("ab  ,;"), max_size=12),
)
METHODS = st.sampled_from(["GET", "PUT", "DELETE", "HEAD"])


def url(name: str, query: list[tuple[str, str]], root: str = "http://s3.local:4566/bucket/") -> str:
    text = "&".join(f"{quote(key, safe='')}={quote(value, safe='-_.~')}" for key, value in query)
    return f"{root}{quote(name, safe='/~')}" + (f"?{text}" if text else "")


@given(NAMES, QUERIES, HEADERS, METHODS, st.sampled_from([USER, SESSION]), st.booleans())
def test_what_botocore_signs(name: str, query: Any, headers: Any, method: str, key: Key, in_url: bool) -> None:
    request = (presigned if in_url else header)(url(name, query), headers=headers, method=method, key=key)
    assert check(request) == key.whom
    request.method = "POST"
    with pytest.raises(AwsError):
        check(request)
    request.method, request.path = method, f"{request.path}x"
    assert refused(request).code == "SignatureDoesNotMatch"


@given(NAMES, QUERIES, st.sampled_from(["bucket.s3.amazonaws.com", "bucket.localhost:4566"]), st.booleans())
def test_a_bucket_in_the_host(name: str, query: Any, host: str, in_url: bool) -> None:
    make = presigned if in_url else header
    assert check(make(url(name, query, f"http://{host}/"), bucket="bucket")) == "user"
    assert refused(make(url(name, query, f"http://{host}/"), bucket="other")).code == "SignatureDoesNotMatch"


def test_what_a_url_says_for_its_headers() -> None:
    """Metadata of a presigned upload is in its URL, sent or not; what is sent must be what was signed."""
    signed = {"x-amz-meta-note": "é & b", "content-type": "text/csv"}
    request = presigned(method="PUT", headers=signed)
    assert "x-amz-meta-note" in request.query
    assert check(request) == "user"
    bare = presigned(method="PUT", headers=signed)
    bare.headers = Headers([("host", "s3.local:4566"), ("content-type", "text/csv")])
    assert check(bare) == "user"
    assert bare.headers.get("x-amz-meta-note").encode("latin-1").decode() == "é & b"
    for name, value in (("x-amz-meta-note", "other"), ("content-type", "text/html"), ("x-amz-acl", "public-read")):
        changed = presigned(method="PUT", headers=signed)
        changed.headers = Headers([*[item for item in changed.headers.items() if item[0] != name], (name, value)])
        assert refused(changed).code == "SignatureDoesNotMatch", name


def test_a_mismatch_says_what_should_have_been_signed() -> None:
    request = presigned(url("k", [("response-content-type", "a/b")]), headers={"content-type": "x"}, method="PUT")
    text = f"PUT\n\nx\n{int(NOW) + 60}\n/bucket/k?response-content-type=a/b"
    request.query = request.query.replace("Signature=", "Signature=0")
    error = refused(request)
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
    assert error.members["StringToSign"] == text
    assert error.members["StringToSignBytes"] == text.encode().hex(" ")
    assert error.members["AWSAccessKeyId"] == USER.access_key
    assert error.members["SignatureProvided"].startswith("0")


def test_times() -> None:
    assert check(presigned(), NOW + 60) == "user"
    error = refused(presigned(), NOW + 61)
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Request has expired")
    assert error.members == {"Expires": "2024-01-01T00:01:00Z", "ServerTime": "2024-01-01T00:01:01Z"}
    for off, good in ((-900, True), (900, True), (-901, False), (901, False)):
        if good:
            assert check(header(), NOW + off) == "user"
        else:
            error = refused(header(), NOW + off)
            assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
            assert error.members["RequestTime"] == formatdate(NOW, usegmt=True)
    dated = header()
    dated.headers = Headers([(name, "soon" if name == "date" else value) for name, value in dated.headers.items()])
    assert refused(dated).message == "AWS authentication requires a valid Date or x-amz-date header"
    stamped = header(headers={"x-amz-date": formatdate(NOW, usegmt=True)})  # botocore signs the other one still
    assert refused(stamped).members["StringToSign"].startswith("GET\n\n\n\nx-amz-date:Mon, 01 Jan 2024")


def test_keys_and_tokens() -> None:
    request = presigned()
    request.query = request.query.replace("AKIA", "BKIA")
    assert (refused(request).code, refused(request).status) == ("InvalidAccessKeyId", 403)
    for name in ("x-amz-security-token", "X-Amz-Security-Token"):
        request = presigned(key=SESSION)
        request.query = request.query.replace("x-amz-security-token", name)
        assert check(request) == "session"
        request.query = request.query.replace("=tok", "=kot")
        assert refused(request).code == "InvalidToken"
    assert refused(header(key=SESSION, at=NOW + 601), NOW + 601).code == "ExpiredToken"


def test_where_they_are_taken() -> None:
    words = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    assert refused(presigned("http://bucket.s3.eu-central-1.amazonaws.com/k", bucket="bucket")).message == words
    assert check(presigned("http://bucket.s3.us-west-2.amazonaws.com/k", bucket="bucket")) == "user"
    to_sagemaker = header(method="POST", headers={"x-amz-target": "SageMaker.ListModels"})
    with pytest.raises(AwsError, match="MissingAuthenticationTokenException"):
        verify(to_sagemaker, route(to_sagemaker), models.operation("sagemaker", "ListModels"), b"", KEYS, NOW)


def test_what_is_hoisted() -> None:
    """By SigV4 too, where AWS's SDKs for JavaScript and Ruby put headers into a URL; a body's checksum is not one."""
    query = "X-Amz-Signature=x&x-amz-acl=private&X-Amz-Meta-A=b%20c&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-date=1"
    request = HttpRequest("PUT", "/b/k", query, Headers([("x-amz-acl", "sent")]), Body.of(b""))
    hoist(request)
    assert dict(request.headers.items()) == {"x-amz-acl": "sent", "x-amz-meta-a": "b c"}
    assert request.hoisted == {"x-amz-meta-a"}
    unsigned = HttpRequest("PUT", "/b/k", query.replace("Signature", "S"), Headers(), Body.of(b""))
    hoist(unsigned)
    assert not dict(unsigned.headers.items())


@given(HEADERS)
def test_hoisted_by_a_signature_of_version_4(headers: Any) -> None:
    named = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    query = [*named.items(), ("x-amz-acl", "private")]
    request = AWSRequest("PUT", url("k", query))
    botocore.auth.S3SigV4QueryAuth(Credentials(USER.access_key, SECRET), "s3", "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    arrived = HttpRequest("PUT", parts.path, parts.query, Headers([("host", parts.netloc)]), Body.of(b""))
    now = botocore.auth.get_current_datetime().timestamp()
    with mock.patch("sagewright.wire.signing.verify.SKEW", 100_000):
        assert check(arrived, max(now, NOW)) == "user"
    assert arrived.headers.get("x-amz-acl") in ("private", named.get("x-amz-acl"))


def form(key: Key = USER) -> dict[str, str]:
    request = AWSRequest("POST", "http://s3.local/bucket")
    request.context["s3-presign-post-policy"] = {"expiration": "2030-01-01T00:00:00Z", "conditions": []}
    botocore.auth.HmacV1PostAuth(Credentials(key.access_key, SECRET, key.token or None)).add_auth(request)
    return {name.lower(): value for name, value in request.context["s3-presign-post-fields"].items()}


def test_forms() -> None:
    for key in (USER, SESSION):
        fields = form(key)
        assert verify_policy(fields["policy"], fields, KEYS, NOW).whom == key.whom
    other = base64.b64encode(b"{}").decode()
    cases = [
        (other, {}, "SignatureDoesNotMatch"),
        (fields["policy"], {"signature": "é"}, "SignatureDoesNotMatch"),
        (fields["policy"], {"signature": ""}, "InvalidArgument"),
        (fields["policy"], {"awsaccesskeyid": "x"}, "InvalidAccessKeyId"),
        (fields["policy"], {"x-amz-security-token": "t"}, "InvalidToken"),
    ]
    for policy, change, code in cases:
        with pytest.raises(AwsError) as caught:
            verify_policy(policy, {**fields, **change}, KEYS, NOW)
        assert caught.value.code == code
