"""``POST /_sagewright/reset``: everything stored or running goes, and the server goes on."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

from sagemaker_journey import Journey, journey


def _send(url: str, method: str = "POST", **headers: str) -> int:
    """The status that /_sagewright/reset answers with."""
    request = urllib.request.Request(f"{url}/_sagewright/reset", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def _agents(data_dir: Path) -> list[str]:
    marker = str(data_dir / "work").encode()
    running = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid() and marker in (entry / "cmdline").read_bytes():
                running.append(entry.name)
        except OSError:
            continue
    return running


def _fill(made: Journey) -> None:
    made.data()
    made.train("goes", lines=600, seconds=1)
    made.until(
        lambda: made.sagemaker.describe_training_job(TrainingJobName="goes"),
        lambda job: job["SecondaryStatus"] == "Training",
    )


def test_nothing_is_left(tmp_path: Path) -> None:
    with journey(tmp_path) as made:
        _fill(made)
        assert _agents(tmp_path)
        assert _send(made.server.url) == 204
        assert made.s3.list_buckets()["Buckets"] == []
        assert made.sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
        assert _agents(tmp_path) == []
        assert list((tmp_path / "work").glob("*")) == []
        assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
        made.data()
        made.train("again")
        assert made.trained("again")["TrainingJobStatus"] == "Completed"


def test_a_page_elsewhere_may_not(tmp_path: Path) -> None:
    with journey(tmp_path) as made:
        made.data()
        assert _send(made.server.url, **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert _send(made.server.url, "GET") == 405
        assert made.s3.list_buckets()["Buckets"]
