import pytest

from sagewright.core.errors import AwsError
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.signing.credentials import Credential, check_expiry, credential, scope

NOW = 1_704_067_200.0  # 2024-01-01T00:00:00Z
PRESIGNED = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20240101%2Feu-west-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20240101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=abc"
)


def request(query: str = "", **headers: str) -> HttpRequest:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpRequest("GET", "/", query, Headers(named), Body.of(b""))


def signed(text: str) -> HttpRequest:
    return request(authorization=f"AWS4-HMAC-SHA256 {text}")


def test_a_signed_request() -> None:
    header = "Credential=AKID/20240101/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc"
    for text in (header, header.replace(", ", ",")):
        assert credential(signed(text)) == Credential(
            "AKID", "20240101", "eu-west-1", "sts", ("host", "x-amz-date"), "abc", False
        )
    assert scope(signed(header)) == ("AKID", "eu-west-1", "sts", False)


def test_a_presigned_url() -> None:
    assert credential(request(PRESIGNED)) == Credential(
        "AKID", "20240101", "eu-west-1", "s3", ("host",), "abc", True, 60
    )


def test_the_old_signature() -> None:
    found = credential(request("AWSAccessKeyId=AKID&Expires=1704067200&Signature=a%2Bb"))
    assert found == Credential("AKID", "", "", "s3", (), "a+b", True, 1704067200)
    header = credential(request(authorization="AWS AKID:sig"))
    assert header is not None
    assert (header.access_key, header.service) == ("AKID", "s3")


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic eDp5"])
def test_unsigned(header: str) -> None:
    assert credential(request(authorization=header)) is None
    assert scope(request(authorization=header)) is None


@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=abc",
        "AWS4-HMAC-SHA256 Credential=AKID/20240101/eu-west-1/sts/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=AKID/x/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=a",
    ],
)
def test_malformed_headers(header: str) -> None:
    with pytest.raises(AwsError) as caught:
        credential(request(authorization=header))
    assert caught.value.code == "AuthorizationHeaderMalformed"
    with pytest.raises(AwsError) as caught:
        credential(request(authorization=header, x_amz_target="SageMaker.ListModels"))
    assert caught.value.code == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%2Faws4_request", ""),
        ("&X-Amz-Signature=abc", ""),
        ("X-Amz-Expires=60", "X-Amz-Expires=x"),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1"),
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=60", "X-Amz-Expires=" + "9" * 5000),
    ],
)
def test_malformed_presigned_urls(old: str, new: str) -> None:
    with pytest.raises(AwsError) as caught:
        credential(request(PRESIGNED.replace(old, new)))
    assert (caught.value.code, caught.value.status) == ("AuthorizationQueryParametersError", 400)


def test_a_presigned_url_ends() -> None:
    check_expiry(request(PRESIGNED), NOW + 60)
    with pytest.raises(AwsError) as caught:
        check_expiry(request(PRESIGNED), NOW + 61)
    error = caught.value
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Request has expired")
    assert error.members == {
        "X-Amz-Expires": "60",
        "Expires": "2024-01-01T00:01:00Z",
        "ServerTime": "2024-01-01T00:01:01Z",
    }
    with pytest.raises(AwsError, match="X-Amz-Date"):
        check_expiry(request(PRESIGNED.replace("20240101T000000Z", "soon")), NOW)


def test_an_old_presigned_url_ends() -> None:
    old = "AWSAccessKeyId=AKID&Expires=1704067200&Signature=x"
    check_expiry(request(old), NOW)
    with pytest.raises(AwsError, match="Request has expired"):
        check_expiry(request(old), NOW + 1)
    with pytest.raises(AwsError, match="AccessDenied"):
        check_expiry(request(old.replace("1704067200", "x")), NOW)


def test_requests_that_are_not_presigned_do_not_end() -> None:
    check_expiry(request("list-type=2"), 9e12)
