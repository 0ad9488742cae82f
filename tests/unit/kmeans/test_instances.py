"""Trainings over several instances, against one instance that has all the rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.kmeans import artifacts
from sagewright_algorithms.kmeans.train import train

from .conftest import Folder, make_blobs

Array = np.ndarray[Any, Any]

OVERLAPPING = make_blobs(4000, 6, 4, apart=1.5, seed=5)


def _folder(base: Path, number: int, rows: Array, test: Array | None = None, **channel: str) -> Folder:
    folder = Folder(base / f"algo-{number + 1}")
    folder.put("train", "a.csv", rows)
    if test is not None:
        folder.put("test", "b.csv", test)
    folder.configure({"k": 6, "feature_dim": 4, "mini_batch_size": 200, "eval_metrics": '["msd", "ssd"]'}, **channel)
    return folder


def _metrics(log: str) -> dict[str, dict[str, float]]:
    """Host -> channel and metric -> value."""
    found: dict[str, dict[str, float]] = {}
    for host, name, value in re.findall(r"#quality_metric: host=(\S+), (\S+ \S+) <loss>=(\S+)", log):
        found.setdefault(host, {})[name] = float(value)
    return found


@pytest.mark.parametrize("count", [2, 3])
def test_several_instances_reach_what_one_does(
    count: int, instances: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train_rows, test_rows = OVERLAPPING.rows[:3000], OVERLAPPING.rows[3000:]
    whole = _folder(tmp_path / "one", 0, train_rows, test_rows)
    train(whole.job())
    one = _metrics(capfd.readouterr().out)["algo-1"]
    assert set(one) == {"train msd", "train ssd", "test msd", "test ssd"}

    def work(number: int, collective: Any) -> None:
        part = train_rows[number::count], test_rows[number::count]
        folder = _folder(tmp_path, number, *part, S3DistributionType="ShardedByS3Key")
        config = folder.base / "input" / "config" / "resourceconfig.json"
        config.write_text(f'{{"current_host": "algo-{number + 1}"}}')
        train(folder.job(collective))

    instances(count, work)
    several = _metrics(capfd.readouterr().out)
    assert len(several) == count
    for found in several.values():
        assert found == pytest.approx(one, rel=0.02)
    assert (tmp_path / "algo-1" / "model" / artifacts.NAME).exists()
    assert not (tmp_path / "algo-2" / "model" / artifacts.NAME).exists()


def test_replicated_rows(instances: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = OVERLAPPING.rows
    train(_folder(tmp_path / "one", 0, rows, rows[:500]).job())
    one = _metrics(capfd.readouterr().out)["algo-1"]
    instances(2, lambda number, collective: train(_folder(tmp_path, number, rows, rows[:500]).job(collective)))
    assert _metrics(capfd.readouterr().out)["algo-1"] == pytest.approx(one, rel=0.02)


def test_sorted_shards_of_unlike_size(instances: Any, tmp_path: Path) -> None:
    """Each instance has other blobs, and one has far fewer rows."""
    blobs = make_blobs(3000, 6, 4, seed=7)
    nearest = ((blobs.rows[:, None] - blobs.centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    parts = [blobs.rows[nearest == 0][:150], blobs.rows[nearest > 0]]
    instances(2, lambda number, collective: train(_folder(tmp_path, number, parts[number]).job(collective)))
    centres = artifacts.read(tmp_path / "algo-1" / "model")
    assert ((blobs.centres[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1).max() < 0.2


def test_few_rows_on_each_instance_are_enough_together(instances: Any, tmp_path: Path) -> None:
    rows = OVERLAPPING.rows[:6]
    instances(2, lambda number, collective: train(_folder(tmp_path, number, rows[number::2]).job(collective)))
    np.testing.assert_allclose(
        np.sort(artifacts.read(tmp_path / "algo-1" / "model"), axis=0), np.sort(rows, axis=0), atol=1e-5
    )


def test_too_few_rows_on_all_instances(instances: Any, tmp_path: Path) -> None:
    rows = OVERLAPPING.rows[:5]
    with pytest.raises(ClientError, match=r"train channel: file a\.csv: k is 6, but there are only 5 records"):
        instances(2, lambda number, collective: train(_folder(tmp_path, number, rows[number::2]).job(collective)))


def test_a_wrong_row_on_one_instance_ends_both(instances: Any, tmp_path: Path) -> None:
    wrong = OVERLAPPING.rows.copy()
    wrong[3500, 1] = np.nan

    def work(number: int, collective: Any) -> str:
        try:
            with collective:
                train(_folder(tmp_path, number, wrong if number else OVERLAPPING.rows).job(collective))
        except ClientError as error:
            return str(error)
        return ""

    first, second = instances(2, work)
    assert first == second
    assert first.startswith("ClientError: algo-2: ")
    assert "file a.csv, row 3501: feature 1 is missing" in first


def test_a_signal_to_one_instance_stops_all(instances: Any, tmp_path: Path) -> None:
    def work(number: int, collective: Any) -> None:
        folder = _folder(tmp_path, number, OVERLAPPING.rows)
        folder.configure({"k": 6, "feature_dim": 4, "epochs": 1_000_000})
        job = folder.job(collective)
        job.stop.requested = number == 1
        train(job)

    instances(2, work)
    assert (tmp_path / "algo-1" / "model" / artifacts.NAME).exists()
