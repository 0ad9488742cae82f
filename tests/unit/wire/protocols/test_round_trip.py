"""Every operation of the services Sagewright is about, both ways against botocore itself."""

from typing import Any

import pytest
from samples import Sampler, differences, parsed, read_response, request_of

from sagewright.core.errors import AwsError
from sagewright.wire import models, protocols

SERVICES = [
    ("cloudwatch", "json"),
    ("cloudwatch", "query"),
    ("cloudwatch", "smithy-rpc-v2-cbor"),
    ("iam", "query"),
    ("logs", "json"),
    ("s3", "rest-xml"),
    ("sagemaker", "json"),
    ("sagemaker-featurestore-runtime", "rest-json"),
    ("sagemaker-metrics", "rest-json"),
    ("sagemaker-runtime", "rest-json"),
    ("sts", "query"),
]
# Two members under one name on the wire; botocore cannot read them either.
AMBIGUOUS = {"GetBucketNotification", "PutBucketNotification"}
UNMADE = {"WriteGetObjectResponse"}
"""Its host prefix needs a parameter that is a host name."""


def operations(service: str) -> list[Any]:
    names = (name for name in models.operation_names(service) if name not in AMBIGUOUS | UNMADE)
    return [models.operation(service, name) for name in names]


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(("service", "protocol"), SERVICES)
def test_requests(service: str, protocol: str, everything: bool) -> None:
    wrong = []
    for op in operations(service):
        if op.has_event_stream_input:
            continue
        sampler = Sampler(f"{service}.{op.name}.{everything}")
        params = sampler.members(op.input_shape, everything=everything)
        found = parsed(service, op.name, *request_of(service, op.name, params, protocol), protocol)
        wrong += [f"{op.name}{text}" for text in differences(params, found)]
    assert not wrong


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
def test_results(service: str, protocol: str) -> None:
    wrong = []
    codec = protocols.codec(protocol)
    for op in operations(service):
        if op.has_event_stream_output or op.output_shape is None or op.name == "GetBucketLocation":
            continue
        result = Sampler(f"{service}.{op.name}", millis=True).members(op.output_shape, everything=True)
        found = read_response(service, codec.serialize(op, result, "id-1"), op.output_shape, protocol)
        metadata = found.pop("ResponseMetadata")
        assert metadata["RequestId"] == "id-1"
        wrong += [f"{op.name}{text}" for text in differences(result, found)]
    assert not wrong


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
def test_modelled_errors(service: str, protocol: str) -> None:
    codec = protocols.codec(protocol)
    for op in operations(service):
        if op.http.get("method") == "HEAD":
            continue
        for shape in op.error_shapes:
            members = Sampler(f"{service}.{shape.name}").members(shape, everything=True)
            members = {name: value for name, value in members.items() if name.lower() != "message"}
            error = AwsError(shape.name, "what <is> wrong", **members)
            response = codec.serialize_error(op, error, "id-1")
            assert 400 <= response.status < 600
            found = read_response(service, response, op.output_shape, protocol)
            assert found["Error"]["Message"] == "what <is> wrong"
            assert found["Error"]["Code"] == shape.error_code
            again = read_response(service, response, shape, protocol)
            wrong = [text for text in differences(members, again) if "essage" not in text]
            assert not wrong


def test_services_of_two_protocols() -> None:
    """CloudWatch's newer clients speak CBOR, others JSON or the query protocol."""
    op = models.operation("cloudwatch", "ListMetrics")
    result = {"Metrics": [{"Namespace": "n", "MetricName": "m", "Dimensions": [{"Name": "a", "Value": "b"}]}]}
    params = {"Namespace": "n", "Dimensions": [{"Name": "a", "Value": "b"}, {"Name": "c"}]}
    for protocol in ("json", "query", "smithy-rpc-v2-cbor"):
        found = parsed("cloudwatch", op.name, *request_of("cloudwatch", op.name, params, protocol), protocol)
        assert found == params
        response = protocols.codec(protocol).serialize(op, result, "id")
        shown = read_response("cloudwatch", response, op.output_shape, protocol)
        assert shown["Metrics"] == result["Metrics"]
