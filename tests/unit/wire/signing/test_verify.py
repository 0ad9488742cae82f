"""Signatures, with botocore's own signers as the other side."""

from __future__ import annotations

import base64
import datetime as dt
import json
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
from sagewright.wire.route import Route, route
from sagewright.wire.signing.canonical import Key
from sagewright.wire.signing.forms import verify_policy
from sagewright.wire.signing.verify import verify

NOW = 1_704_067_200.0  # 2024-01-01T00:00:00Z
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
USER = Key("AKIAIOSFODNN7EXAMPLE", SECRET, whom="user")
SESSION = Key("ASIAIOSFODNN7EXAMPLE", SECRET, "tok/en+=", NOW + 60, whom="session")
KEYS = {key.access_key: key for key in (USER, SESSION)}.get

STS = ("sts", "GetCallerIdentity", "query")
JSON = ("sagemaker", "ListModels", "json")
REST = ("sagemaker-runtime", "InvokeEndpoint", "rest-json")
S3 = ("s3", "GetObject", "rest-xml")
FORM = b"Action=GetCallerIdentity&Version=2011-06-15"


def sign(
    signer: type,
    url: str,
    *,
    key: Key = USER,
    at: float = NOW,
    scope: tuple[str, str] = ("s3", "us-east-1"),
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    **options: Any,
) -> HttpRequest:
    """The request as it would arrive."""
    request = AWSRequest(method, url, {**(headers or {}), "Host": urlsplit(url).netloc}, body)
    credentials = Credentials(key.access_key, key.secret, key.token or None)
    with mock.patch.object(botocore.auth, "get_current_datetime") as clock:
        clock.return_value = dt.datetime.fromtimestamp(at, dt.UTC).replace(tzinfo=None)
        signer(credentials, *scope, **options).add_auth(request)
    parts = urlsplit(request.url)
    return HttpRequest(method, parts.path or "/", parts.query, Headers(request.headers.items()), Body.of(body))


def s3(url: str = "http://s3.local/bucket/key", **options: Any) -> HttpRequest:
    return sign(botocore.auth.S3SigV4Auth, url, **options)


def other(to: tuple[str, str, str], **options: Any) -> HttpRequest:
    names = {"sts": ("sts", "us-east-1"), "sagemaker": ("sagemaker", "us-east-1")}
    scope = names.get(to[0], ("sagemaker", "us-east-1"))
    return sign(botocore.auth.SigV4Auth, "http://server.local/", method="POST", **{"scope": scope, **options})


def check(request: HttpRequest, to: tuple[str, str, str] = S3, body: bytes | None = None, now: float = NOW) -> Any:
    """Whom a request is from. Raises AwsError."""
    service, operation, protocol = to
    found = route_of(request, service, operation, protocol)
    key = verify(request, found, models.operation(service, operation), body, KEYS, now)
    return key.whom if key is not None else None


def route_of(request: HttpRequest, service: str, operation: str, protocol: str) -> Route:
    from sagewright.wire.signing import credentials

    access_key, region, _, presigned = credentials.scope(request) or ("", "us-east-1", "", False)
    return Route(service, operation, protocol, "000000000000", region, access_key, {}, presigned)


def refused(
    request: HttpRequest, to: tuple[str, str, str] = S3, body: bytes | None = None, now: float = NOW
) -> AwsError:
    with pytest.raises(AwsError) as caught:
        check(request, to, body, now)
    return caught.value


KEY_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30) | st.text(
    st.sampled_from("/ +%~.é\U0001f600aZ09-_'()*!&=?#:@,;$\""), min_size=1, max_size=20
)
VALUES = st.text(st.sampled_from("ab /+%=&é~*"), max_size=8)
QUERIES = st.lists(st.tuples(st.sampled_from(["prefix", "x", "acl", "x-id", "é"]), VALUES), max_size=5)
HEADERS = st.dictionaries(
    st.sampled_from(["x-amz-meta-a", "x-amz-meta-b", "content-type", "x-amz-acl"]),
    st.text(st.sampled_from("ab  ,;"), max_size=12),
)


def url(name: str, query: list[tuple[str, str]]) -> str:
    text = "&".join(f"{quote(key, safe='')}={quote(value, safe='-_.~')}" for key, value in query)
    return f"http://s3.local:4566/bucket/{quote(name, safe='/~')}" + (f"?{text}" if text else "")


@given(KEY_NAMES, QUERIES, HEADERS, st.binary(max_size=9), st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]))
def test_what_botocore_signs_for_s3(name: str, query: Any, headers: Any, body: bytes, method: str) -> None:
    request = s3(url(name, query), headers=headers, body=body, method=method)
    assert check(request, ("s3", "PutObject", "rest-xml")) == "user"
    request.method = "PATCH"
    assert refused(request, ("s3", "PutObject", "rest-xml")).code == "SignatureDoesNotMatch"


@given(KEY_NAMES, QUERIES, st.sampled_from([USER, SESSION]))
def test_what_botocore_presigns_for_s3(name: str, query: Any, key: Key) -> None:
    request = sign(botocore.auth.S3SigV4QueryAuth, url(name, query), key=key, expires=30)
    assert check(request) == key.whom
    assert refused(request, now=NOW + 31).message == "Request has expired"
    request.query += "&versionId=x"
    assert refused(request).code == "SignatureDoesNotMatch"


@given(KEY_NAMES, QUERIES, HEADERS, st.binary(max_size=30))
def test_what_botocore_signs_for_others(name: str, query: Any, headers: Any, body: bytes) -> None:
    """Paths are normalised and encoded twice."""
    scope = ("sagemaker", "eu-west-1")
    request = sign(botocore.auth.SigV4Auth, url(name, query), scope=scope, headers=headers, body=body, method="POST")
    assert check(request, REST, body) == "user"
    assert refused(request, REST, body + b"!").code == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("signed", "sent"),
    [("/a%3Ab%40c", "/a:b@c"), ("/~x", "/%7ex"), ("/a/b", "/a%2fb"), ("/%C3%A9", "/%c3%a9"), ("/a%2Ab", "/a*b")],
)
def test_paths_encoded_otherwise(signed: str, sent: str) -> None:
    """Clients that sign a path as AWS reads it, and those that sign it as they send it."""
    request = s3(f"http://s3.local{signed}")
    request.path = sent
    assert check(request) == "user"
    assert check(s3(f"http://s3.local{sent}")) == "user"
    scope = ("sagemaker", "us-east-1")
    request = sign(botocore.auth.SigV4Auth, f"http://server.local{signed}", scope=scope)
    request.path = sent
    assert check(request, REST, b"") == "user"
    assert check(sign(botocore.auth.SigV4Auth, f"http://server.local{sent}", scope=scope), REST, b"") == "user"


def test_presigned_calls_of_other_services() -> None:
    """As ``aws eks get-token`` makes them."""
    scope = ("sts", "us-east-1")
    address = f"http://sts.us-east-1.amazonaws.com/?{FORM.decode()}"
    for key in (USER, SESSION):
        request = sign(botocore.auth.SigV4QueryAuth, address, key=key, scope=scope, expires=60)
        assert check(request, STS, b"") == key.whom
        assert check(request, STS, b"", NOW + 59.0) == key.whom
        late = refused(request, STS, b"", NOW + 5000)
        assert late.code == "ExpiredToken" if key is SESSION else late.message.startswith("Signature expired: ")


def test_an_authorization_of_two_credentials_is_nobodys() -> None:
    """The route is that of the first; the last one's signature is good."""
    request = s3()
    header = request.headers.get("authorization").replace(
        "Credential=", f"Credential={SESSION.access_key}/20240101/us-east-1/s3/aws4_request, Credential="
    )
    request.headers = Headers([*request.headers.items(), ("x", "")])
    request.headers._values["authorization"] = header
    assert refused(request).code == "AuthorizationHeaderMalformed"


def test_unsigned() -> None:
    bare = HttpRequest("GET", "/", "", Headers([("host", "s3.local")]), Body.of(b""))
    assert check(bare) is None
    assert check(bare, ("sts", "AssumeRoleWithWebIdentity", "query"), b"") is None
    expected = {
        STS: ("MissingAuthenticationToken", 403),
        JSON: ("MissingAuthenticationTokenException", 400),
        REST: ("MissingAuthenticationTokenException", 403),
    }
    for to, (code, status) in expected.items():
        error = refused(bare, to, b"")
        assert (error.code, error.status) == (code, status)


def test_unknown_keys_and_tokens() -> None:
    unknown, token_less = Key("AKIAUNKNOWN", SECRET), Key(SESSION.access_key, SECRET)
    for key in (unknown, token_less):
        error = refused(s3(key=key))
        assert (error.code, error.status) == ("InvalidAccessKeyId", 403)
        assert error.members == {"AWSAccessKeyId": key.access_key}
        error = refused(other(STS, key=key, body=FORM), STS, FORM)
        assert (error.code, error.status) == ("InvalidClientTokenId", 403)
        error = refused(other(JSON, key=key), JSON, b"")
        assert (error.code, error.status) == ("UnrecognizedClientException", 400)
    wrong = Key(SESSION.access_key, SECRET, "other")
    error = refused(s3(key=wrong))
    assert (error.code, error.status, error.members) == ("InvalidToken", 400, {"Token-0": "other"})
    assert refused(other(STS, key=wrong), STS, b"").code == "InvalidClientTokenId"
    assert refused(s3(key=Key(USER.access_key, SECRET, "none of mine"))).code == "InvalidToken"
    assert check(s3(key=SESSION)) == "session"
    late: dict[str, Any] = {"key": SESSION, "at": NOW + 60}
    assert (refused(s3(**late), now=NOW + 60).code) == "ExpiredToken"
    assert refused(other(STS, **late), STS, b"", NOW + 60).code == "ExpiredToken"
    assert refused(other(JSON, **late), JSON, b"", NOW + 60).code == "ExpiredTokenException"


@pytest.mark.parametrize(("off", "good"), [(-900, True), (900, True), (-901, False), (901, False), (86_400, False)])
def test_clocks_that_differ(off: int, good: bool) -> None:
    requests = {S3: s3(at=NOW + off), STS: other(STS, at=NOW + off), JSON: other(JSON, at=NOW + off)}
    if good:
        assert [check(request, to, None if to is S3 else b"") for to, request in requests.items()] == ["user"] * 3
        return
    error = refused(requests[S3])
    assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
    assert error.members["MaxAllowedSkewMilliseconds"] == 900_000
    assert error.members["ServerTime"] == "2024-01-01T00:00:00Z"
    begin = "Signature expired: 2023" if off < 0 else "Signature not yet current: 2024"
    query, rest = refused(requests[STS], STS, b""), refused(requests[JSON], JSON, b"")
    assert (query.code, query.status) == ("SignatureDoesNotMatch", 403)
    assert (rest.code, rest.status) == ("InvalidSignatureException", 400)
    assert query.message == rest.message
    assert query.message.startswith(begin)
    if off == -901:
        assert query.message == (
            "Signature expired: 20231231T234459Z is now earlier than 20231231T234500Z (20240101T000000Z - 15 min.)"
        )


def changed(request: HttpRequest, **headers: str) -> HttpRequest:
    for name, value in headers.items():
        request.headers._values[name.replace("_", "-")] = value
    return request


def test_dates_that_are_none_or_another_days() -> None:
    error = refused(changed(s3(), x_amz_date="soon"))
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert refused(changed(other(STS), x_amz_date=""), STS, b"").code == "IncompleteSignature"
    assert refused(changed(s3(), x_amz_date="20240102T000000Z")).message == (
        'The authorization header is malformed; Invalid credential date "20240101". This date is not the same as '
        'X-Amz-Date: "20240102".'
    )
    error = refused(changed(other(JSON), x_amz_date="20240102T000000Z"), JSON, b"")
    assert error.message.startswith("Date in Credential scope does not match YYYYMMDD")


def test_scopes_of_other_services_and_regions() -> None:
    error = refused(s3("http://s3.eu-west-1.amazonaws.com/b/k"))
    assert (error.code, error.members) == ("AuthorizationHeaderMalformed", {"Region": "eu-west-1"})
    presigned = sign(botocore.auth.S3SigV4QueryAuth, "http://s3.eu-west-1.amazonaws.com/b/k")
    assert refused(presigned).code == "AuthorizationQueryParametersError"
    assert 'incorrect service "sts"' in refused(s3(scope=("sts", "us-east-1"))).message
    error = refused(other(STS, scope=("iam", "us-east-1")), STS, b"")
    assert (error.code, error.message) == (
        "SignatureDoesNotMatch",
        "Credential should be scoped to correct service: 'sts'.",
    )
    assert refused(other(JSON, scope=("kms", "us-east-1")), JSON, b"").code == "InvalidSignatureException"


def test_headers_that_must_be_signed() -> None:
    error = refused(changed(s3(), x_amz_acl="public-read"))
    assert (error.code, error.status, error.members) == ("AccessDenied", 403, {"HeadersNotSigned": "x-amz-acl"})
    error = refused(changed(other(JSON), x_amz_target="SageMaker.DeleteModel"), JSON, b"")
    assert error.message == "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."
    request = s3()
    request.headers._values["authorization"] = request.headers.get("authorization").replace("host;", "")
    assert "host" in refused(request).members["HeadersNotSigned"]


def test_a_mismatch_says_what_should_have_been_signed() -> None:
    wrong = Key(USER.access_key, "wrong")
    error = refused(s3(key=wrong))
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
    canonical = error.members["CanonicalRequest"]
    assert canonical.startswith("GET\n/bucket/key\n\nhost:s3.local\n")
    assert bytes.fromhex(error.members["CanonicalRequestBytes"]).decode() == canonical
    assert error.members["StringToSign"].startswith("AWS4-HMAC-SHA256\n20240101T000000Z\n20240101/us-east-1/s3/aws4")
    assert bytes.fromhex(error.members["StringToSignBytes"]).decode() == error.members["StringToSign"]
    assert len(error.members["SignatureProvided"]) == 64
    assert SECRET not in repr(error.members)
    error = refused(other(JSON, key=wrong), JSON, b"")
    assert "The Canonical String for this request should have been\n'POST\n/\n" in error.message


def test_payloads() -> None:
    request = s3()
    del request.headers._values["x-amz-content-sha256"]
    assert refused(request).message == "Missing required header for this request: x-amz-content-sha256"
    assert refused(changed(s3(), x_amz_content_sha256="foo")).code == "InvalidArgument"
    request = s3(method="PUT", body=b"whole")
    request.body = Body.of(b"")
    assert refused(request).code == "XAmzContentSHA256Mismatch"
    # A digest that stands in the URL is one that whoever reads the body compares with.
    digest = "ab" * 32
    request = sign(botocore.auth.S3SigV4QueryAuth, f"http://s3.local/b/k?X-Amz-Content-Sha256={digest}", method="PUT")
    assert refused(request).code == "SignatureDoesNotMatch"  # botocore signed UNSIGNED-PAYLOAD


def test_other_mechanisms() -> None:
    def bare(query: str = "", **headers: str) -> HttpRequest:
        return HttpRequest("GET", "/b/k", query, Headers([("host", "s3.local"), *headers.items()]), Body.of(b""))

    assert refused(bare(authorization="Bearer x")).message == "Unsupported Authorization Type"
    assert refused(bare("X-Amz-Algorithm=AWS4-HMAC-SHA256")).code == "AuthorizationQueryParametersError"
    scope = "Credential=AKIAIOSFODNN7EXAMPLE/20240101/s3/aws4_request"
    asymmetric = f"AWS4-ECDSA-P256-SHA256 {scope}, SignedHeaders=host, Signature=aa"
    assert refused(bare(authorization=asymmetric)).status == 501
    unheard = asymmetric.replace("ECDSA-P256", "MD5").replace("0101/", "0101/us-east-1/")
    assert refused(bare(authorization=unheard)).code == "AuthorizationHeaderMalformed"
    both = s3()
    both.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256"
    assert refused(both).message.startswith("Only one auth mechanism allowed")
    assert refused(changed(other(STS), authorization="AWS4-HMAC-SHA256 Credential=x"), STS, b"").code == (
        "IncompleteSignature"
    )


def test_every_byte_of_a_signature_counts() -> None:
    header = s3().headers.get("authorization")
    for end in ("", "0" * 63 + "g", "é" * 64):
        assert refused(changed(s3(), authorization=header[:-64] + (end or "x"))).code == "SignatureDoesNotMatch"


def form(key: Key = USER, secret: str = SECRET) -> dict[str, str]:
    """As S3PostPresigner makes it."""
    request = AWSRequest("POST", "http://s3.local/bucket")
    request.context["s3-presign-post-policy"] = {"expiration": "2030-01-01T00:00:00Z", "conditions": []}
    with mock.patch.object(botocore.auth, "get_current_datetime") as clock:
        clock.return_value = dt.datetime.fromtimestamp(NOW, dt.UTC).replace(tzinfo=None)
        credentials = Credentials(key.access_key, secret, key.token or None)
        botocore.auth.S3SigV4PostAuth(credentials, "s3", "eu-west-1").add_auth(request)
    return {name.lower(): value for name, value in request.context["s3-presign-post-fields"].items()}


def test_forms() -> None:
    for key in (USER, SESSION):
        fields = form(key)
        assert verify_policy(fields["policy"], fields, KEYS, NOW).whom == key.whom
    fields = form()
    other_policy = base64.b64encode(json.dumps({"conditions": [], "expiration": "2031"}).encode()).decode()
    cases = [
        (other_policy, {}, "SignatureDoesNotMatch"),
        (
            fields["policy"],
            {"x-amz-credential": fields["x-amz-credential"].replace("AKIA", "BKIA")},
            "InvalidAccessKeyId",
        ),
        (fields["policy"], {"x-amz-credential": "x"}, "InvalidArgument"),
        (fields["policy"], {"x-amz-date": "20230101T000000Z"}, "InvalidArgument"),
        (fields["policy"], {"x-amz-algorithm": "AWS4-HMAC-MD5"}, "InvalidArgument"),
        (fields["policy"], {"x-amz-signature": ""}, "InvalidArgument"),
        (fields["policy"], {"x-amz-security-token": "t"}, "InvalidToken"),
    ]
    for policy, change, code in cases:
        with pytest.raises(AwsError) as caught:
            verify_policy(policy, {**fields, **change}, KEYS, NOW)
        assert caught.value.code == code
    with pytest.raises(AwsError, match="ExpiredToken"):
        verify_policy(form(SESSION)["policy"], form(SESSION), KEYS, NOW + 61)


def test_routes_agree() -> None:
    """What route() takes from a request is what is verified."""
    request = s3("http://127.0.0.1:4566/bucket/key")
    assert verify(request, route(request), models.operation("s3", "GetObject"), None, KEYS, NOW) is USER
