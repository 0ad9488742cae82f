"""StartLiveTail, with updates as fast as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.logs import live, logs

REGION, ACCOUNT = "eu-west-1", "111122223333"


def arn(group: str) -> str:
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"


@pytest.fixture
def world(in_process, monkeypatch):
    monkeypatch.setattr(live, "_PAUSE", 0.01)
    in_process.add(logs)
    for group in ("one", "two"):
        in_process.call("logs", "create_log_group", logGroupName=group)
        for stream in ("s1", "s2", "t1"):
            in_process.call("logs", "create_log_stream", logGroupName=group, logStreamName=stream)
    return in_process


Put = Callable[..., Awaitable[None]]


def tail(world, scene: Callable[[AsyncIterator[dict[str, Any]], Put], Awaitable[Any]], **members: Any) -> Any:
    async def call(operation: str, **members: Any) -> dict[str, Any]:
        return await world._run(world._context("logs", operation, ACCOUNT, REGION, members))

    async def put(group: str, stream: str, *messages: str) -> None:
        at = int(world.clock.now() * 1000)
        events = [{"timestamp": at, "message": message} for message in messages]
        await call("put_log_events", logGroupName=group, logStreamName=stream, logEvents=events)

    async def play() -> Any:
        await put("one", "s1", "before")
        members.setdefault("logGroupIdentifiers", [arn("one")])
        stream = (await call("start_live_tail", **members))["responseStream"]
        try:
            return await scene(stream, put)
        finally:
            await stream.aclose()

    return asyncio.run(play())


async def following(stream: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of the next update that has any."""
    while True:
        update = (await anext(stream))["sessionUpdate"]
        if update["sessionResults"]:
            return update["sessionResults"]


def test_a_session(world):
    async def scene(stream, put):
        start = (await anext(stream))["sessionStart"]
        assert start["logGroupIdentifiers"] == [arn("one")]
        assert (await anext(stream)) == {"sessionUpdate": {"sessionMetadata": {"sampled": False}, "sessionResults": []}}
        await put("one", "s1", "a", "b")
        await put("two", "s1", "of another group")
        return await following(stream)

    at = int(world.clock.now() * 1000)
    shared = {"logStreamName": "s1", "logGroupIdentifier": f"{ACCOUNT}:one", "timestamp": at, "ingestionTime": at}
    assert tail(world, scene) == [{**shared, "message": "a"}, {**shared, "message": "b"}]


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"logStreamNames": ["s2"]}, ["one s2 ERROR", "one s2 fine"]),
        ({"logStreamNamePrefixes": ["s"]}, ["one s1 ERROR", "one s1 fine", "one s2 ERROR", "one s2 fine"]),
        ({"logEventFilterPattern": "ERROR -t1"}, ["one s1 ERROR", "one s2 ERROR"]),
        (
            {"logGroupIdentifiers": [arn("one"), arn("two")], "logEventFilterPattern": "t1 fine"},
            ["one t1 fine", "two t1 fine"],
        ),
    ],
)
def test_what_is_selected(world, members, wanted):
    async def scene(stream, put):
        await anext(stream)
        for group in ("one", "two"):
            for name in ("s1", "s2", "t1"):
                await put(group, name, f"{group} {name} ERROR", f"{group} {name} fine")
        return [event["message"] for event in await following(stream)]

    assert tail(world, scene, **members) == wanted


def test_more_than_an_update_holds_is_sampled(world):
    async def scene(stream, put):
        await anext(stream)
        await put("one", "s1", *(str(number) for number in range(2_000)))
        return (await anext(stream))["sessionUpdate"]

    update = tail(world, scene)
    numbers = [int(event["message"]) for event in update["sessionResults"]]
    assert update["sessionMetadata"] == {"sampled": True}
    assert len(numbers) == 500
    assert numbers == sorted(numbers)
    assert numbers[-1] > 1_000


def test_three_hours(world):
    async def scene(stream, put):
        await anext(stream)
        world.clock.advance(3 * 3_600)
        return [event async for event in stream]

    with pytest.raises(AwsError) as caught:
        tail(world, scene)
    assert caught.value.code == "SessionTimeoutException"


def test_the_end_of_the_server(world):
    async def scene(stream, put):
        await anext(stream)
        world.store.changes.close()
        return [event async for event in stream]

    assert len(tail(world, scene)) == 1


def test_nothing_is_left_of_a_session(world):
    parts = {type(part): part for part in world._by_name["logs"].parts}

    async def scene(stream, put):
        await anext(stream)
        assert len(parts[live.Live]._sessions) == 1

    tail(world, scene)
    assert not parts[live.Live]._sessions


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"logGroupIdentifiers": [arn("none")]}, "ResourceNotFoundException"),
        ({"logGroupIdentifiers": [arn("one").replace(ACCOUNT, "222233334444")]}, "ResourceNotFoundException"),
        ({"logGroupIdentifiers": [arn("one") + ":*"]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": ["one"]}, "InvalidParameterException"),
        ({"logStreamNames": ["a"], "logStreamNamePrefixes": ["b"]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [arn("one"), arn("two")], "logStreamNames": ["a"]}, "InvalidParameterException"),
        ({"logEventFilterPattern": "{ $.a"}, "InvalidParameterException"),
    ],
)
def test_refusals(world, members, code):
    async def scene(stream, put):
        raise AssertionError("there is no stream")

    with pytest.raises(AwsError) as caught:
        tail(world, scene, **members)
    assert caught.value.code == code
