"""200 small jobs submitted at once: all complete, none runs twice, first come first served, the server stays awake."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sagemaker_journey import GROUP, journey

from clients.raw import Raw, json_call

pytestmark = pytest.mark.slow

JOBS, CLIENTS = 200, 16


def test_two_hundred_jobs_at_once(tmp_path: Path) -> None:
    with journey(tmp_path / "server") as trip:
        trip.data()
        names = [f"job-{number:03d}" for number in range(JOBS)]
        begin = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            arns = list(pool.map(lambda name: trip.train(name, lines=2), names))
        submitted = time.monotonic() - begin
        assert len(set(arns)) == JOBS
        latencies = []
        with Raw(trip.server.port) as wire:
            waiting = set(names)
            while waiting:
                assert time.monotonic() - begin < 300, f"{len(waiting)} jobs are still going"
                for name in sorted(waiting)[:20]:
                    asked = time.monotonic()
                    answer = wire.ask(json_call("sagemaker", "SageMaker.DescribeTrainingJob", TrainingJobName=name))
                    latencies.append(time.monotonic() - asked)
                    if json.loads(answer.body)["TrainingJobStatus"] != "InProgress":
                        waiting.discard(name)
                time.sleep(0.1)
        took = time.monotonic() - begin
        jobs = [trip.sagemaker.describe_training_job(TrainingJobName=name) for name in names]
        assert {job["TrainingJobStatus"] for job in jobs} == {"Completed"}
        _ran_once(trip.logs, names)
        waits = _places_lost(jobs)
        latencies.sort()
        print(
            f"{JOBS} jobs: submitted in {submitted:.1f} s, all done in {took:.1f} s; Describe meanwhile: median "
            f"{latencies[len(latencies) // 2] * 1000:.1f} ms, longest {latencies[-1] * 1000:.0f} ms; "
            f"most places lost in the line: {waits}"
        )
        assert waits < CLIENTS, "nobody overtakes but those who came at the same moment"
        assert trip.s3.list_objects_v2(Bucket="journey", Prefix="output/")["KeyCount"] == 2 * JOBS


def _ran_once(logs: object, names: list[str]) -> None:
    """Each job's log has its first line once."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, filterPattern='"rows="')  # type: ignore[attr-defined]
    seen = [event["logStreamName"].partition("/")[0] for page in pages for event in page["events"]]
    assert sorted(seen) == names


def _places_lost(jobs: list[dict[str, object]]) -> int:
    """How far behind its place by creation a job started at most."""
    created = sorted(jobs, key=lambda job: job["CreationTime"])  # type: ignore[arg-type, return-value]
    started = sorted(jobs, key=lambda job: job["TrainingStartTime"])  # type: ignore[arg-type, return-value]
    place = {job["TrainingJobName"]: number for number, job in enumerate(started)}
    return max(place[job["TrainingJobName"]] - number for number, job in enumerate(created))
