import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.wire import models, protocols
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.protocols import rest
from sagewright.wire.route import Route


def parse(
    service: str, operation: str, query: str = "", body: bytes | Body = b"", labels: Any = None, **headers: str
) -> dict[str, Any]:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    request = HttpRequest("POST", "/", query, Headers(named), Body.of(b""))
    route = Route(service, operation, "", "000000000000", "us-east-1", "", labels or {}, False)
    op = models.operation(service, operation)
    return protocols.codec(models.protocol_of(service)).parse(op, request, route, body)


def serialize(service: str, operation: str, result: dict[str, Any]) -> Any:
    op = models.operation(service, operation)
    return protocols.codec(models.protocol_of(service)).serialize(op, result, "id-1")


def failure(service: str, operation: str | None, error: AwsError) -> Any:
    op = models.operation(service, operation) if operation else None
    return protocols.codec(models.protocol_of(service)).serialize_error(op, error, "id-1")


def test_invoke_endpoint() -> None:
    found = parse(
        "sagemaker-runtime",
        "InvokeEndpoint",
        body=b"1,2",
        labels={"EndpointName": "e"},
        content_type="text/csv",
        x_amzn_sagemaker_target_variant="a",
        x_other="b",
    )
    assert found == {"EndpointName": "e", "Body": b"1,2", "ContentType": "text/csv", "TargetVariant": "a"}
    response = serialize(
        "sagemaker-runtime",
        "InvokeEndpoint",
        {"Body": b"3", "ContentType": "text/csv", "InvokedProductionVariant": "a"},
    )
    assert (response.status, response.body) == (200, b"3")
    assert response.headers["Content-Type"] == "text/csv"
    assert response.headers["x-Amzn-Invoked-Production-Variant"] == "a"


def test_a_model_error() -> None:
    error = AwsError("ModelError", "bad", 424, OriginalStatusCode=500, OriginalMessage="boom", LogStreamArn="arn")
    response = failure("sagemaker-runtime", "InvokeEndpoint", error)
    assert response.status == 424
    assert response.headers["x-amzn-errortype"] == "ModelError"
    assert json.loads(response.body) == {
        "Message": "bad",
        "OriginalStatusCode": 500,
        "OriginalMessage": "boom",
        "LogStreamArn": "arn",
    }


def test_streams_stay_unread() -> None:
    body = Body.of(b"data")
    found = parse(
        "s3", "PutObject", body=body, labels={"Bucket": "b", "Key": "k"}, x_amz_meta_one="1", x_amz_meta_two="é"
    )
    assert found == {"Bucket": "b", "Key": "k", "Body": body, "Metadata": {"one": "1", "two": "é"}}
    unread = parse("s3", "PutObject", body=b"data", labels={"Bucket": "b", "Key": "k"})["Body"]
    assert asyncio.run(unread.read(10)) == b"data"

    async def chunks() -> Any:
        yield b"x"

    stream = chunks()
    assert serialize("s3", "GetObject", {"Body": stream}).body is stream


@pytest.mark.parametrize(
    ("query", "headers", "argument"),
    [("max-keys=x", {}, "max-keys"), ("max-keys=", {}, "max-keys"), ("max-keys=1_0", {}, "max-keys")],
)
def test_s3_names_the_argument(query: str, headers: dict[str, str], argument: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse("s3", "ListObjectsV2", query, labels={"Bucket": "b"}, **headers)
    assert caught.value.code == "InvalidArgument"
    assert caught.value.message == f"Provided {argument} not an integer or within integer range"
    assert caught.value.members["ArgumentName"] == argument


def test_text_of_the_wrong_type_in_rest_json() -> None:
    with pytest.raises(AwsError, match="STRING_VALUE can not be converted to an Integer"):
        parse("lambda", "ListFunctions", "MaxItems=x")
    with pytest.raises(AwsError, match="SerializationException"):
        parse("lambda", "ListFunctions", "Marker=%ff")


@pytest.mark.parametrize(
    "body",
    [
        b"<x",
        b"",
        b"<Wrong/>",
        b"<Tagging>\xff</Tagging>",
        b'<!DOCTYPE Tagging [<!ENTITY a "b">]><Tagging><TagSet>&a;</TagSet></Tagging>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a><Tagging/>'.encode("utf-16"),
        b"<Tagging>&undefined;</Tagging>",
        b"<CORSConfiguration><CORSRule><MaxAgeSeconds>x</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    ],
)
def test_malformed_xml(body: bytes) -> None:
    operation = "PutBucketCors" if b"CORS" in body else "PutBucketTagging"
    if not body:
        assert parse("s3", operation, body=body, labels={"Bucket": "b"}) == {"Bucket": "b"}
        return
    with pytest.raises(AwsError) as caught:
        parse("s3", operation, body=body, labels={"Bucket": "b"})
    assert (caught.value.code, caught.value.status) == ("MalformedXML", 400)


def test_xml_with_any_prefix_and_attributes() -> None:
    body = b"""<a:AccessControlPolicy xmlns:a="http://s3.amazonaws.com/doc/2006-03-01/"><a:AccessControlList><a:Grant>
        <a:Grantee xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="CanonicalUser"><a:ID>me</a:ID>
        </a:Grantee><a:Permission>READ</a:Permission></a:Grant></a:AccessControlList></a:AccessControlPolicy>"""
    grants = parse("s3", "PutBucketAcl", body=body, labels={"Bucket": "b"})["AccessControlPolicy"]["Grants"]
    assert grants == [{"Grantee": {"Type": "CanonicalUser", "ID": "me"}, "Permission": "READ"}]


def test_documents_of_s3() -> None:
    moment = datetime(2009, 10, 12, 17, 50, 30, tzinfo=UTC)
    listed = serialize("s3", "ListObjectsV2", {"Name": "b", "Contents": [{"Key": "a&<\r", "LastModified": moment}]})
    assert listed.headers["Content-Type"] == "application/xml"
    assert listed.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Name>b</Name><Contents><Key>a&amp;&lt;&#xd;</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>"
        b"</Contents></ListBucketResult>"
    )
    assert serialize("s3", "ListBuckets", {}).body.endswith(b'2006-03-01/"></ListAllMyBucketsResult>')
    location = b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</LocationConstraint>'
    assert serialize("s3", "GetBucketLocation", {"LocationConstraint": "eu"}).body.endswith(location % b"eu")
    assert serialize("s3", "GetBucketLocation", {}).body.endswith(location % b"")


def test_headers_of_s3() -> None:
    moment = datetime(2009, 10, 12, 17, 50, 30, tzinfo=UTC)
    result = {
        "LastModified": moment,
        "ContentLength": 3,
        "Metadata": {"a": "é\r\nx: y"},
        "DeleteMarker": False,
        "ContentRange": "bytes 0-2/9",
    }
    response = serialize("s3", "GetObject", result | {"Body": b"abc"})
    assert response.status == 206
    assert response.headers["Last-Modified"] == "Mon, 12 Oct 2009 17:50:30 GMT"
    assert response.headers["Content-Length"] == "3"
    assert response.headers["x-amz-delete-marker"] == "false"
    assert response.headers["x-amz-meta-a"] == "=?UTF-8?B?w6kgIHg6IHk=?="
    assert response.headers["x-amz-request-id"] == "id-1"
    assert len(response.headers["x-amz-id-2"]) == 88
    assert serialize("s3", "HeadObject", {"ContentLength": 3}).body == b""
    assert serialize("s3", "DeleteObject", {}).status == 204
    with pytest.raises(TypeError, match=r"GetObjectOutput\.ContentLength: not an integer"):
        serialize("s3", "GetObject", {"ContentLength": "3"})
    with pytest.raises(TypeError, match="GetObjectOutput has no member Nonsense"):
        serialize("s3", "GetObject", {"Nonsense": "3"})


def test_errors_of_s3() -> None:
    response = failure("s3", "GetObject", AwsError("NoSuchKey", "The key", 404, Key="a&b"))
    assert response.status == 404
    assert b"<Error><Code>NoSuchKey</Code><Message>The key</Message><Key>a&amp;b</Key><RequestId>id-1" in response.body
    assert failure("s3", "GetObject", AwsError("NotModified", "", 304)).body == b""
    assert failure("s3", "HeadObject", AwsError("404", "Not Found", 404)).body == b""
    assert failure("s3", None, AwsError("AccessDenied", "no", 403)).status == 403
    other = failure("route53", "GetHostedZone", AwsError("NoSuchHostedZone", "gone"))
    assert other.status == 404
    assert b"<ErrorResponse" in other.body
    assert other.headers["x-amzn-RequestId"] == "id-1"


def test_lists_in_headers() -> None:
    found = parse("s3", "GetObjectAttributes", x_amz_object_attributes='ETag, "a,b",Checksum')
    assert found["ObjectAttributes"] == ["ETag", "a,b", "Checksum"]


@given(st.text())
def test_header_text_is_one_line(text: str) -> None:
    made = rest.header_text(text)
    assert made.isascii()
    assert not any(character < " " or character == "\x7f" for character in made)
