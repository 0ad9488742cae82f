"""The wire against other services' models: what holds for SageMaker's must hold for any that is added."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "wire"))

from samples import Sampler, differences, parsed, read_response, request_of

from sagewright.core.errors import AwsError, not_implemented
from sagewright.wire import models, protocols
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.patterns import matcher
from sagewright.wire.route import route

SERVICES = [
    "apigateway",
    "athena",
    "bedrock",
    "bedrock-runtime",
    "cloudformation",
    "dynamodb",
    "ec2",
    "ecr",
    "events",
    "firehose",
    "glue",
    "kinesis",
    "kms",
    "lambda",
    "route53",
    "s3control",
    "secretsmanager",
    "servicecatalog",
    "sns",
    "sqs",
    "stepfunctions",
]
TWINS = {"pinpoint-sms-voice", "qconnect"}
"""Services that share paths, signing name and client name with another."""
MANY = {"ec2"}
"""Services of which every seventh operation will do."""
UNMADE = {"WriteGetObjectResponse"}


def operations(service: str) -> list[str]:
    names = models.operation_names(service)
    return names[::7] if service in MANY else names


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_both_ways(service: str) -> None:
    wrong = []
    codec = protocols.codec(models.protocol_of(service))
    for name in operations(service):
        op = models.operation(service, name)
        if op.has_event_stream_input or op.has_event_stream_output:
            continue
        params = Sampler(f"{service}.{name}").members(op.input_shape, everything=True)
        if service == "s3control" and "AccountId" in params:
            params["AccountId"] = "123456789012"
        found = parsed(service, name, *request_of(service, name, params))
        wrong += [f"{name} input{text}" for text in differences(params, found)]
        if op.output_shape is not None:
            result = Sampler(f"{service}.{name}.out", millis=True).members(op.output_shape, everything=True)
            shown = read_response(service, codec.serialize(op, result, "id"), op.output_shape)
            shown.pop("ResponseMetadata")
            wrong += [f"{name} output{text}" for text in differences(result, shown)]
    assert not wrong


@pytest.mark.parametrize("service", SERVICES)
def test_an_operation_that_is_not_there_is_named(service: str) -> None:
    op = models.operation(service, operations(service)[0])
    protocol = models.protocol_of(service)
    response = protocols.codec(protocol).serialize_error(op, not_implemented(service, op.name), "id")
    error = read_response(service, response, op.output_shape)["Error"]
    assert (response.status, error["Code"]) == (501, "NotImplemented")
    assert f"{service}.{op.name}" in error["Message"]


def test_every_service_of_botocore_is_found_by_its_signature() -> None:
    for name, entry in models.catalog().items():
        operation = models.operation_names(name)[0]
        op = models.operation(name, operation)
        params = Sampler(name, rich=False).members(op.input_shape, everything=True)
        try:
            request, body = request_of(name, operation, params)
        except Exception:
            continue
        client = entry.service_id.lower().replace(" ", "-")
        scope = f"AWS4-HMAC-SHA256 Credential=AKID/20240101/eu-west-1/{entry.signing_name}/aws4_request, Signature=0"
        headers = [*request.headers.items(), ("authorization", scope), ("user-agent", f"Boto3 api/{client}#1.0")]
        signed = HttpRequest(request.method, request.path, request.query, Headers(headers), Body.of(body))
        form = {"Action": operation, "Version": entry.api_version} if b"Action=" in body else None
        found = route(signed, form)
        assert found.operation == operation
        assert found.service == name or name in TWINS


def test_every_service_has_a_codec() -> None:
    for name in models.catalog():
        protocol = models.protocol_of(name)
        assert protocols.codec(protocol).serialize_error(None, AwsError("X", "y"), "id").status == 400


def test_hostile_text_takes_no_time_for_any_pattern() -> None:
    """A second or so for all of AWS's patterns."""
    for service in ("sagemaker", "s3", "iam", "glue", "ecr", "events"):
        for shape in models.service(service)._service_description["shapes"].values():
            matches = matcher(shape["pattern"]) if "pattern" in shape else None
            if matches is None:
                continue
            for start in ("", "arn:aws:", "s3://", "https://", "$.", "aws."):
                for unit in ("a", "a-", ".", "/a", " ", ":a"):
                    matches(start + unit * 30 + "\x00")
                    matches(start + unit * 120 + "\x00")
