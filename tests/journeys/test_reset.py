"""``POST /_sagewright/reset``: everything stored or running goes, and the server goes on."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from sagemaker_journey import Journey, journey


def _post(url: str, **headers: str) -> int:
    request = urllib.request.Request(f"{url}/_sagewright/reset", method="POST", headers=headers)
    with urllib.request.urlopen(request) as answer:
        return int(answer.status)


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
        assert _post(made.server.url) == 204
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
        with pytest.raises(urllib.error.HTTPError) as refused:
            _post(made.server.url, **{"Sec-Fetch-Site": "cross-site"})
        assert refused.value.code == 403
        with pytest.raises(urllib.error.HTTPError) as wrong:
            urllib.request.urlopen(f"{made.server.url}/_sagewright/reset")
        assert wrong.value.code == 405
        assert made.s3.list_buckets()["Buckets"]
