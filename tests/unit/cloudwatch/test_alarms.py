"""Alarms: AWS's own tables of states, and alarms over real data."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.cloudwatch import cloudwatch
from sagewright.services.cloudwatch.alarm_state import judge

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
OK, ALARM, NONE, SAME = "OK", "ALARM", "INSUFFICIENT_DATA", None


@pytest.mark.parametrize(
    ("to_alarm", "points", "states"),
    [
        # 3 out of 3; X breaches
        (3, "0-X-X", (OK, OK, OK, OK)),
        (3, "----0", (OK, OK, OK, OK)),
        (3, "-----", (NONE, SAME, ALARM, OK)),
        (3, "0XX-X", (ALARM, ALARM, ALARM, ALARM)),
        (3, "--X--", (ALARM, SAME, ALARM, OK)),
        # 2 out of 3
        (2, "0-X-X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "00X0X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0-X--", (OK, OK, ALARM, OK)),
        (2, "----0", (OK, OK, ALARM, OK)),
        (2, "---X-", (ALARM, SAME, ALARM, OK)),
    ],
)
def test_states_of_awss_tables(to_alarm, points, states):
    numbers = {"0": 0.0, "X": 9.0, "-": None}
    for treatment, state in zip(TREATMENTS, states, strict=True):
        alarm = {
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": to_alarm,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 5.0,
            "TreatMissingData": treatment,
        }
        found = judge(alarm, [(60.0 * place, numbers[point]) for place, point in enumerate(points)], 400.0)
        assert (found.state if found else SAME) == state, treatment


ALARM_ON_M = {
    "AlarmName": "a",
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 2,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def call(in_process):
    in_process.add(cloudwatch)
    in_process.clock.advance(60 - in_process.clock.now() % 60)
    return lambda operation, **members: in_process.call("cloudwatch", operation, **members)


def put(call, in_process, *values: float, metric: str = "m") -> None:
    """A value each minute up to now; the clock stands at the end of the last one's minute."""
    for value in values:
        moment = datetime.fromtimestamp(in_process.clock.now(), UTC)
        data = [{"MetricName": metric, "Value": value, "Timestamp": moment}]
        call("put_metric_data", Namespace="n", MetricData=data)
        in_process.clock.advance(60)


def shown(call, **members: Any) -> dict[str, Any]:
    (alarm,) = call("describe_alarms", **members)["MetricAlarms"]
    return alarm


def test_an_alarm_through_its_states(call, in_process):
    call("put_metric_alarm", **ALARM_ON_M, AlarmActions=["arn:aws:sns:x"])
    alarm = shown(call)
    assert (alarm["StateValue"], alarm["AlarmArn"]) == (
        "INSUFFICIENT_DATA",
        "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a",
    )
    assert (alarm["AlarmActions"], alarm["OKActions"], alarm["ActionsEnabled"]) == (["arn:aws:sns:x"], [], True)
    put(call, in_process, 5, 20)
    assert shown(call)["StateValue"] == "OK"
    put(call, in_process, 30)
    alarm = shown(call)
    assert alarm["StateValue"] == "ALARM"
    assert alarm["StateReason"].startswith("Threshold Crossed: 2 datapoints [30.0 (")
    assert alarm["StateReason"].endswith("] were greater than the threshold (10.0).")
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [20, 30]
    changed = alarm["StateUpdatedTimestamp"]
    put(call, in_process, 40)
    assert shown(call)["StateUpdatedTimestamp"] == changed, "it is still the same state"
    put(call, in_process, 1)
    assert shown(call)["StateValue"] == "OK"
    in_process.clock.advance(600)
    assert shown(call)["StateValue"] == "INSUFFICIENT_DATA"


def test_a_state_set_by_hand_lasts_until_the_data_are_looked_at(call, in_process):
    put(call, in_process, 1, 1)
    call("put_metric_alarm", **ALARM_ON_M)
    assert shown(call)["StateValue"] == "OK"
    call("set_alarm_state", AlarmName="a", StateValue="ALARM", StateReason="a test", StateReasonData="{}")
    assert (shown(call)["StateValue"], shown(call)["StateReason"]) == ("ALARM", "a test")
    put(call, in_process, 1)
    assert shown(call)["StateValue"] == "OK"


def test_percentiles_and_expressions(call, in_process):
    put(call, in_process, 1, 20, 30)
    put(call, in_process, 1, 1, 1, metric="other")
    in_process.clock.advance(-180)
    call(
        "put_metric_alarm",
        **{key: value for key, value in ALARM_ON_M.items() if key != "Statistic"},
        ExtendedStatistic="p90",
    )
    metric = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "m1", "MetricStat": metric, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 * 2"},
    ]
    rest = {key: ALARM_ON_M[key] for key in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
    call("put_metric_alarm", AlarmName="math", Metrics=queries, **rest)
    states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in call("describe_alarms")["MetricAlarms"]}
    assert states == {"a": "ALARM", "math": "ALARM"}
    for broken in ("m1 *", "m2 + 1", "5"):
        queries[1]["Expression"] = broken
        with pytest.raises(AwsError) as caught:
            call("put_metric_alarm", AlarmName="broken", Metrics=queries, **rest)
        assert caught.value.code == "ValidationError"


def test_what_is_described(call, in_process):
    for name, metric in (("a1", "m"), ("a2", "m"), ("b1", "other")):
        call("put_metric_alarm", **{**ALARM_ON_M, "AlarmName": name, "MetricName": metric})

    def names(operation: str = "describe_alarms", **members: Any) -> list[str]:
        return [alarm["AlarmName"] for alarm in call(operation, **members)["MetricAlarms"]]

    assert names() == ["a1", "a2", "b1"]
    assert names(AlarmNamePrefix="a") == ["a1", "a2"]
    assert names(AlarmNames=["b1", "none"]) == ["b1"]
    assert names(StateValue="OK") == []
    assert names(AlarmTypes=["CompositeAlarm"]) == []
    page = call("describe_alarms", MaxRecords=2)
    assert names(MaxRecords=2, NextToken=page["NextToken"]) == ["b1"]
    assert names("describe_alarms_for_metric", MetricName="m", Namespace="n") == ["a1", "a2"]
    assert names("describe_alarms_for_metric", MetricName="m", Namespace="n", Statistic="Sum") == []
    assert (
        names("describe_alarms_for_metric", MetricName="m", Namespace="n", Dimensions=[{"Name": "a", "Value": "b"}])
        == []
    )
    call("disable_alarm_actions", AlarmNames=["a1"])
    assert shown(call, AlarmNames=["a1"])["ActionsEnabled"] is False
    call("delete_alarms", AlarmNames=["a1", "none"])
    assert names() == ["a2", "b1"]


def test_tags(call):
    call("put_metric_alarm", **ALARM_ON_M, Tags=[{"Key": "a", "Value": "b"}])
    arn = shown(call)["AlarmArn"]
    call("tag_resource", ResourceARN=arn, Tags=[{"Key": "c", "Value": "d"}])
    call("untag_resource", ResourceARN=arn, TagKeys=["a"])
    assert call("list_tags_for_resource", ResourceARN=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    with pytest.raises(AwsError):
        call("list_tags_for_resource", ResourceARN=arn + "x")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"Threshold": None}, "MissingParameter"),
        ({"MetricName": None}, "MissingParameter"),
        ({"ExtendedStatistic": "p90"}, "ValidationError"),
        ({"Statistic": None, "ExtendedStatistic": "x90"}, "ValidationError"),
        ({"Period": 45}, "ValidationError"),
        ({"EvaluationPeriods": 1441}, "ValidationError"),
        ({"DatapointsToAlarm": 3}, "ValidationError"),
        ({"TreatMissingData": "other"}, "ValidationError"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ValidationError"),
        ({"Metrics": [{"Id": "a", "Expression": "1"}]}, "ValidationError"),
        ({"ThresholdMetricId": "x"}, "NotImplemented"),
    ],
)
def test_refusals(call, members, code):
    request = {name: value for name, value in {**ALARM_ON_M, **members}.items() if value is not None}
    with pytest.raises(AwsError) as caught:
        call("put_metric_alarm", **request)
    assert caught.value.code == code


def test_what_is_not_there(call):
    call("put_metric_alarm", **ALARM_ON_M)
    for members, code in (
        ({"AlarmName": "none"}, "ResourceNotFound"),
        ({"AlarmName": "a", "StateReasonData": "{"}, "InvalidFormat"),
    ):
        with pytest.raises(AwsError) as caught:
            call("set_alarm_state", StateValue="OK", StateReason="x", **members)
        assert caught.value.code == code
