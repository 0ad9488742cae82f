"""Metric filters over the real CloudWatch of this process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.cloudwatch import cloudwatch
from sagewright.services.logs import logs

GROUP = "group"


@pytest.fixture
def call(in_process):
    in_process.add(logs, cloudwatch)
    in_process.call("logs", "create_log_group", logGroupName=GROUP)
    in_process.call("logs", "create_log_stream", logGroupName=GROUP, logStreamName="s")
    return lambda operation, **members: in_process.call("logs", operation, **members)


def put_filter(call, pattern: str, name: str = "f", **transformation: Any) -> None:
    transformation = {"metricName": "M", "metricNamespace": "N", "metricValue": "1", **transformation}
    call(
        "put_metric_filter",
        logGroupName=GROUP,
        filterName=name,
        filterPattern=pattern,
        metricTransformations=[transformation],
    )


def put(call, in_process, *messages: str, ago: int = 0) -> None:
    at = int(in_process.clock.now() * 1000) - ago
    events = [{"timestamp": at, "message": message} for message in messages]
    call("put_log_events", logGroupName=GROUP, logStreamName="s", logEvents=events)


def points(in_process, *, metric: str = "M", **dimensions: str) -> list[tuple[float, float]]:
    """(SampleCount, Sum) of each minute."""
    now = datetime.fromtimestamp(in_process.clock.now(), UTC)
    found = in_process.call(
        "cloudwatch",
        "get_metric_statistics",
        Namespace="N",
        MetricName=metric,
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=60,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistics=["SampleCount", "Sum"],
    )["Datapoints"]
    return [(point["SampleCount"], point["Sum"]) for point in sorted(found, key=lambda point: point["Timestamp"])]


def test_occurrences_are_counted(call, in_process):
    put(call, in_process, "ERROR before there was a filter")
    put_filter(call, "ERROR")
    put(call, in_process, "ERROR a", "fine", "ERROR b")
    assert points(in_process) == [(2, 2)]
    assert call("describe_log_groups")["logGroups"][0]["metricFilterCount"] == 1
    call("delete_metric_filter", logGroupName=GROUP, filterName="f")
    put(call, in_process, "ERROR c")
    assert points(in_process) == [(2, 2)]
    assert call("describe_log_groups")["logGroups"][0]["metricFilterCount"] == 0


def test_values_of_json(call, in_process):
    put_filter(call, "{ $.latency = * }", metricValue="$.latency", unit="Milliseconds")
    put(call, in_process, '{"latency": 10}', '{"latency": 2.5}', '{"latency": "slow"}', '{"other": 1}', "text")
    assert points(in_process) == [(2, 12.5)]


def test_values_of_fields_with_dimensions(call, in_process):
    put_filter(call, "[host, method, size > 5]", metricValue="$size", dimensions={"Host": "$host", "Method": "$method"})
    put(call, in_process, "a GET 10", "a GET 20", "b PUT 30", "b PUT 1", "b PUT")
    assert points(in_process, Host="a", Method="GET") == [(2, 30)]
    assert points(in_process, Host="b", Method="PUT") == [(1, 30)]
    assert points(in_process) == []


def test_a_default_stands_for_minutes_without_a_match(call, in_process):
    put_filter(call, "ERROR", defaultValue=0.0)
    put(call, in_process, "fine", "fine", ago=120_000)
    put(call, in_process, "fine", "ERROR")
    assert points(in_process) == [(1, 0), (1, 1)]


def test_what_is_described(call, in_process):
    put_filter(call, "A", "a1", metricName="X")
    put_filter(call, "B", "b1")
    put_filter(call, "A2", "a1", metricName="X")  # replaced
    shown = call("describe_metric_filters", logGroupName=GROUP)["metricFilters"]
    assert [(one["filterName"], one["filterPattern"], one["logGroupName"]) for one in shown] == [
        ("a1", "A2", GROUP),
        ("b1", "B", GROUP),
    ]
    assert shown[0]["metricTransformations"] == [{"metricName": "X", "metricNamespace": "N", "metricValue": "1"}]

    def names(**members: Any) -> list[str]:
        return [one["filterName"] for one in call("describe_metric_filters", **members)["metricFilters"]]

    assert names() == ["a1", "b1"]
    assert names(metricName="M", metricNamespace="N") == ["b1"]
    assert names(filterNamePrefix="a") == ["a1"]
    first = call("describe_metric_filters", limit=1)
    assert names(limit=1, nextToken=first["nextToken"]) == ["b1"]
    call("delete_log_group", logGroupName=GROUP)
    assert names() == []


def test_a_pattern_tried_on_messages(call):
    messages = ["a 404 x", "b 200 y", "c 405 z"]
    found = call("test_metric_filter", filterPattern="[who, status = 4*, what]", logEventMessages=messages)["matches"]
    assert found == [
        {"eventNumber": 1, "eventMessage": "a 404 x", "extractedValues": {"$who": "a", "$status": "404", "$what": "x"}},
        {"eventNumber": 3, "eventMessage": "c 405 z", "extractedValues": {"$who": "c", "$status": "405", "$what": "z"}},
    ]
    found = call("test_metric_filter", filterPattern='{ $.a = "b" }', logEventMessages=['{"a":"b"}', '{"a":"c"}'])
    assert found["matches"] == [{"eventNumber": 1, "eventMessage": '{"a":"b"}', "extractedValues": {"$.a": "b"}}]


@pytest.mark.parametrize(
    ("pattern", "transformation"),
    [
        ("{ $.a = ", {}),
        ("a", {"metricValue": "x"}),
        ("a", {"metricValue": "$.x"}),
        ("{ $.a = 1 }", {"dimensions": {"A": "a"}}),
        ("{ $.a = 1 }", {"dimensions": {"A": "$.a"}, "defaultValue": 1.0}),
        ("{ $.a = 1 }", {"dimensions": dict.fromkeys("ABCD", "$.a")}),
        ("a", {"metricNamespace": "AWS/Logs"}),
    ],
)
def test_refusals(call, pattern, transformation):
    with pytest.raises(AwsError) as caught:
        put_filter(call, pattern, **transformation)
    assert caught.value.code == "InvalidParameterException"


def test_what_is_not_there(call):
    for operation, members, code in (
        ("delete_metric_filter", {"logGroupName": GROUP, "filterName": "x"}, "ResourceNotFoundException"),
        ("describe_metric_filters", {"logGroupName": "x"}, "ResourceNotFoundException"),
        ("describe_metric_filters", {"metricName": "x"}, "InvalidParameterException"),
    ):
        with pytest.raises(AwsError) as caught:
            call(operation, **members)
        assert caught.value.code == code
