"""CloudWatch on a real server with boto3, which speaks CBOR and compresses what it sends."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def cloudwatch(sagewright_server: Any) -> Iterator[Any]:
    client = boto3.client("cloudwatch", **sagewright_server.boto3)
    yield client
    client.close()


@pytest.fixture
def metric() -> str:
    return f"metric-{uuid.uuid4().hex[:8]}"


def window() -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(hours=3), "EndTime": now + timedelta(hours=1)}


def statistics(cloudwatch: Any, metric: str, **members: Any) -> list[dict[str, Any]]:
    found = cloudwatch.get_metric_statistics(
        Namespace="Journey", MetricName=metric, Period=86_400, **window(), **members
    )["Datapoints"]
    return sorted(found, key=lambda point: point["Timestamp"])


def test_percentiles_of_values(cloudwatch: Any, metric: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=5)
    data = [
        {"MetricName": metric, "Timestamp": at, "Values": [float(n) for n in range(1, 101)], "Unit": "Milliseconds"}
    ]
    cloudwatch.put_metric_data(Namespace="Journey", MetricData=data)
    names = [
        "p0",
        "p50",
        "p99",
        "p99.9",
        "p100",
        "tm90",
        "tc90",
        "ts90",
        "wm90",
        "IQM",
        "PR(11:20)",
        "TM(10%:90%)",
        "TC(:10)",
    ]
    (point,) = statistics(cloudwatch, metric, Statistics=["SampleCount", "Average"], ExtendedStatistics=names[:10])
    assert (point["SampleCount"], point["Average"], point["Unit"]) == (100, 50.5, "Milliseconds")
    more = statistics(cloudwatch, metric, ExtendedStatistics=names[10:])[0]["ExtendedStatistics"]
    assert point["ExtendedStatistics"] | more == {
        "p0": 1,
        "p50": 50,
        "p99": 99,
        "p99.9": 100,
        "p100": 100,
        "tm90": 45.5,
        "tc90": 90,
        "ts90": 4095,
        "wm90": 49.95,
        "IQM": 50.5,
        "PR(11:20)": 9,
        "TM(10%:90%)": 50.5,
        "TC(:10)": 10,
    }


def test_sets_have_no_percentiles(cloudwatch: Any, metric: str) -> None:
    values = {"SampleCount": 10, "Sum": 100, "Minimum": 1, "Maximum": 30}
    data = [{"MetricName": metric, "StatisticValues": values}]
    cloudwatch.put_metric_data(Namespace="Journey", MetricData=data)
    (point,) = statistics(cloudwatch, metric, Statistics=["Average", "Maximum"], ExtendedStatistics=["p50"])
    assert (point["Average"], point["Maximum"]) == (10, 30)
    assert "ExtendedStatistics" not in point


def test_metric_math_over_pages(cloudwatch: Any, metric: str) -> None:
    """1,000 data in one compressed request, read back some at a time in both orders."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=120)
    data = [
        {"MetricName": metric, "Timestamp": start + timedelta(minutes=n // 10), "Value": n % 10, "Dimensions": []}
        for n in range(1_000)
    ]
    cloudwatch.put_metric_data(Namespace="Journey", MetricData=data)
    stat = {"Metric": {"Namespace": "Journey", "MetricName": metric}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "m1", "MetricStat": stat}, {"Id": "e1", "Expression": "m1 / 45 + RUNNING_SUM(m1) * 0"}]
    for order in ("TimestampAscending", "TimestampDescending"):
        found: dict[str, list[float]] = {"m1": [], "e1": []}
        times: dict[str, list[datetime]] = {"m1": [], "e1": []}
        pages = 0
        members: dict[str, Any] = {
            "ScanBy": order,
            "MaxDatapoints": 60,
            "StartTime": start,
            "MetricDataQueries": queries,
        }
        members["EndTime"] = start + timedelta(minutes=100)
        while True:
            page = cloudwatch.get_metric_data(**members)
            pages += 1
            for result in page["MetricDataResults"]:
                found[result["Id"]] += result["Values"]
                times[result["Id"]] += result["Timestamps"]
            if "NextToken" not in page:
                break
            members["NextToken"] = page["NextToken"]
        assert pages == 4
        assert found == {"m1": [45.0] * 100, "e1": [1.0] * 100}
        assert times["m1"] == sorted(times["m1"], reverse=order.endswith("Descending"))


def test_small_and_large_requests_uncompressed(sagewright_server: Any, metric: str) -> None:
    client = boto3.client("cloudwatch", **sagewright_server.boto3, config=Config(disable_request_compression=True))
    client.put_metric_data(Namespace="Journey", MetricData=[{"MetricName": metric, "Value": 1.5}] * 1_000)
    assert statistics(client, metric, Statistics=["Sum"])[0]["Sum"] == 1_500
    client.close()


def test_an_alarm(cloudwatch: Any, metric: str) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    for ago in (1, 2, 3):
        data = [{"MetricName": metric, "Value": 50, "Timestamp": minute - timedelta(minutes=ago)}]
        cloudwatch.put_metric_data(Namespace="Journey", MetricData=data)
    cloudwatch.put_metric_alarm(
        AlarmName=metric,
        Namespace="Journey",
        MetricName=metric,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        Threshold=40,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=[metric])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[metric], StateValue="ALARM")["MetricAlarms"]
    assert "50.0" in alarm["StateReason"]
    assert alarm["StateUpdatedTimestamp"].timestamp() == pytest.approx(time.time(), abs=60)
    cloudwatch.delete_alarms(AlarmNames=[metric])
    assert cloudwatch.describe_alarms(AlarmNames=[metric])["MetricAlarms"] == []


def test_what_is_not_there_says_so(cloudwatch: Any) -> None:
    with pytest.raises(ClientError) as caught:
        cloudwatch.put_dashboard(DashboardName="d", DashboardBody="{}")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
