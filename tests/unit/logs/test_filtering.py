from __future__ import annotations

import json

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.logs import filtering, logs
from sagewright.services.logs.patterns import compile_pattern


@pytest.fixture
def call(in_process):
    in_process.add(logs)
    now = int(in_process.clock.now() * 1000)

    def run(operation, **members):
        return in_process.call("logs", operation, logGroupName="g", **members)

    run("create_log_group")
    for number, name in enumerate(("job/1", "job/2", "other")):
        run("create_log_stream", logStreamName=name)
        events = [{"timestamp": now + 3 * step + number, "message": f"{name} {step}"} for step in range(4)]
        run("put_log_events", logStreamName=name, logEvents=events)
    run("create_log_stream", logStreamName="silent")
    return run


@pytest.fixture
def now(in_process):
    return int(in_process.clock.now() * 1000)


def messages(call, **members):
    return [event["message"] for event in call("filter_log_events", **members)["events"]]


def test_streams_are_interleaved_by_time(call):
    everything = messages(call)
    assert everything[:4] == ["job/1 0", "job/2 0", "other 0", "job/1 1"]
    assert len(everything) == 12
    assert messages(call, logStreamNamePrefix="job/")[:3] == ["job/1 0", "job/2 0", "job/1 1"]
    assert messages(call, logStreamNames=["other", "silent"]) == [f"other {step}" for step in range(4)]
    assert messages(call, startFromHead=False) == everything[::-1]


def test_bounds_are_inclusive(call, now):
    assert messages(call, startTime=now + 1, endTime=now + 3) == ["job/2 0", "other 0", "job/1 1"]


@pytest.mark.parametrize("head", [True, False])
def test_pages_join_without_gap_or_repeat(call, head, monkeypatch):
    monkeypatch.setattr(filtering, "_CHUNK", 2)
    whole = messages(call, startFromHead=head)
    read, token = [], {}
    while True:
        page = call("filter_log_events", limit=5, startFromHead=head, **token)
        read += [event["message"] for event in page["events"]]
        if not page.get("nextToken"):
            break
        token = {"nextToken": page["nextToken"]}
    assert read == whole


def test_a_long_search_pauses_with_an_empty_page(call, monkeypatch):
    monkeypatch.setattr(filtering, "_SCAN", 5)
    pages, token = [], {}
    while token is not None:
        page = call("filter_log_events", filterPattern='"other 3"', **token)
        pages.append([event["message"] for event in page["events"]])
        token = {"nextToken": page["nextToken"]} if page.get("nextToken") else None
    assert pages == [[], [], ["other 3"]]


def test_an_event_as_it_is_shown(call, now):
    event = call("filter_log_events", filterPattern='"job/2 1"')["events"][0]
    assert (event["logStreamName"], event["timestamp"], event["ingestionTime"]) == ("job/2", now + 4, now)
    assert len(event["eventId"]) == 56


def test_refusals(call):
    for members, code in (
        ({"logStreamNames": ["none"]}, "ResourceNotFoundException"),
        ({"logStreamNames": ["other"], "logStreamNamePrefix": "o"}, "InvalidParameterException"),
        ({"nextToken": "x"}, "InvalidParameterException"),
        ({"filterPattern": "{ $.a = "}, "InvalidParameterException"),
        ({"filterPattern": "[ip, user"}, "InvalidParameterException"),
    ):
        with pytest.raises(AwsError) as error:
            call("filter_log_events", **members)
        assert error.value.code == code


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR disk", "disk: ERROR", True),
        ("ERROR disk", "ERROR", False),
        ("ERROR -disk", "ERROR disk", False),
        ("ERROR -disk", "ERROR net", True),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ('"two words"', "in two words", True),
        ('"two words"', "words two", False),
        ('-"two words"', "two words", False),
        (r'"say \"x\""', 'say "x"', True),
        ("%4[0-9]{2}%", "status 404", True),
        ("%4[0-9]{2}%", "status 200", False),
        ("validation-auc:0.9", "validation-auc:0.91", True),
    ],
)
def test_term_patterns(pattern, text, fits):
    assert compile_pattern(pattern).matches(text) is fits


DOCUMENT = {
    "level": "ERROR",
    "latency": 120.5,
    "ok": False,
    "none": None,
    "user": {"name": "ann", "a-b": 1},
    "tags": [1, 2, {"k": "v"}],
}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ('{ $.level = "ERROR" }', True),
        ("{ $.level = ERROR }", True),
        ('{ $.level != "ERROR" }', False),
        ('{ $.level = "ERR*" }', True),
        ('{ $.level = "*OR" && $.latency > 100 }', True),
        ("{ $.latency >= 120.5 && $.latency <= 120.5 }", True),
        ("{ $.latency < 100 || $.user.name = ann }", True),
        ("{ ($.latency < 100 || $.ok IS FALSE) && $.user.a-b = 1 }", True),
        ("{ $.ok IS TRUE }", False),
        ("{ $.none IS NULL }", True),
        ("{ $.missing IS NULL }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ("{ $.level EXISTS }", True),
        ("{ $.tags[1] = 2 }", True),
        ("{ $.tags[9] = 2 }", False),
        ("{ $.tags[*] = 2 }", True),
        ('{ $.tags[2].k = "v" }', True),
        ('{ $["level"] = "ERROR" }', True),
        ("{ $.ok = 0 }", False),
        ('{ $.missing = "x" }', False),
    ],
)
def test_json_patterns(pattern, fits):
    test = compile_pattern(pattern).matches
    assert test(json.dumps(DOCUMENT)) is fits
    assert test("no json") is False
    assert test("{broken") is False


@pytest.mark.parametrize(
    "pattern",
    ["{ }", "{ $.a }", "{ $.a = 1", "{ $.a = 1 && }", "{ ($.a = 1 }", "{ a = 1 }", '{ $.a < "x" }', "{ $.a IS ODD }"],
)
def test_bad_json_patterns(pattern):
    with pytest.raises(AwsError, match="Invalid filter pattern"):
        compile_pattern(pattern)


def test_bad_term_patterns():
    for pattern in ('"open', "%(%", '"a"b'):
        with pytest.raises(AwsError, match="Invalid filter pattern"):
            compile_pattern(pattern)
