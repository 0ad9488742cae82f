from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.cloudwatch import cloudwatch
from sagewright.services.cloudwatch.expression import BadExpression, parse

A = {"m1": [1.0, 2.0, 4.0, None, 8.0], "m2": [10.0, None, 30.0, 40.0, 0.0]}


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def start(in_process):
    return in_process.clock.now() // 3600 * 3600 - 3600


@pytest.fixture
def get(in_process, start):
    in_process.add(cloudwatch)
    data = [
        {"MetricName": name, "Value": value, "Timestamp": moment(start + 60 * step)}
        for name, values in A.items()
        for step, value in enumerate(values)
        if value is not None
    ]
    in_process.call("cloudwatch", "put_metric_data", Namespace="n", MetricData=data)

    def run(*queries, **members):
        members = {
            "StartTime": moment(start),
            "EndTime": moment(start + 300),
            "ScanBy": "TimestampAscending",
            **members,
        }
        return in_process.call("cloudwatch", "get_metric_data", MetricDataQueries=list(queries), **members)

    return run


def metric(name, stat="Sum", period=60, **members):
    return {
        "Id": name,
        "MetricStat": {"Metric": {"Namespace": "n", "MetricName": name}, "Period": period, "Stat": stat},
        **members,
    }


HIDDEN = (metric("m1", ReturnData=False), metric("m2", ReturnData=False))


@pytest.fixture
def math(get, start):
    def run(text):
        (result,) = get(*HIDDEN, {"Id": "e", "Expression": text})["MetricDataResults"]
        return {
            round(at - start) // 60: value for at, value in zip(result["Timestamps"], result["Values"], strict=True)
        }

    return run


def test_metrics_in_both_directions(get, start):
    results = get(metric("m1"), metric("m2", "Maximum"), ScanBy="TimestampDescending")["MetricDataResults"]
    assert [result["Id"] for result in results] == ["m1", "m2"]
    assert results[0] == {
        "Id": "m1",
        "Label": "m1",
        "Timestamps": [start + 60 * step for step in (4, 2, 1, 0)],
        "Values": [8.0, 4.0, 2.0, 1.0],
        "StatusCode": "Complete",
    }
    assert get(metric("m1"))["MetricDataResults"][0]["Values"] == [1.0, 2.0, 4.0, 8.0]


def test_longer_periods_and_nothing_there(get, start):
    result = get(metric("m1", "Average", 120))["MetricDataResults"][0]
    assert (result["Timestamps"], result["Values"]) == ([start, start + 120, start + 240], [1.5, 4.0, 8.0])
    assert get(metric("m9"))["MetricDataResults"][0]["Values"] == []


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("m1", {0: 1, 1: 2, 2: 4, 4: 8}),
        ("m1 + m2", {0: 11, 2: 34, 4: 8}),
        ("m1 / m2", {0: 0.1, 2: 4 / 30}),
        ("(m1 - 1) * 2", {0: 0, 1: 2, 2: 6, 4: 14}),
        ("1 - m1 * 2 + 3", {0: 2, 1: 0, 2: -4, 4: -12}),
        ("-m1 ^ 2", {0: -1, 1: -4, 2: -16, 4: -64}),
        ("2 ^ 3 ^ 0 * m1", {0: 2, 1: 4, 2: 8, 4: 16}),
        ("SUM([m1, m2])", {0: 11, 1: 2, 2: 34, 3: 40, 4: 8}),
        ("SUM(METRICS())", {0: 11, 1: 2, 2: 34, 3: 40, 4: 8}),
        ('MAX(METRICS("m2"))', {0: 10, 2: 30, 3: 40, 4: 0}),
        ("MIN([m1, m2])", {0: 1, 1: 2, 2: 4, 3: 40, 4: 0}),
        ("AVG([m1, m2])", {0: 5.5, 1: 2, 2: 17, 3: 40, 4: 4}),
        ("m1 - AVG(m1)", {0: -2.75, 1: -1.75, 2: 0.25, 4: 4.25}),
        ("m1 * PERIOD(m1) / MAX(m1)", {0: 7.5, 1: 15, 2: 30, 4: 60}),
        ("STDDEV([m1, m2])", {0: 4.5, 1: 0, 2: 13, 3: 0, 4: 4}),
        ("IF(m1 > 1, m1, 0)", {0: 0, 1: 2, 2: 4, 4: 8}),
        ("IF(m1 >= 2 AND m1 < 8, m1)", {1: 2, 2: 4}),
        ("IF(m1 == 1 || m1 == 8, m2, m1)", {0: 10, 1: 2, 2: 4, 4: 0}),
        ("IF(MAX(m1) > 5, m1, m2)", {0: 1, 1: 2, 2: 4, 4: 8}),
        ("FILL(m1, 0)", {0: 1, 1: 2, 2: 4, 3: 0, 4: 8}),
        ("FILL(m1, REPEAT)", {0: 1, 1: 2, 2: 4, 3: 4, 4: 8}),
        ("FILL(m1, LINEAR)", {0: 1, 1: 2, 2: 4, 3: 6, 4: 8}),
        ("FILL(m1, m2)", {0: 1, 1: 2, 2: 4, 3: 40, 4: 8}),
        ("RATE(m1) * 60", {1: 1, 2: 2, 4: 2}),
        ("DIFF(m1)", {1: 1, 2: 2, 4: 4}),
        ("RUNNING_SUM(m1)", {0: 1, 1: 3, 2: 7, 4: 15}),
        ("ABS(-m1)", {0: 1, 1: 2, 2: 4, 4: 8}),
        ("LOG10(m2)", {0: 1, 2: pytest.approx(1.4771, abs=1e-4), 3: pytest.approx(1.6021, abs=1e-4)}),
        ("CEIL(m1 / 3)", {0: 1, 1: 1, 2: 2, 4: 3}),
        ("FIRST([m1, m2])", {0: 1, 1: 2, 2: 4, 4: 8}),
        ("m1 * METRIC_COUNT(METRICS()) + DATAPOINT_COUNT(m2)", {0: 6, 1: 8, 2: 12, 4: 20}),
        ("TIME_SERIES(5)", {0: 5, 1: 5, 2: 5, 3: 5, 4: 5}),
    ],
)
def test_metric_math(math, text, points):
    assert math(text) == {step: pytest.approx(value) for step, value in points.items()}


def test_an_array_gives_several_results(get):
    results = get(*HIDDEN, {"Id": "e", "Expression": "METRICS() * 2"})["MetricDataResults"]
    assert [(result["Id"], result["Label"], result["Values"][0]) for result in results] == [
        ("e", "m1", 2.0),
        ("e", "m2", 20.0),
    ]


def test_expressions_of_expressions_in_any_order(get):
    results = get(
        {"Id": "e2", "Expression": "e1 + 1"}, {"Id": "e1", "Expression": "m1 * 2", "ReturnData": False}, *HIDDEN
    )
    assert results["MetricDataResults"][0]["Values"] == [3.0, 5.0, 9.0, 17.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m9 + 1", "Undefined identifier m9"),
        ("e + 1", "Circular reference"),
        ("m1 +", "Unexpected end"),
        ("m1 m2", "Unexpected 'm2'"),
        ("(m1", r"Missing '\)'"),
        ("m1 $ 2", r"Unexpected character '\$'"),
        ("FROB(m1)", "Unsupported function FROB"),
        ("AVG(m1)", "must be a time series"),
        ("IF(m1)", "IF takes 2 or 3"),
        ("ABS(m1, m2)", "ABS takes 1 argument"),
        ("[1, m1]", "time series only"),
        ("METRICS() + METRICS()", "two arrays"),
        ("m1 + 'x'", "text"),
        ("m1 * (1 / 0)", "no result"),
        ("(" * 50 + "m1" + ")" * 50, "nested too deeply"),
        ("-" * 3000 + "m9", "Undefined identifier m9"),
    ],
)
def test_bad_expressions(math, text, message):
    with pytest.raises(AwsError, match=message) as error:
        math(text)
    assert error.value.code == "ValidationError"


@pytest.mark.parametrize("text", ["SEARCH('{n} m', 'Sum', 60)", "SELECT AVG(m) FROM n"])
def test_what_is_not_there_yet_says_so(math, text):
    with pytest.raises(AwsError) as error:
        math(text)
    assert error.value.status == 501


def test_pages_of_data_points(get):
    whole = get(metric("m1"), metric("m2"))["MetricDataResults"]
    values, token, statuses = {"m1": [], "m2": []}, {}, []
    for _ in range(3):
        page = get(metric("m1"), metric("m2"), MaxDatapoints=3, **token)
        for result in page["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
        statuses.append([result["StatusCode"] for result in page["MetricDataResults"]])
        token = {"NextToken": page["NextToken"]}
    assert values == {result["Id"]: result["Values"] for result in whole}
    assert statuses == [["PartialData", "PartialData"], ["Complete", "PartialData"], ["Complete", "Complete"]]
    assert token == {"NextToken": None}


def test_labels(get):
    query = metric("m1", Label="${LABEL} max ${MAX} of ${PROP('Namespace')} ${PROP('Dim.X')} ${NO}")
    assert get(query)["MetricDataResults"][0]["Label"] == "m1 max 8 of n ${PROP('Dim.X')} ${NO}"
    assert get(metric("m9", Label="${AVG}"))["MetricDataResults"][0]["Label"] == "--"
    assert get(*HIDDEN, {"Id": "e", "Expression": "m1+m2"})["MetricDataResults"][0]["Label"] == "e"


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ([metric("m1"), metric("m1")], "not unique"),
        ([metric("m1", ReturnData=False)], "must return data"),
        ([{"Id": "e"}], "Exactly one"),
        ([{**metric("m1"), "Expression": "1"}], "Exactly one"),
        ([metric("M1")], "is invalid"),
        ([metric("m1", "Middle")], "Middle"),
        ([metric("m1")] * 501, "500"),
    ],
)
def test_bad_requests(get, queries, message):
    with pytest.raises(AwsError, match=message):
        get(*queries)


def test_bad_times_pages_and_periods(get, start):
    for members, code in (
        ({"EndTime": moment(start)}, "ValidationError"),
        ({"NextToken": "x"}, "InvalidNextToken"),
        ({"MaxDatapoints": 0}, "ValidationError"),
    ):
        with pytest.raises(AwsError) as error:
            get(metric("m1"), **members)
        assert error.value.code == code
    with pytest.raises(AwsError, match="Period"):
        get(metric("m1", period=61))


def test_a_range_of_too_many_periods_costs_nothing(get, start):
    with pytest.raises(AwsError, match="100,800 periods"):
        get(*HIDDEN, {"Id": "e", "Expression": "FILL(m1, 0)"}, EndTime=moment(start + 60 * 100_801))


def test_the_grammar():
    assert parse("1+2*3") == parse("1 + (2 * 3)")
    assert parse("a < b OR c AND d") == parse("(a<b) || ((c) && d)")
    for text in ("", "1 +* 2", "f(1,)", "a < b < c", "[", '"open'):
        with pytest.raises(BadExpression):
            parse(text)
