"""Event streams from a real server: endpoints that answer in parts, and live tails of logs."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
from sagemaker_journey import Journey, journey

from clients.command import SAGEWRIGHT, Sagewright
from clients.harness import python_of


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.data()
        made.train("model")
        made.deploy("streams", made.trained("model")["ModelArtifacts"]["S3ModelArtifacts"])
        made.in_service("streams")
        yield made


def invoke(trip: Journey, endpoint: str = "streams", **asked: Any) -> dict[str, Any]:
    answer: dict[str, Any] = trip.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps(asked)
    )
    return answer


def test_parts_arrive_as_they_are_made(trip: Journey) -> None:
    began = time.monotonic()
    answer = invoke(trip, parts=["one ", "two ", "three"], pause=1.5)
    assert answer["ContentType"] == "text/plain"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    text, first = b"", 0.0
    for event in answer["Body"]:
        first = first or time.monotonic() - began
        text += event["PayloadPart"]["Bytes"]
    assert text == b"one two three"
    assert first < time.monotonic() - began - 1, "the first part came before the last was made"


def test_a_large_answer_with_no_chunks_of_its_own(trip: Journey) -> None:
    body = b"".join(event["PayloadPart"]["Bytes"] for event in invoke(trip)["Body"])
    assert json.loads(body)["model"] == "model"
    parts = ["x" * 1_000_000] * 5
    body = b"".join(event["PayloadPart"]["Bytes"] for event in invoke(trip, parts=parts)["Body"])
    assert len(body) == 5_000_000


def test_a_container_that_breaks_off(trip: Journey) -> None:
    answer = invoke(trip, parts=["one"], **{"break": True})
    stream = iter(answer["Body"])
    assert next(stream) == {"PayloadPart": {"Bytes": b"one"}}
    with pytest.raises(EventStreamError) as caught:
        next(stream)
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert list(stream) == []
    answer["Body"].close()


def test_errors_before_the_stream(trip: Journey) -> None:
    with pytest.raises(trip.runtime.exceptions.ModelError) as caught:
        invoke(trip, status=500)
    assert caught.value.response["OriginalStatusCode"] == 500
    with pytest.raises(trip.runtime.exceptions.ModelError):
        invoke(trip, close=True)
    with pytest.raises(ClientError, match="Endpoint none of account 000000000000 not found"):
        invoke(trip, endpoint="none")


def test_a_reader_that_leaves(trip: Journey) -> None:
    """The container is told soon, though it has long not finished."""
    answer = invoke(trip, parts=["x" * 1000] * 600, pause=0.1)
    next(iter(answer["Body"]))
    answer["Body"].close()
    group = "/aws/sagemaker/Endpoints/streams"
    trip.until(lambda: trip.log(group, "AllTraffic/"), lambda lines: "the reader has left" in lines, seconds=20)


# Live tails


@pytest.fixture
def logs(trip: Journey) -> Any:
    """Without the prefix, which botocore would put before 127.0.0.1."""
    return boto3.client("logs", **trip.server.boto3, config=Config(inject_host_prefix=False))


def write(logs: Any, group: str, *messages: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="stream", logEvents=events)


def make(logs: Any, group: str) -> str:
    """A group with a stream; its ARN."""
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="stream")
    return str(logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupArn"])


def test_a_live_tail(logs: Any) -> None:
    arn = make(logs, "live")
    answer = logs.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="ERROR")
    found: list[str] = []
    kinds: list[str] = []
    writer = threading.Timer(0.5, write, [logs, "live", "ERROR 1", "fine", "ERROR 2"])
    writer.start()
    for event in answer["responseStream"]:
        kinds += event
        found += [one["message"] for one in event.get("sessionUpdate", {}).get("sessionResults", [])]
        if found:
            answer["responseStream"].close()
            break
    writer.join()
    assert kinds[:2] == ["sessionStart", "sessionUpdate"]
    assert found == ["ERROR 1", "ERROR 2"]


def test_a_tail_of_nothing(logs: Any) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.start_live_tail(logGroupIdentifiers=["arn:aws:logs:us-east-1:000000000000:log-group:none"])


def test_a_server_that_ends_takes_its_tails_along(tmp_path_factory: pytest.TempPathFactory) -> None:
    with journey(tmp_path_factory.mktemp("other")) as other:
        logs = boto3.client("logs", **other.server.boto3, config=Config(inject_host_prefix=False))
        stream = logs.start_live_tail(logGroupIdentifiers=[make(logs, "live")])["responseStream"]
        next(iter(stream))
        began = time.monotonic()
        assert other.server.stop() == 0
        assert time.monotonic() - began < 8
        assert all("sessionUpdate" in event for event in stream)


def test_the_aws_cli_follows(tmp_path_factory: pytest.TempPathFactory) -> None:
    """``aws logs start-live-tail`` as it is under ``sagewright run``."""
    binaries = python_of("aws_cli").parent
    command = Sagewright(tmp_path_factory.mktemp("cli") / "data", {"AWS_PAGER": "", "PYTHONUNBUFFERED": "1"})
    assert command("up", "--detach").returncode == 0
    try:
        server = command.server()
        assert server is not None
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        logs = boto3.client("logs", endpoint_url=server["url"], **keys)
        arn = make(logs, "live")
        tail = [f"{binaries}/aws", "logs", "start-live-tail", "--log-group-identifiers", arn]
        with subprocess.Popen(
            [*SAGEWRIGHT, "run", "--", *tail],
            env=command.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            seen = ""
            deadline = time.monotonic() + 60
            lines: list[str] = []

            def read() -> None:
                assert process.stdout is not None
                lines.extend(iter(process.stdout.readline, ""))

            reader = threading.Thread(target=read)
            reader.start()
            while "hello" not in seen and time.monotonic() < deadline and process.poll() is None:
                write(logs, "live", "hello from the tail")
                time.sleep(0.5)
                seen = "".join(lines)
            process.terminate()
            errors = process.stderr.read() if process.stderr is not None else ""
            reader.join()
        assert "hello from the tail" in "".join(lines), errors
    finally:
        command("down")
