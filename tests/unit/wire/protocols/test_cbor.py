import gzip
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
        cbor2.dumps({"StartTime": cbor2.CBORTag(1, 2**63)}),
        cbor2.dumps({"StartTime": cbor2.CBORTag(1, "5")}),
        cbor2.dumps({}) * 2,  # more than one item
        cbor2.dumps({}) + b"\xff",
        cbor2.dumps({5: 5}),
        b"\xbf",
        b"\xa1\x61a\x62\xff\xfe",  # text that is not UTF-8
        b"\x9b\x00\x00\x00\xff\xff\xff\xff\xff",
        b"\xbb\x00\x00\x00\x00\x0f\xff\xff\xff",
        b"\x81" * 129 + b"\x00",
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


@pytest.mark.parametrize(
    ("body", "members"),
    [
        (b"", {}),
        (b"\xa0", {}),
        (b"\xbf\xff", {}),
        (b"\xbf\x6dMaxDatapoints\x05\xff", {"MaxDatapoints": 5}),
        (b"\xa1\x7f\x63Max\x6aDatapoints\xff\x05", {"MaxDatapoints": 5}),
        (b"\xa1\x6dMaxDatapoints\xf9\x45\x00", {"MaxDatapoints": 5}),  # a half float
        (b"\xa1\x6dMaxDatapoints\xf6", {}),  # null
        (b"\xa1\x6dMaxDatapoints\xf7", {}),  # undefined
        (b"\xa2\x6dMaxDatapoints\x05\x6dMaxDatapoints\x06", {"MaxDatapoints": 6}),
        (b"\xa1\x65Other\xa1\x61a\x9f\x01\xff", {}),  # a member nobody knows
        (b"\xa1\x69StartTime\xc1\xf9\x3c\x00", {"StartTime": datetime.fromtimestamp(1, UTC)}),
        (b"\xa1\x69StartTime\xc1\x01", {"StartTime": datetime.fromtimestamp(1, UTC)}),
        (b"\xa1\x69StartTime\xc1\x20", {"StartTime": datetime.fromtimestamp(-1, UTC)}),
        (b"\xa1\x69StartTime\xc1\xfa\x3f\xc0\x00\x00", {"StartTime": datetime.fromtimestamp(1.5, UTC)}),
    ],
)
def test_forms_of_a_value(body: bytes, members: dict[str, Any]) -> None:
    assert parse("GetMetricData", body) == members


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, 415),
        ({"content-type": "application/cbor; charset=utf-8"}, 0),
        ({"accept": "application/json"}, 406),
        ({"accept": "text/html, */*;q=0.5"}, 0),
        ({"accept": "application/vnd.amazon.eventstream"}, 0),
    ],
)
def test_content_types(headers: dict[str, str], status: int) -> None:
    request = HttpRequest("POST", "/", "", Headers(headers.items()), Body.of(b"\xa0"))
    op = models.operation("cloudwatch", "GetMetricData")
    if not status:
        assert CODEC.parse(op, request, ROUTE, b"\xa0") == {}
        return
    with pytest.raises(AwsError) as caught:
        CODEC.parse(op, request, ROUTE, b"\xa0")
    assert CODEC.serialize_error(op, caught.value, "id").status == status


def compressed(body: bytes) -> dict[str, Any]:
    request = HttpRequest("POST", "/", "", Headers([("content-encoding", "gzip")]), Body.of(body))
    return CODEC.parse(models.operation("cloudwatch", "GetMetricData"), request, ROUTE, body)


def test_compressed_bodies() -> None:
    packed = gzip.compress(cbor2.dumps({"MaxDatapoints": 5}))
    assert compressed(packed) == {"MaxDatapoints": 5}
    for body, status in (
        (packed[:-1], 400),
        (packed[:12], 400),
        (b"no gzip", 400),
        (gzip.compress(bytes(2**24 + 1)), 413),
    ):
        with pytest.raises(AwsError) as caught:
            compressed(body)
        assert caught.value.status == status
