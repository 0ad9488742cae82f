"""CloudWatch Logs on a real server: paging to the last event, patterns, metric filters, retention, the AWS CLI."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sagewright.testing.server import ServerHandle, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    with running_server(tmp_path_factory.mktemp("logs")) as handle:
        yield handle


@pytest.fixture(scope="module")
def logs(server: ServerHandle) -> Iterator[Any]:
    client = boto3.client("logs", **server.boto3)
    yield client
    client.close()


@pytest.fixture
def group(logs: Any) -> str:
    name = f"group-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="stream")
    return name


def put(logs: Any, group: str, events: list[tuple[int, str]], stream: str = "stream") -> dict[str, Any]:
    described = [{"timestamp": at, "message": message} for at, message in events]
    answer: dict[str, Any] = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=described)
    return answer


def now() -> int:
    return int(time.time() * 1000)


def test_every_event_is_read_once_in_both_directions(logs: Any, group: str) -> None:
    """25,000 events, many of one time; pages of 10,000 and pages of 1 MB."""
    start = now() - 60_000
    for batch in range(5):
        put(
            logs,
            group,
            [(start + number // 100, f"{batch * 5_000 + number:06d}" + "x" * 60) for number in range(5_000)],
        )
    written = [f"{number:06d}" for number in range(25_000)]
    for limit, head in ((10_000, True), (700, True), (10_000, False), (3_333, False)):
        pages, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            page = logs.get_log_events(
                logGroupName=group, logStreamName="stream", startFromHead=head, limit=limit, **more
            )
            following = page["nextForwardToken" if head else "nextBackwardToken"]
            if following == token:
                assert not page["events"]
                break
            assert len(page["events"]) <= limit
            pages.append([event["message"][:6] for event in page["events"]])
            token = following
        read = [message for page in (pages if head else pages[::-1]) for message in page]
        assert sorted(read) == written
        assert len(pages) > 2
    paginator = logs.get_paginator("filter_log_events")
    found = [e["message"][:6] for page in paginator.paginate(logGroupName=group) for e in page["events"]]
    assert sorted(found) == written


def test_time_bounds(logs: Any, group: str) -> None:
    start = now() - 10_000
    put(logs, group, [(start + number, str(number)) for number in range(10)])
    bounds = {"startTime": start + 2, "endTime": start + 5}
    got = logs.get_log_events(logGroupName=group, logStreamName="stream", startFromHead=True, **bounds)
    assert [event["message"] for event in got["events"]] == ["2", "3", "4"], "endTime is exclusive"
    got = logs.filter_log_events(logGroupName=group, **bounds)
    assert [event["message"] for event in got["events"]] == ["2", "3", "4", "5"], "endTime is inclusive"


def test_many_streams_in_one_order(logs: Any, group: str) -> None:
    start = now() - 10_000
    for stream in range(12):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s{stream:02d}")
        put(logs, group, [(start + 12 * number + stream, "x") for number in range(20)], f"s{stream:02d}")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, logStreamNamePrefix="s0", PaginationConfig={"PageSize": 7}
    )
    found = [event for page in pages for event in page["events"]]
    assert len(found) == len({event["eventId"] for event in found}) == 200
    assert [event["timestamp"] for event in found] == sorted(event["timestamp"] for event in found)
    ordered = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    assert [stream["logStreamName"] for stream in ordered][:3] == ["s11", "s10", "s09"]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("ERROR -timeout", [0]),
        ("?ERROR ?WARN", [0, 1, 2]),
        ('"ERROR timeout"', [1]),
        ("%E[A-Z]+R%", [0, 1]),
        ("[level, what, status = 4*]", [2]),
        ("{ $.status = 5* || $.tags[*] = b }", [3]),
    ],
)
def test_patterns(logs: Any, group: str, pattern: str, wanted: list[int]) -> None:
    messages = ["ERROR disk", "ERROR timeout", "WARN net 404", json.dumps({"status": 200, "tags": ["a", "b"]})]
    put(logs, group, [(now(), message) for message in messages])
    found = logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    assert [messages.index(event["message"]) for event in found] == wanted


@pytest.mark.parametrize("pattern", ["{ $.a = ", "[a, b", '"open', "%(%", "{" + "(" * 500])
def test_bad_patterns(logs: Any, group: str, pattern: str) -> None:
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Invalid filter pattern"):
        logs.filter_log_events(logGroupName=group, filterPattern=pattern)


def test_metric_filters_fill_cloudwatch(server: ServerHandle, logs: Any, group: str) -> None:
    logs.put_metric_filter(
        logGroupName=group,
        filterName="latency",
        filterPattern="{ $.latency >= 0 }",
        metricTransformations=[
            {"metricName": group, "metricNamespace": "Journey", "metricValue": "$.latency", "unit": "Milliseconds"}
        ],
    )
    put(logs, group, [(now(), json.dumps({"latency": number})) for number in (5, 10, 30)] + [(now(), "text")])
    cloudwatch = boto3.client("cloudwatch", **server.boto3)
    moment = datetime.now(UTC)
    (point,) = cloudwatch.get_metric_statistics(
        Namespace="Journey",
        MetricName=group,
        StartTime=moment - timedelta(hours=1),
        EndTime=moment + timedelta(hours=1),
        Period=3600,
        Statistics=["SampleCount", "Sum", "Maximum"],
        ExtendedStatistics=["p50"],
    )["Datapoints"][:1]
    cloudwatch.close()
    assert (point["SampleCount"], point["Sum"], point["Maximum"]) == (3, 45, 30)
    assert point["ExtendedStatistics"] == {"p50": 10}
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"][0]["filterName"] == "latency"
    found = logs.test_metric_filter(filterPattern="[a, b]", logEventMessages=["x y", "z"])["matches"]
    assert found == [{"eventNumber": 1, "eventMessage": "x y", "extractedValues": {"$a": "x", "$b": "y"}}]


def test_retention_deletes_on_disk(tmp_path: Path) -> None:
    """A server finds at its start what has expired meanwhile."""
    with running_server(tmp_path / "data") as server:
        logs = boto3.client("logs", **server.boto3)
        logs.create_log_group(logGroupName="old")
        logs.create_log_stream(logGroupName="old", logStreamName="stream")
        put(logs, "old", [(now() - 3 * 86_400_000 - 1000 + number, "x" * 1000) for number in range(900)])
        put(logs, "old", [(now(), "young")])
        logs.put_retention_policy(logGroupName="old", retentionInDays=3)
        assert [event["message"] for event in logs.filter_log_events(logGroupName="old")["events"]] == ["young"]
        server.restart()
        deadline = time.monotonic() + 20
        while logs.describe_log_groups()["logGroups"][0]["storedBytes"] > 1000:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        logs.delete_retention_policy(logGroupName="old")
        assert [event["message"] for event in logs.filter_log_events(logGroupName="old")["events"]] == ["young"]
        logs.close()


def test_what_is_not_there_says_so(logs: Any, group: str) -> None:
    for call, members in (
        (logs.put_subscription_filter, {"filterName": "f", "filterPattern": "", "destinationArn": "arn:aws:x"}),
        (logs.put_transformer, {"logGroupIdentifier": group, "transformerConfig": [{"parseJSON": {}}]}),
    ):
        with pytest.raises(ClientError) as caught:
            call(**({"logGroupName": group} if "filterName" in members else {}), **members)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
