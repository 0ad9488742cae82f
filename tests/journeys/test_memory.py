"""Memory stays flat over 20,000 requests of many kinds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sagemaker_journey import Journey, journey

from clients.raw import Raw, authorization, json_call, request

pytestmark = pytest.mark.slow

REQUESTS, WARM_UP = 20_000, 2_000
MOST = 10 * 2**20
"""Bytes."""


@pytest.fixture
def trip(tmp_path: Path) -> Iterator[Journey]:
    with journey(tmp_path / "server") as made:
        made.data()
        made.train("job")
        assert made.trained("job")["TrainingJobStatus"] == "Completed"
        made.logs.create_log_group(logGroupName="memory")
        made.logs.create_log_stream(logGroupName="memory", logStreamName="one")
        yield made


def resident(pid: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def requests() -> Iterator[tuple[bytes, int]]:
    """Requests without end, each with the status it gets; objects come and go, so that the store does not grow."""
    s3 = authorization("s3")
    caller = b"Action=GetCallerIdentity&Version=2011-06-15"
    form = "application/x-www-form-urlencoded"
    number = 0
    while True:
        number += 1
        key = f"/journey/memory/{number}"
        yield request("PUT", key, os.urandom(2_000), authorization=s3, x_amz_meta_number=str(number)), 200
        yield request("GET", key, authorization=s3), 200
        yield request("GET", "/journey?list-type=2&max-keys=20", authorization=s3), 200
        yield request("GET", f"{key}-none", authorization=s3), 404
        yield request("DELETE", key, authorization=s3), 204
        yield json_call("sagemaker", "SageMaker.DescribeTrainingJob", TrainingJobName="job"), 200
        yield json_call("sagemaker", "SageMaker.DescribeTrainingJob", TrainingJobName=f"none-{number}"), 400
        yield json_call("sagemaker", "SageMaker.ListTrainingJobs", MaxResults=5), 200
        yield request("POST", "/", caller, content_type=form, authorization=authorization("sts")), 200
        event = {"timestamp": int(time.time() * 1000), "message": f"line {number}"}
        where = {"logGroupName": "memory", "logStreamName": "one"}
        yield json_call("logs", "Logs_20140328.PutLogEvents", **where, logEvents=[event]), 200
        yield json_call("logs", "Logs_20140328.GetLogEvents", **where, limit=5), 200
        yield json_call("kinesis", "Kinesis_20131202.ListStreams"), 501


def test_memory_is_flat(trip: Journey) -> None:
    assert trip.server.process is not None
    pid = trip.server.process.pid
    seen = []
    with Raw(trip.server.port) as wire:
        for count, (sent, status) in enumerate(requests()):
            if count >= WARM_UP and (count - WARM_UP) % 2_000 == 0:
                seen.append(resident(pid))
            if count == WARM_UP + REQUESTS:
                break
            answer = wire.ask(sent)
            assert answer.status == status, answer
    print("MB after each 2,000 requests:", json.dumps([round(size / 2**20, 1) for size in seen]))
    assert seen[-1] - seen[0] < MOST


def test_connections_and_bodies_leave_nothing(trip: Journey) -> None:
    """500 connections at once, each with a request of its own, and 64 MiB in and out: memory comes back."""
    assert trip.server.process is not None
    pid = trip.server.process.pid
    get = request("GET", "/journey/train/rows.csv", authorization=authorization("s3"))
    sizes, handles = [], []
    body = os.urandom(1 << 20) * 64
    for _ in range(4):
        wires = [Raw(trip.server.port) for _ in range(500)]
        assert {wire.ask(get).status for wire in wires} == {200}
        for wire in wires:
            wire.__exit__(None, None, None)
        with Raw(trip.server.port) as wire:
            assert wire.ask(request("PUT", "/journey/large", body, authorization=authorization("s3"))).status == 200
            assert wire.ask(request("GET", "/journey/large", authorization=authorization("s3"))).body == body
        trip.until(lambda: len(os.listdir(f"/proc/{pid}/fd")), lambda count: count < 100, 20)
        sizes.append(resident(pid))
        handles.append(len(os.listdir(f"/proc/{pid}/fd")))
    print("MB:", [round(size / 2**20, 1) for size in sizes], "handles:", handles)
    assert sizes[-1] - sizes[0] < MOST
