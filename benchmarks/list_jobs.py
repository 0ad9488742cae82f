"""ListTrainingJobs over 10,000 jobs, pages of 100, in every order and with every filter, against moto_server."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.common import client, csv_rows, median, moto_server, training_request

_JOBS, _PAGE, _ROUNDS = 10_000, 100, 9
_FIRST = 1_700_000_000
"""When the first job was made, epoch seconds; the others follow a minute apart."""
_STATUSES = ("Completed", "Completed", "Completed", "Failed", "Stopped")
_MIDDLE = datetime.fromtimestamp(_FIRST + 60 * _JOBS / 2, UTC)

_PLAIN: Mapping[str, Mapping[str, Any]] = {
    "by time": {"SortBy": "CreationTime", "SortOrder": "Descending"},
    "by name": {"SortBy": "Name", "SortOrder": "Ascending"},
    "by status": {"SortBy": "Status", "SortOrder": "Ascending"},
}
_FILTERED: Mapping[str, Mapping[str, Any]] = {
    "NameContains, of half": {"NameContains": "EVEN"},
    "NameContains, of one": {"NameContains": "09998-even"},
    "StatusEquals, of a fifth": {"StatusEquals": "Failed"},
    "StatusEquals, by name": {"StatusEquals": "Failed", "SortBy": "Name"},
    "CreationTimeAfter": {"CreationTimeAfter": _MIDDLE},
    "LastModifiedTimeBefore": {"LastModifiedTimeBefore": _MIDDLE},
    "all of them": {
        "NameContains": "even",
        "StatusEquals": "Failed",
        "CreationTimeAfter": _MIDDLE,
        "LastModifiedTimeAfter": _MIDDLE,
        "SortBy": "Status",
        "SortOrder": "Descending",
    },
}


def _name(number: int) -> str:
    return f"experiment-{number * 7919 % _JOBS:05d}-{('even', 'odd')[number % 2]}"


@contextmanager
def _ours() -> Iterator[tuple[str, Path]]:
    """URL and data folder of a server whose jobs were written while it was down, with documents like a real one's."""
    from sagewright.core.clock import FakeClock
    from sagewright.store import Space, Store
    from sagewright.testing.server import running_server

    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder, running_server(Path(folder)) as handle:
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.put_object(Bucket="bench", Key="train/data.csv", Body=csv_rows(600, 10))
        sagemaker.create_training_job(**training_request("one", "bench", max_depth="5", eta="0.2"))
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="one")
        handle.stop()
        clock = FakeClock()
        store = Store(Path(folder), clock)
        space = Space("sagemaker:training-job", "000000000000", "us-east-1")
        (one,) = store.documents.find(space)
        with store.transaction():
            store.documents.delete(space, one.key)
            for number in range(_JOBS):
                clock.advance(_FIRST + 60 * number - clock.now())
                status = _STATUSES[number % len(_STATUSES)]
                state = {**one.body["state"], "SecondaryStatus": status, "LastModifiedTime": clock.now()}
                store.documents.insert(space, _name(number), {**one.body, "state": state}, status=status)
        store.close()
        handle.start()
        yield handle.url, Path(folder)


@contextmanager
def _moto() -> Iterator[str]:
    with moto_server() as url:
        sagemaker = client("sagemaker", url)
        for number in range(_JOBS):
            sagemaker.create_training_job(**training_request(_name(number), "bench", max_depth="5", eta="0.2"))
        yield url


def _with(token: str | None) -> dict[str, str]:
    return {"NextToken": token} if token else {}


def _pages(sagemaker: Any, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The requests of the first, the middle and the last page."""
    tokens: list[str | None] = [None]
    while token := sagemaker.list_training_jobs(MaxResults=_PAGE, **asked, **_with(tokens[-1])).get("NextToken"):
        tokens.append(token)
    return [{**asked, "MaxResults": _PAGE, **_with(tokens[at])} for at in (0, len(tokens) // 2, -1)]


def _milliseconds(call: Callable[..., Any], request: Mapping[str, Any]) -> float:
    seen = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        call(**request)
        seen.append(1000 * (time.perf_counter() - start))
    return median(seen)


def _in_process(folder: Path, requests: list[dict[str, Any]]) -> list[float]:
    """The same pages without HTTP, boto3 and a second process."""
    from sagewright.app import App
    from sagewright.config import Config

    app = App(Config(data_dir=folder))
    try:
        sagemaker = app.clients.client("sagemaker", "000000000000", "us-east-1")
        with asyncio.Runner() as runner:

            def call(**request: Any) -> None:
                runner.run(sagemaker.list_training_jobs(**request))

            return [_milliseconds(call, request) for request in requests]
    finally:
        app.store.close()


def run() -> Iterator[str]:
    with _ours() as (url, folder), _moto() as peer_url:
        ours, theirs = client("sagemaker", url), client("sagemaker", peer_url)
        plain: list[float] = []
        for title, asked in {**_PLAIN, **_FILTERED}.items():
            pages = _pages(ours, asked)
            wire = [_milliseconds(ours.list_training_jobs, page) for page in pages]
            plain = plain or wire
            inside = _in_process(folder, pages)
            yield f"{title}: {_three(wire)} ms a page (reach < 50), {_three(inside)} ms in process"
        peers = [_milliseconds(theirs.list_training_jobs, page) for page in _pages(theirs, {})]
        ratio = median(peers) / median(plain)
        yield f"moto_server, which neither sorts nor filters more than a page: {_three(peers)} ms, ratio {ratio:.1f}"


def _three(figures: list[float]) -> str:
    """First, middle and last page."""
    return " / ".join(f"{each:.1f}" for each in figures)
