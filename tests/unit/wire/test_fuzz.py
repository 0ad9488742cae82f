"""Whatever a body holds, the client is told that it is wrong: never an error of the server's own."""

import asyncio
import gzip
import json
import random
import time
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import Sampler, request_of

from sagewright.core.errors import AwsError
from sagewright.wire import models, protocols
from sagewright.wire.eventstream import Kind, Message, encode
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.paths import paths
from sagewright.wire.protocols.json import EVENTS
from sagewright.wire.route import Route, needs_body, route
from sagewright.wire.signing.aws_chunked import BadChunks, Decoder
from sagewright.wire.signing.credentials import check_expiry, credential
from sagewright.wire.validate import validate

OPERATIONS = [
    ("sagemaker", "CreateTrainingJob", "json"),
    ("sagemaker-featurestore-runtime", "PutRecord", "rest-json"),
    ("sagemaker-runtime", "InvokeEndpoint", "rest-json"),
    ("s3", "PutBucketLifecycleConfiguration", "rest-xml"),
    ("s3", "CompleteMultipartUpload", "rest-xml"),
    ("sts", "AssumeRole", "query"),
    ("ec2", "RunInstances", "ec2"),
    ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor"),
    ("cloudwatch", "PutMetricData", "query"),
    ("cloudwatch", "GetMetricData", "smithy-rpc-v2-cbor"),
    ("logs", "PutLogEvents", "json"),
    ("s3", "PutBucketNotificationConfiguration", "rest-xml"),
    ("lexv2-runtime", "StartConversation", "rest-json"),
]


def handle(service: str, operation: str, protocol: str, request: HttpRequest, body: bytes) -> None:
    op = models.operation(service, operation)
    labels: dict[str, str] = {}
    if protocol.startswith("rest"):
        found = paths(service).match(request.method, request.path, request.query, request.headers)
        labels = found[1] if found is not None else {}
    to = Route(service, operation, protocol, "000000000000", "us-east-1", "", labels, False)
    codec = protocols.codec(protocol)
    try:
        members = codec.parse(op, request, to, body)
        validate(op, members)
        if op.has_event_stream_input:
            asyncio.run(read_out(members[op.input_shape.event_stream_name]))
    except AwsError as error:
        assert codec.serialize_error(op, error, "id").status < 500  # noqa: PT017 - it may also pass


async def read_out(stream: Any) -> None:
    async for _ in stream:
        pass


def good_body(service: str, operation: str, protocol: str) -> tuple[HttpRequest, bytes]:
    """A request of botocore's; where botocore has none, of a client's frames."""
    op = models.operation(service, operation)
    request, body = request_of(service, operation, sample(service, operation), protocol)
    if op.has_event_stream_input:
        union = op.input_shape.members[op.input_shape.event_stream_name]
        body = b"".join(
            encode(
                Message(
                    {":message-type": (Kind.STRING, "event"), ":event-type": (Kind.STRING, name)},
                    EVENTS.write(member, Sampler(name).members(member, everything=True)),
                )
            )
            for name, member in union.members.items()
        )
    return request, body


@pytest.mark.parametrize(("service", "operation", "protocol"), OPERATIONS)
def test_random_bytes(service: str, operation: str, protocol: str) -> None:
    source = random.Random(service + operation)
    request, _ = request_of(service, operation, sample(service, operation), protocol)
    for _ in range(300):
        handle(service, operation, protocol, request, source.randbytes(source.randint(0, 40)))


@pytest.mark.parametrize(("service", "operation", "protocol"), OPERATIONS)
def test_damaged_bodies(service: str, operation: str, protocol: str) -> None:
    """A good body with some bytes changed, cut, doubled."""
    source = random.Random(service + operation)
    request, body = good_body(service, operation, protocol)
    handle(service, operation, protocol, request, body)
    for _ in range(300):
        damaged = bytearray(body)
        for _ in range(source.randint(1, 4)):
            at = source.randrange(len(damaged) + 1)
            match source.randrange(3):
                case 0 if at < len(damaged):
                    damaged[at] = source.randrange(256)
                case 1:
                    del damaged[at : at + source.randint(1, 9)]
                case _:
                    damaged[at:at] = damaged[at : at + source.randint(1, 30)]
        handle(service, operation, protocol, request, bytes(damaged))


def sample(service: str, operation: str) -> dict[str, Any]:
    return Sampler(operation).members(models.operation(service, operation).input_shape, everything=True)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Tags", "Key", "HyperParameters", "InputDataConfig", "ResourceConfig", "InstanceCount"]),
            inner,
        )
    ),
    max_leaves=10,
)


@given(_JSON)
def test_json_of_any_form(value: Any) -> None:
    request = HttpRequest("POST", "/", "", Headers(), Body.of(b""))
    handle("sagemaker", "CreateTrainingJob", "json", request, json.dumps(value).encode())


_ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "x"]),
    path=_ASCII,
    query=_ASCII,
    host=_ASCII,
    authorization=_ASCII
    | st.builds("AWS4-HMAC-SHA256 Credential={}/20240101/r/{}/aws4_request".format, _ASCII, _ASCII),
    target=st.just("") | _ASCII,
)
def test_requests_of_any_form(method: str, path: str, query: str, host: str, authorization: str, target: str) -> None:
    headers = Headers([("host", host), ("authorization", authorization), ("x-amz-target", target)])
    request = HttpRequest(method, f"/{path}", query, headers, Body.of(b""))
    for step in (route, needs_body, credential, lambda asked: check_expiry(asked, 1.7e9)):
        try:
            step(request)
        except AwsError as error:
            assert error.status < 500  # noqa: PT017 - it may also pass


_LARGE = 2**24
_XML = "<CompleteMultipartUpload>%s</CompleteMultipartUpload>"
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "entities": ("s3", "CompleteMultipartUpload", f'<!DOCTYPE x [<!ENTITY l0 "ha">{_LAUGHS}]>' + _XML % "&l9;"),
    "external entity": ("s3", "CompleteMultipartUpload", '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + _XML % ""),
    "deep XML": ("s3", "CompleteMultipartUpload", "<a>" * (_LARGE // 3)),
    "closed deep XML": ("s3", "CompleteMultipartUpload", _XML % ("<Part>" * 80_000 + "</Part>" * 80_000)),
    "many elements": ("s3", "CompleteMultipartUpload", _XML % ("<Part/>" * (_LARGE // 7))),
    "many attributes": ("s3", "CompleteMultipartUpload", "<a " + " ".join(f"a{n}='1'" for n in range(600_000)) + "/>"),
    "deep JSON": ("sagemaker", "CreateTrainingJob", '{"a":' * (_LARGE // 5)),
    "closed deep JSON": ("sagemaker", "CreateTrainingJob", '{"a":' * 500 + "1" + "}" * 500),
    "many lists": ("sagemaker", "CreateTrainingJob", '{"Tags":[' + "[]," * (_LARGE // 3) + "[]]}"),
    "a long number": ("sagemaker", "CreateTrainingJob", '{"Tags":' + "1" * _LARGE + "}"),
    "many fields": ("sts", "AssumeRole", "Action=AssumeRole" + "&a=b" * (_LARGE // 4)),
    "deep names": ("sts", "AssumeRole", "a" + ".1" * 100_000 + "=x"),
    "deep lists": ("sts", "AssumeRole", "PolicyArns" + ".member.1" * 20 + "=x"),
    "a far place": ("sts", "AssumeRole", "PolicyArns.member.999999999.arn=x"),
    "deep CBOR": ("cloudwatch", "GetMetricData", b"\x81" * 2**20),
    "open CBOR": ("cloudwatch", "GetMetricData", b"\x9f" * 2**20),
    "many lists of CBOR": ("cloudwatch", "GetMetricData", b"\x9a\x00\x0f\xff\x00" + b"\x80" * 0xFFF00),
    "a declared list": ("cloudwatch", "GetMetricData", b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x01"),
    "a declared text": ("cloudwatch", "GetMetricData", b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xffa"),
    "a declared number": ("cloudwatch", "GetMetricData", b"\xa1\x61a\xc2\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    "shared CBOR": ("cloudwatch", "GetMetricData", b"\xa1\x61a\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00"),
}
_HANG = 60
"""Seconds of processor time no body needs, however slow the machine; quadratic work on a bomb takes hours."""
_SPEAKS = {"s3": "rest-xml", "sagemaker": "json", "sts": "query", "cloudwatch": "smithy-rpc-v2-cbor"}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_bombs(name: str, packed: bool) -> None:
    """Refused, or nothing found in them: soon, and with no more memory than a body may take anyway."""
    service, operation, text = HOSTILE[name]
    body = text.encode() if isinstance(text, str) else text
    headers = Headers([("content-encoding", "gzip")] if packed else [])
    request = HttpRequest("POST", "/b/k", "uploadId=1", headers, Body.of(b""))
    body = gzip.compress(body, 1) if packed else body
    began = time.process_time()
    handle(service, operation, _SPEAKS[service], request, body)
    assert time.process_time() - began < _HANG


@pytest.mark.parametrize("size", [2**24, 2**27])
def test_a_small_body_that_inflates(size: int) -> None:
    packer = zlib.compressobj(wbits=31)
    body = b"".join(
        [*(packer.compress(bytes(2**20)) for _ in range(size >> 20)), packer.compress(b"x"), packer.flush()]
    )
    request = HttpRequest("POST", "/", "", Headers([("content-encoding", "gzip")]), Body.of(b""))
    with pytest.raises(AwsError) as caught:
        protocols.codec("json").parse(models.operation("logs", "PutLogEvents"), request, _ROUTE, body)
    assert caught.value.status in (400, 413)


_ROUTE = Route("logs", "PutLogEvents", "json", "000000000000", "us-east-1", "", {}, False)
_CHUNK = st.one_of(
    st.binary(max_size=20),
    st.builds(lambda data: b"%x\r\n%s\r\n" % (len(data), data), st.binary(max_size=20)),
    st.sampled_from(
        [
            b"0\r\n",
            b"\r\n",
            b"5;chunk-signature=ab\r\nhello\r\n",
            b"ffffffffffffffff\r\n",
            b"fffffffffffffffff\r\n",
            b"-5\r\n",
            b"x-amz-checksum-crc32:AAAAAA==\r\n",
            b"name:\xff\r\n",
        ]
    ),
)


@settings(max_examples=300)
@given(st.lists(_CHUNK, max_size=8).map(b"".join), st.integers(1, 20))
def test_aws_chunked_of_any_form(data: bytes, size: int) -> None:
    decoder = Decoder()
    found = b""
    try:
        for at in range(0, len(data), size):
            found += b"".join(bytes(piece) for piece in decoder.feed(data[at : at + size]))
        decoder.finish()
    except BadChunks:
        pass
    assert len(found) <= len(data)


@settings(max_examples=200)
@given(st.lists(st.tuples(_ASCII, _ASCII), max_size=6), _ASCII)
def test_headers_and_queries_of_any_form(headers: list[tuple[str, str]], query: str) -> None:
    """Where a header, or a parameter of the query, is a member of the input."""
    op = models.operation("s3", "PutObject")
    names = ["x-amz-object-lock-retain-until-date", "expires", "content-length", "x-amz-meta-a", "x-amz-tagging"]
    found = [*headers, *zip(names, (text for _, text in headers), strict=False)]
    request = HttpRequest("PUT", "/b/k", query, Headers(found), Body.of(b""))
    handle("s3", op.name, "rest-xml", request, b"")
    request = HttpRequest("GET", "/b", query, Headers(found), Body.of(b""))
    handle("s3", "ListObjectsV2", "rest-xml", request, b"")
