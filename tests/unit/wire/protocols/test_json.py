import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.wire import models, protocols
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.route import Route

ROUTE = Route("sagemaker", "", "json", "000000000000", "us-east-1", "", {}, False)
CODEC = protocols.codec("json")


def parse(operation: str, body: bytes, service: str = "sagemaker", **headers: str) -> dict[str, Any]:
    request = HttpRequest(
        "POST", "/", "", Headers([(k.replace("_", "-"), v) for k, v in headers.items()]), Body.of(body)
    )
    return CODEC.parse(models.operation(service, operation), request, ROUTE, body)


def serialize(operation: str, result: dict[str, Any], service: str = "sagemaker") -> Any:
    response = CODEC.serialize(models.operation(service, operation), result, "id-1")
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("DescribeTrainingJob", b'{"TrainingJobName": 5}', "NUMBER_VALUE can not be converted to a String"),
        ("DescribeTrainingJob", b'{"TrainingJobName": true}', "TRUE_VALUE can not be converted to a String"),
        ("ListModels", b'{"MaxResults": "5"}', "STRING_VALUE can not be converted to an Integer"),
        ("ListModels", b'{"MaxResults": 5.5}', "NUMBER_VALUE can not be converted to an Integer"),
        ("ListModels", b'{"MaxResults": 3000000000}', "NUMBER_VALUE can not be converted to an Integer"),
        ("ListModels", b'{"CreationTimeAfter": "soon"}', "STRING_VALUE can not be converted to a Timestamp"),
        ("ListModels", b'{"CreationTimeAfter": 1e300}', "NUMBER_VALUE can not be converted to a Timestamp"),
        ("CreateModel", b'{"EnableNetworkIsolation": "true"}', "STRING_VALUE can not be converted to a Boolean"),
        ("CreateModel", b'{"ModelName": {}}', "Start of structure or map found where not expected."),
        ("CreateModel", b'{"ModelName": []}', "Start of list found where not expected."),
        ("CreateModel", b'{"Tags": "x"}', "Expected list or null"),
        ("CreateModel", b'{"PrimaryContainer": []}', "Expected map or null"),
        ("CreateModel", b"[]", "Expected map or null"),
        ("CreateModel", b"{", "Unable to parse the request body as JSON."),
        ("CreateModel", b'{"ModelName": NaN}', "Unable to parse the request body as JSON."),
        ("CreateModel", b'{"ModelName": "\xff"}', "Unable to parse the request body as JSON."),
        ("CreateModel", rb'{"ModelName": "\ud800"}', "Unable to parse the request body as JSON."),
        ("CreateModel", b"[" * 100_000, "Unable to parse the request body as JSON."),
        ("CreateModel", b'{"x":' + b"[" * 300 + b"]" * 300 + b"}", "The request body nests too deeply."),
    ],
)
def test_what_does_not_fit_is_refused_in_the_words_of_aws(operation: str, body: bytes, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(operation, body)
    assert (caught.value.code, caught.value.status, caught.value.message) == ("SerializationException", 400, message)


def test_what_aws_lets_pass() -> None:
    assert parse("ListModels", b"") == {}
    assert parse("ListModels", b'{"Unknown": 1, "NextToken": null}') == {}
    assert parse("ListModels", b'{"MaxResults": 5.0}') == {"MaxResults": 5}
    assert parse("CreateModel", rb'{"ModelName": "\ud83d\ude00"}') == {"ModelName": "😀"}


def test_timestamps_are_aware_both_ways() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    for text in (b"1704164645.678", b'"2024-01-02T03:04:05.678Z"'):
        assert parse("ListModels", b'{"CreationTimeAfter": ' + text + b"}") == {"CreationTimeAfter": moment}
    for value in (moment, moment.replace(tzinfo=None), 1704164645.678_4):
        assert serialize("DescribeModel", {"CreationTime": value}) == {"CreationTime": 1704164645.678}
    assert CODEC.serialize(models.operation("sagemaker", "DescribeModel"), {"CreationTime": 1.7e9}, "x").body == (
        b'{"CreationTime":1700000000}'
    )


def test_compressed_bodies() -> None:
    import gzip

    packed = gzip.compress(b'{"NextToken": "a"}')
    assert parse("ListModels", packed, content_encoding="gzip") == {"NextToken": "a"}
    with pytest.raises(AwsError, match="not gzip"):
        parse("ListModels", b"{}", content_encoding="gzip")
    bomb = gzip.compress(bytes(65 * 2**20))
    with pytest.raises(AwsError, match="inflates"):
        parse("ListModels", bomb, content_encoding="gzip")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"Nonsense": 1}, "DescribeModelOutput has no member Nonsense"),
        ({"ModelName": 5}, "DescribeModelOutput.ModelName: not a string: 5"),
        ({"EnableNetworkIsolation": 1}, "DescribeModelOutput.EnableNetworkIsolation: not a boolean: 1"),
        ({"PrimaryContainer": {"Nonsense": 1}}, "ContainerDefinition has no member Nonsense"),
        ({"PrimaryContainer": "x"}, "ContainerDefinition: not a structure"),
        ({"Containers": {}}, "DescribeModelOutput.Containers: not a list: {}"),
    ],
)
def test_results_that_do_not_fit_are_our_own_bugs(result: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError) as caught:
        serialize("DescribeModel", result)
    assert words in str(caught.value)


def test_none_is_left_out() -> None:
    assert serialize("DescribeModel", {"ModelName": "m", "ExecutionRoleArn": None}) == {"ModelName": "m"}
    assert CODEC.serialize(models.operation("sagemaker", "DeleteModel"), {}, "id").body == b""


def test_errors_name_their_shape() -> None:
    op = models.operation("sagemaker", "DescribeModel")
    response = CODEC.serialize_error(op, AwsError("ValidationException", "no"), "id-1")
    assert response.headers["x-amzn-RequestId"] == "id-1"
    assert response.body == b'{"__type":"ValidationException","message":"no"}'
    found = CODEC.serialize_error(op, AwsError("ResourceNotFound", "gone"), "id-1")
    assert found.body == b'{"__type":"ResourceNotFound","Message":"gone"}'
    assert CODEC.serialize_error(None, AwsError("X", "no", 501), "id-1").status == 501


def test_services_that_left_the_query_protocol_keep_its_codes() -> None:
    op = models.operation("sqs", "GetQueueUrl")
    response = CODEC.serialize_error(op, AwsError("QueueDoesNotExist", "gone"), "id-1")
    assert response.headers["x-amzn-query-error"] == "QueueDoesNotExist;Sender"
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["__type"] == "QueueDoesNotExist"
    given = {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}  # the model does not tell
    response = CODEC.serialize_error(op, AwsError("QueueDoesNotExist", "gone", headers=given), "id-1")
    assert response.headers["x-amzn-query-error"] == given["x-amzn-query-error"]
