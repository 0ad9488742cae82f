from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest

from sagewright.core.errors import AwsError
from sagewright.wire import models, protocols
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.route import CBOR, Route

CODEC = protocols.codec(CBOR)
ROUTE = Route("cloudwatch", "", CBOR, "000000000000", "us-east-1", "", {}, False)


def parse(operation: str, body: bytes) -> dict[str, Any]:
    request = HttpRequest("POST", "/", "", Headers(), Body.of(body))
    return CODEC.parse(models.operation("cloudwatch", operation), request, ROUTE, body)


def test_timestamps_have_a_tag() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)
    for stamp in (1704164645.5,):
        body = cbor2.dumps({"StartTime": cbor2.CBORTag(1, stamp)})
        assert parse("GetMetricData", body) == {"StartTime": moment}
    op = models.operation("cloudwatch", "GetMetricData")
    response = CODEC.serialize(op, {"MetricDataResults": [{"Timestamps": [moment], "Values": [1]}]}, "id-1")
    assert response.headers == {
        "x-amzn-RequestId": "id-1",
        "smithy-protocol": "rpc-v2-cbor",
        "Content-Type": "application/cbor",
    }
    assert cbor2.loads(response.body)["MetricDataResults"][0]["Timestamps"] == [moment]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\xa1",
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9f" * 100_000,
        b"\xa1\x61a\xd8\x1c\x81\xd8\x1d\x00",  # a list that holds itself
        cbor2.dumps({"a": cbor2.CBORTag(35, "(a*)*")}),
        cbor2.dumps({"a": cbor2.CBORTag(99, 1)}),
        cbor2.dumps([]),
        cbor2.dumps({"Namespace": 5}),
        cbor2.dumps({"Namespace": b"x"}),
        cbor2.dumps({"StartTime": 5}),
        cbor2.dumps({"MaxDatapoints": "5"}),
        cbor2.dumps({"MaxDatapoints": 2**70}),
        cbor2.dumps({"MetricDataQueries": {"a": 1}}),
        cbor2.dumps({"StartTime": cbor2.CBORTag(1, float("nan"))}),
    ],
)
def test_malformed_bodies(body: bytes) -> None:
    operation = "ListMetrics" if b"Namespace" in body else "GetMetricData"
    with pytest.raises(AwsError) as caught:
        parse(operation, body)
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


def test_errors() -> None:
    op = models.operation("cloudwatch", "GetDashboard")
    response = CODEC.serialize_error(op, AwsError("DashboardNotFoundError", "gone"), "id-1")
    assert cbor2.loads(response.body) == {"__type": "DashboardNotFoundError", "message": "gone"}
    assert response.headers["x-amzn-query-error"] == "ResourceNotFound;Sender"
    assert response.status == 404
