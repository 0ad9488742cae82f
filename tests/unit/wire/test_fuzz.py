"""Whatever a body holds, the client is told that it is wrong: never an error of the server's own."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import Sampler, request_of

from sagewright.core.errors import AwsError
from sagewright.wire import models, protocols
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.paths import paths
from sagewright.wire.route import Route, needs_body, route
from sagewright.wire.sigv4 import check_expiry, credential
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
        validate(op, codec.parse(op, request, to, body))
    except AwsError as error:
        assert codec.serialize_error(op, error, "id").status < 500  # noqa: PT017 - it may also pass


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
    request, body = request_of(service, operation, sample(service, operation), protocol)
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


@settings(deadline=None)
@given(_JSON)
def test_json_of_any_form(value: Any) -> None:
    request = HttpRequest("POST", "/", "", Headers(), Body.of(b""))
    handle("sagemaker", "CreateTrainingJob", "json", request, json.dumps(value).encode())


_ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
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
