from __future__ import annotations

import asyncio
import time

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.logs import logs, retention
from sagewright.services.logs.retention import Retention

GROUP, STREAM = "/aws/sagemaker/TrainingJobs", "job/algo-1"
DAY = 86_400_000


@pytest.fixture
def call(in_process):
    in_process.add(logs)
    return lambda operation, **members: in_process.call("logs", operation, **members)


@pytest.fixture
def stream(call):
    call("create_log_group", logGroupName=GROUP)
    call("create_log_stream", logGroupName=GROUP, logStreamName=STREAM)


@pytest.fixture
def now(in_process):
    return int(in_process.clock.now() * 1000)


def put(call, events, stream=STREAM):
    sent = [{"timestamp": at, "message": message} for at, message in events]
    return call("put_log_events", logGroupName=GROUP, logStreamName=stream, logEvents=sent)


def get(call, stream=STREAM, **members):
    return call("get_log_events", logGroupName=GROUP, logStreamName=stream, **members)


def messages(page):
    return [event["message"] for event in page["events"]]


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert error.value.code == code
    return error.value.message


def test_what_exists_and_what_does_not(call, stream):
    assert "log group already" in refused(
        "ResourceAlreadyExistsException", call, "create_log_group", logGroupName=GROUP
    )
    there = {"logGroupName": GROUP, "logStreamName": STREAM}
    assert "log stream already" in refused("ResourceAlreadyExistsException", call, "create_log_stream", **there)
    missing = {"logGroupName": GROUP, "logStreamName": "none"}
    message = refused("ResourceNotFoundException", call, "get_log_events", **missing)
    assert message == "The specified log stream does not exist."
    message = refused("ResourceNotFoundException", call, "describe_log_streams", logGroupName="none")
    assert message == "The specified log group does not exist."


def test_events_come_back_in_order_of_time_and_of_writing(call, stream, now):
    put(call, [(now, f"a{number}") for number in range(5)])
    put(call, [(now - 1, "early"), (now, "b0"), (now + 1, "late")])
    page = get(call, startFromHead=True)
    assert messages(page) == ["early", "a0", "a1", "a2", "a3", "a4", "b0", "late"]
    assert page["events"][0] == {"timestamp": now - 1, "message": "early", "ingestionTime": now}


def test_forward_token_stays_at_the_end_and_moves_on_with_new_events(call, stream, now):
    put(call, [(now, str(number)) for number in range(5)])
    read, token = [], {}
    for _ in range(3):
        page = get(call, startFromHead=True, limit=2, **token)
        read += messages(page)
        token = {"nextToken": page["nextForwardToken"]}
    assert read == ["0", "1", "2", "3", "4"]
    assert token["nextToken"].startswith("f/")
    end = get(call, startFromHead=True, **token)
    assert (end["events"], end["nextForwardToken"]) == ([], token["nextToken"])
    put(call, [(now, "new")])
    assert messages(get(call, startFromHead=True, **token)) == ["new"]


def test_backward_from_the_newest(call, stream, now):
    put(call, [(now, str(number)) for number in range(5)])
    page = get(call, limit=2)
    assert messages(page) == ["3", "4"]
    page = get(call, limit=2, nextToken=page["nextBackwardToken"])
    assert messages(page) == ["1", "2"]
    page = get(call, limit=2, nextToken=page["nextBackwardToken"])
    assert messages(page) == ["0"]
    start = get(call, nextToken=page["nextBackwardToken"])
    assert (start["events"], start["nextBackwardToken"]) == ([], page["nextBackwardToken"])
    assert messages(get(call, nextToken=start["nextForwardToken"])) == ["0", "1", "2", "3", "4"]


def test_turning_round_at_the_end(call, stream, now):
    put(call, [(now, str(number)) for number in range(3)])
    page = get(call, startFromHead=True)
    end = get(call, nextToken=page["nextForwardToken"])
    assert messages(get(call, nextToken=end["nextBackwardToken"])) == ["0", "1", "2"]


def test_an_empty_stream_can_be_followed(call, stream, now):
    for head in (True, False):
        page = get(call, startFromHead=head)
        assert page["events"] == []
        assert get(call, nextToken=page["nextForwardToken"])["nextForwardToken"] == page["nextForwardToken"]
    put(call, [(now, "first")])
    assert messages(get(call, nextToken=page["nextForwardToken"])) == ["first"]


def test_time_bounds(call, stream, now):
    put(call, [(now + number, str(number)) for number in range(5)])
    assert messages(get(call, startTime=now + 1, endTime=now + 3)) == ["1", "2"]


def test_a_page_is_one_megabyte(call, stream, now):
    for number in range(3):
        put(call, [(now + number, str(number) * 600_000)])
    page = get(call, startFromHead=True)
    assert [message[0] for message in messages(page)] == ["0"]
    page = get(call, startFromHead=True, nextToken=page["nextForwardToken"])
    assert [message[0] for message in messages(page)] == ["1"]
    assert [message[0] for message in messages(get(call))] == ["2"]


def test_a_foreign_token(call, stream):
    for token in ("f/123", "x/" + "0" * 56 + "/s", "nonsense"):
        assert "nextToken" in refused(
            "InvalidParameterException",
            call,
            "get_log_events",
            logGroupName=GROUP,
            logStreamName=STREAM,
            nextToken=token,
        )


def test_what_is_too_old_or_too_new_is_reported_and_left_out(call, stream, now):
    old = put(call, [(now - 14 * DAY - 2, "a"), (now - 14 * DAY - 1, "b"), (now - 14 * DAY, "c")])
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2}
    new = put(call, [(now + 7_200_000, "d"), (now + 7_200_001, "e")])
    assert new["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert put(call, [(now, "f")])["rejectedLogEventsInfo"] is None
    assert messages(get(call)) == ["c", "f", "d"]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([(5, "a"), (4, "b")], "chronological order"),
        ([(0, "a"), (DAY + 1, "b")], "24 hours"),
        ([(0, "x" * 1_048_551)], "Log event too large: 1048577 bytes exceeds limit of 1048576"),
        ([(0, "é" * 262_144), (0, "é" * 262_144)], "Upload too large: 1048628 bytes"),
    ],
)
def test_bad_batches(call, stream, events, message):
    with pytest.raises(AwsError, match=message) as error:
        put(call, events)
    assert error.value.code == "InvalidParameterException"
    assert get(call)["events"] == []


def test_any_sequence_token_will_do(call, stream, now):
    first = put(call, [(now, "a")])["nextSequenceToken"]
    event = [{"timestamp": now, "message": "b"}]
    again = call("put_log_events", logGroupName=GROUP, logStreamName=STREAM, logEvents=event, sequenceToken="old")
    assert first != again["nextSequenceToken"]
    shown = call("describe_log_streams", logGroupName=GROUP)["logStreams"][0]
    assert shown["uploadSequenceToken"] == again["nextSequenceToken"]


def test_ten_thousand_lines_at_once_are_quick(call, stream, now):
    lines = [(now, f"[{number}] train-rmse:0.12345 validation-rmse:0.23456") for number in range(10_000)]
    put(call, lines[:1])
    begun = time.perf_counter()
    put(call, lines)
    written = time.perf_counter() - begun
    begun = time.perf_counter()
    page = get(call, startFromHead=True)
    read = time.perf_counter() - begun
    assert messages(page)[1:] == [message for _, message in lines][:9_999]
    assert written < 1.0, written
    assert read < 1.0, read


def test_streams_by_name_prefix_and_last_event(call, stream, now):
    for name, at in (("job/algo-2", 3), ("other/algo-1", 2), ("job/algo-3", None)):
        call("create_log_stream", logGroupName=GROUP, logStreamName=name)
        if at is not None:
            put(call, [(now + at, "x")], name)

    def names(**members):
        return [
            one["logStreamName"] for one in call("describe_log_streams", logGroupName=GROUP, **members)["logStreams"]
        ]

    assert names() == ["job/algo-1", "job/algo-2", "job/algo-3", "other/algo-1"]
    assert names(logStreamNamePrefix="job/") == ["job/algo-1", "job/algo-2", "job/algo-3"]
    assert names(orderBy="LastEventTime", descending=True)[:2] == ["job/algo-2", "other/algo-1"]
    page = call("describe_log_streams", logGroupName=GROUP, limit=3)
    assert names(limit=3, nextToken=page["nextToken"]) == ["other/algo-1"]
    assert call("describe_log_streams", logGroupName=GROUP)["nextToken"] is None
    by_arn = call("describe_log_groups")["logGroups"][0]["arn"]
    assert len(call("describe_log_streams", logGroupIdentifier=by_arn)["logStreams"]) == 4
    refused(
        "InvalidParameterException",
        call,
        "describe_log_streams",
        logGroupName=GROUP,
        orderBy="LastEventTime",
        logStreamNamePrefix="job",
    )
    shown = call("describe_log_streams", logGroupName=GROUP, logStreamNamePrefix="job/algo-2")["logStreams"][0]
    assert (shown["firstEventTimestamp"], shown["lastEventTimestamp"]) == (now + 3, now + 3)
    assert shown["arn"] == f"arn:aws:logs:eu-west-1:111122223333:log-group:{GROUP}:log-stream:job/algo-2"


def test_groups(call, stream, now):
    for name in ("/aws/sagemaker/Endpoints/e", "/app/one", "/app/two"):
        call("create_log_group", logGroupName=name, tags={"k": "v"})

    def names(**members):
        return [one["logGroupName"] for one in call("describe_log_groups", **members)["logGroups"]]

    assert names() == ["/app/one", "/app/two", "/aws/sagemaker/Endpoints/e", GROUP]
    assert names(logGroupNamePrefix="/app/") == ["/app/one", "/app/two"]
    assert names(logGroupNamePattern="maker") == ["/aws/sagemaker/Endpoints/e", GROUP]
    assert names(logGroupNamePattern="Maker") == []
    page = call("describe_log_groups", limit=3)
    assert names(limit=3, nextToken=page["nextToken"]) == [GROUP]
    refused("InvalidParameterException", call, "describe_log_groups", logGroupNamePrefix="a", logGroupNamePattern="b")
    put(call, [(now, "12345")])
    shown = call("describe_log_groups", logGroupNamePrefix=GROUP)["logGroups"][0]
    assert shown["storedBytes"] == 31
    assert shown["arn"] == shown["logGroupArn"] + ":*"
    call("delete_log_stream", logGroupName=GROUP, logStreamName=STREAM)
    assert call("describe_log_groups", logGroupNamePrefix=GROUP)["logGroups"][0]["storedBytes"] == 0
    call("delete_log_group", logGroupName=GROUP)
    assert GROUP not in names()
    call("create_log_group", logGroupName=GROUP)
    call("create_log_stream", logGroupName=GROUP, logStreamName=STREAM)
    assert get(call)["events"] == []


def test_retention_hides_and_removes(call, stream, now, in_process):
    put(call, [(now, "kept for a day")])
    call("put_retention_policy", logGroupName=GROUP, retentionInDays=1)
    assert call("describe_log_groups")["logGroups"][0]["retentionInDays"] == 1
    in_process.clock.advance(86_401)
    later = now + 86_401_000
    assert get(call, startFromHead=True)["events"] == []
    assert call("filter_log_events", logGroupName=GROUP)["events"] == []
    answer = put(call, [(now, "x"), (now + 86_400_000, "y")])
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert messages(get(call)) == ["y"]
    before = call("describe_log_groups")["logGroups"][0]["storedBytes"]
    asyncio.run(Retention(in_process.store, in_process.clock).tidy(in_process.clock.now()))
    shown = call("describe_log_groups")["logGroups"][0]
    assert shown["storedBytes"] == before - len("kept for a day") - 26
    (described,) = call("describe_log_streams", logGroupName=GROUP)["logStreams"]
    assert described["firstEventTimestamp"] == now + 86_400_000
    call("delete_retention_policy", logGroupName=GROUP)
    assert messages(get(call)) == ["y"], "what had expired is gone"
    put(call, [(later, "z")])
    assert "3653, 3288" in refused(
        "InvalidParameterException", call, "put_retention_policy", logGroupName=GROUP, retentionInDays=2
    )


def test_retention_deletes_in_small_steps(call, stream, now, in_process, monkeypatch):
    monkeypatch.setattr(retention, "_BATCH", 2)
    put(call, [(now + number, str(number)) for number in range(5)] + [(now + 7_200_000, "young")])
    call("put_retention_policy", logGroupName=GROUP, retentionInDays=1)
    in_process.clock.advance(86_401)
    asyncio.run(Retention(in_process.store, in_process.clock).tidy(in_process.clock.now()))
    call("delete_retention_policy", logGroupName=GROUP)
    assert messages(get(call)) == ["young"]
    (shown,) = call("describe_log_groups")["logGroups"]
    assert shown["storedBytes"] == len("young") + 26


def test_tags_by_arn_and_by_name(call, stream):
    arn = call("describe_log_groups")["logGroups"][0]["logGroupArn"]
    call("tag_resource", resourceArn=arn, tags={"a": "1"})
    call("tag_log_group", logGroupName=GROUP, tags={"b": "2"})
    assert call("list_tags_for_resource", resourceArn=f"{arn}:*") == {"tags": {"a": "1", "b": "2"}}
    call("untag_resource", resourceArn=arn, tagKeys=["a"])
    assert call("list_tags_log_group", logGroupName=GROUP) == {"tags": {"b": "2"}}
    refused("ResourceNotFoundException", call, "tag_resource", resourceArn="arn:aws:logs:r:a:log-group:x", tags={})
    refused("TooManyTagsException", call, "tag_resource", resourceArn=arn, tags={str(n): "" for n in range(50)})


def test_deletion_protection(call, stream):
    call("put_log_group_deletion_protection", logGroupIdentifier=GROUP, deletionProtectionEnabled=True)
    refused("ValidationException", call, "delete_log_group", logGroupName=GROUP)
    call("put_log_group_deletion_protection", logGroupIdentifier=GROUP, deletionProtectionEnabled=False)
    call("delete_log_group", logGroupName=GROUP)
