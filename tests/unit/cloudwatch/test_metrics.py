from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.cloudwatch import cloudwatch
from sagewright.services.cloudwatch.aggregate import Aggregate, statistic
from sagewright.services.cloudwatch.metrics import Sample

NAMESPACE = "/aws/sagemaker/TrainingJobs"
JOB = [{"Name": "TrainingJobName", "Value": "job"}]


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def call(in_process):
    in_process.add(cloudwatch)
    return lambda operation, **members: in_process.call("cloudwatch", operation, **members)


@pytest.fixture
def minute(in_process):
    """A whole hour, an hour before now."""
    return in_process.clock.now() // 3600 * 3600 - 3600


def put(call, *data, namespace=NAMESPACE, **members):
    call("put_metric_data", Namespace=namespace, MetricData=[{"MetricName": "m", **one} for one in data], **members)


def statistics(call, begin, end, period=60, **members):
    members = {"Statistics": ["Average", "Sum", "Minimum", "Maximum", "SampleCount"], **members}
    answer = call(
        "get_metric_statistics",
        **{"Namespace": NAMESPACE, "MetricName": "m", "Period": period, **members},
        StartTime=moment(begin),
        EndTime=moment(end),
    )
    return sorted(answer["Datapoints"], key=lambda point: (point["Timestamp"], point["Unit"]))


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert error.value.code == code
    return error.value.message


def test_values_statistic_sets_and_counts_add_up(call, minute):
    at = {"Timestamp": moment(minute + 34)}
    put(call, {"Value": 1.0, **at}, {"Value": 3.0, **at}, {"Values": [2.0, 4.0], "Counts": [3.0, 1.0], **at})
    put(call, {"StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 0.5, "Maximum": 5}, **at})
    assert statistics(call, minute, minute + 60) == [
        {
            "Timestamp": minute,
            "Unit": "None",
            "SampleCount": 10.0,
            "Sum": 24.0,
            "Average": 2.4,
            "Minimum": 0.5,
            "Maximum": 5.0,
        }
    ]


def test_periods_count_from_the_rounded_start(call, minute):
    for step in range(6):
        put(call, {"Value": float(step), "Timestamp": moment(minute + 60 * step + 10)})
    points = statistics(call, minute + 60 + 20, minute + 360, 120)
    assert [(point["Timestamp"] - minute, point["Sum"]) for point in points] == [(60, 3.0), (180, 7.0), (300, 5.0)]
    assert statistics(call, minute - 120, minute) == []


def test_resolution(call, minute):
    for resolution in (1, 60):
        for second in (0, 1, 7):
            datum = {"Value": 1.0, "Timestamp": moment(minute + second + 0.4), "StorageResolution": resolution}
            put(call, {**datum, "MetricName": f"r{resolution}"})
    fine = statistics(call, minute, minute + 60, 5, MetricName="r1")
    assert [(point["Timestamp"] - minute, point["SampleCount"]) for point in fine] == [(0, 2.0), (5, 1.0)]
    coarse = statistics(call, minute, minute + 60, 5, MetricName="r60")
    assert [(point["Timestamp"] - minute, point["SampleCount"]) for point in coarse] == [(0, 3.0)]


def test_units_are_kept_apart(call, minute):
    at = {"Timestamp": moment(minute)}
    put(call, {"Value": 1.0, "Unit": "Seconds", **at}, {"Value": 2.0, "Unit": "Count", **at})
    assert [point["Unit"] for point in statistics(call, minute, minute + 60)] == ["Count", "Seconds"]
    (only,) = statistics(call, minute, minute + 60, Unit="Seconds")
    assert only["Sum"] == 1.0


def test_dimensions_make_the_metric_whatever_their_order(call, minute):
    one, two = {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}
    at = {"Timestamp": moment(minute)}
    put(call, {"Value": 1.0, "Dimensions": [one, two], **at}, {"Value": 2.0, "Dimensions": [two, one], **at})
    put(call, {"Value": 9.0, "Dimensions": [one], **at})
    (found,) = statistics(call, minute, minute + 60, Dimensions=[two, one])
    assert found["Sum"] == 3.0
    assert statistics(call, minute, minute + 60) == []


def test_percentiles(call, minute):
    put(call, {"Values": [float(value) for value in range(1, 101)], "Timestamp": moment(minute)})
    (point,) = statistics(call, minute, minute + 60, Statistics=[], ExtendedStatistics=["p50", "p99.5", "tm90"])
    assert point["ExtendedStatistics"] == {"p50": 50.0, "p99.5": 100.0, "tm90": 45.5}
    put(
        call, {"StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}, "Timestamp": moment(minute)}
    )
    (point,) = statistics(call, minute, minute + 60, Statistics=["Sum"], ExtendedStatistics=["p50"])
    assert "ExtendedStatistics" not in point


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p0", 1),
        ("p100", 10),
        ("p90", 9),
        ("tm80", 4.5),
        ("TM(10%:90%)", 5.5),
        ("TM(2:5)", 4.0),
        ("TC(:5)", 5),
        ("TS(8:)", 19),
        ("tc50", 5),
        ("ts50", 15),
        ("PR(:3)", 30),
        ("PR(3:5)", 20),
        ("WM(20%:80%)", 5.5),
        ("wm90", 5.4),
        ("IQM", 5.5),
    ],
)
def test_extended_statistics_of_one_to_ten(name, value):
    data = Aggregate([Sample(0.0, "None", tuple(float(one) for one in range(1, 11)), (1.0,) * 10)])
    assert statistic(name)(data) == pytest.approx(value)


@pytest.mark.parametrize("name", ["average", "p101", "p", "xx90", "TM(:)", "TM(10:", "TM(.:)", "mean"])
def test_no_such_statistic(name):
    assert statistic(name) is None


@pytest.mark.parametrize(
    ("datum", "code", "message"),
    [
        (
            {"Value": 1.0, "Values": [1.0]},
            "InvalidParameterCombination",
            "Value and MetricData.member.1.Values are mutually",
        ),
        (
            {"Value": 1.0, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}},
            "InvalidParameterCombination",
            "mutually exclusive",
        ),
        ({}, "MissingParameter", "MetricData.member.1.Value"),
        ({"Value": float("nan")}, "InvalidParameterValue", "The value nan for parameter MetricData.member.1.Value"),
        ({"Value": 1e300}, "InvalidParameterValue", "is invalid"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue", "must be of the same size"),
        ({"Values": [1.0] * 151}, "InvalidParameterValue", "size greater than 150"),
        ({"Values": []}, "MissingParameter", "Values"),
        ({"Values": [1.0], "Counts": [0.0]}, "InvalidParameterValue", "Counts"),
        ({"Value": 1.0, "StorageResolution": 30}, "InvalidParameterValue", "StorageResolution"),
        (
            {"Value": 1.0, "Dimensions": [{"Name": str(n), "Value": "v"} for n in range(31)]},
            "InvalidParameterValue",
            "size greater than 30",
        ),
        (
            {"StatisticValues": {"SampleCount": 0, "Sum": 0, "Minimum": 0, "Maximum": 0}},
            "InvalidParameterValue",
            "SampleCount",
        ),
        (
            {"StatisticValues": {"SampleCount": 1, "Sum": 0, "Minimum": 2, "Maximum": 1}},
            "InvalidParameterValue",
            "Maximum must be greater",
        ),
    ],
)
def test_bad_data(call, datum, code, message):
    sent = [{"MetricName": "m", **datum}]
    assert message in refused(code, call, "put_metric_data", Namespace=NAMESPACE, MetricData=sent)
    assert call("list_metrics")["Metrics"] == []


def test_bad_times_name_their_datum(call, in_process):
    now = in_process.clock.now()
    good = {"MetricName": "m", "Value": 1.0}
    for at, message in ((now - 15 * 86_400, "past two weeks"), (now + 7_201, "two hours in the future")):
        sent = [good, {**good, "Timestamp": moment(at)}]
        text = refused("InvalidParameterValue", call, "put_metric_data", Namespace="n", MetricData=sent)
        assert text.startswith("The parameter MetricData.member.2.Timestamp must specify a time")
        assert message in text
    many = [good] * 1001
    assert "1000" in refused("InvalidParameterValue", call, "put_metric_data", Namespace="n", MetricData=many)
    refused("MissingParameter", call, "put_metric_data", Namespace="n")


def test_namespaces_of_aws_are_for_services(call):
    members = {"Namespace": "AWS/SageMaker", "MetricData": [{"MetricName": "m", "Value": 1.0}]}
    refused("InvalidParameterValue", call, "put_metric_data", http=object(), **members)
    call("put_metric_data", **members)


def test_entity_metric_data(call, in_process):
    sent = [{"Entity": {}, "MetricData": [{"MetricName": "e", "Value": 1.0}]}]
    call("put_metric_data", Namespace="n", EntityMetricData=sent)
    assert [metric["MetricName"] for metric in call("list_metrics")["Metrics"]] == ["e"]


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"end": 0}, "InvalidParameterValue", "must not equal"),
        ({"end": -60}, "InvalidParameterValue", "must be less than"),
        ({"period": 45}, "InvalidParameterValue", "multiple of 60"),
        ({"end": 60 * 2880}, "InvalidParameterCombination", "up to 2,880 datapoints, which exceeds the limit of 1,440"),
        ({"Statistics": []}, "MissingParameter", "at least one"),
        ({"Statistics": [], "ExtendedStatistics": ["px"]}, "InvalidParameterValue", "px"),
    ],
)
def test_bad_statistics_requests(call, minute, members, code, message):
    end = minute + members.pop("end", 60)
    with pytest.raises(AwsError) as error:
        statistics(call, minute, end, **members)
    assert error.value.code == code
    assert message.lower() in error.value.message.lower()


def test_list_metrics(call, in_process):
    put(call, {"Value": 1.0, "Dimensions": JOB}, {"Value": 1.0, "MetricName": "n", "Dimensions": JOB})
    put(call, {"Value": 1.0, "Dimensions": [*JOB, {"Name": "Host", "Value": "algo-1"}]}, namespace="other")

    def found(**members):
        return [(one["Namespace"], one["MetricName"]) for one in call("list_metrics", **members)["Metrics"]]

    assert found() == [(NAMESPACE, "m"), (NAMESPACE, "n"), ("other", "m")]
    assert found(Namespace=NAMESPACE) == [(NAMESPACE, "m"), (NAMESPACE, "n")]
    assert found(MetricName="m") == [(NAMESPACE, "m"), ("other", "m")]
    assert found(Namespace=NAMESPACE, MetricName="n") == [(NAMESPACE, "n")]
    assert found(Dimensions=[{"Name": "Host"}]) == [("other", "m")]
    assert found(Dimensions=[{"Name": "Host", "Value": "algo-2"}]) == []
    assert call("list_metrics", MetricName="n")["Metrics"][0]["Dimensions"] == JOB
    in_process.clock.advance(3 * 3600 + 1)
    put(call, {"Value": 1.0, "Dimensions": JOB})
    assert found(RecentlyActive="PT3H") == [(NAMESPACE, "m")]
    assert len(found()) == 3
    in_process.clock.advance(14 * 86_400 - 60)
    assert found() == [(NAMESPACE, "m")]


def test_list_metrics_in_pages(call):
    names = [f"m{number:04d}" for number in range(501)]
    put(call, *({"MetricName": name, "Value": 1.0} for name in names))
    page = call("list_metrics")
    rest = call("list_metrics", NextToken=page["NextToken"])
    assert (len(page["Metrics"]), rest["NextToken"]) == (500, None)
    assert [metric["MetricName"] for metric in page["Metrics"] + rest["Metrics"]] == names
    refused("InvalidParameterValue", call, "list_metrics", NextToken="x")
