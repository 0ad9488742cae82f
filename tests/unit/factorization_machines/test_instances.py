"""Several instances, against one that takes the rows of all in one mini-batch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.tables import records
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.factorization_machines import artifacts
from sagewright_algorithms.factorization_machines.spec import SPEC
from sagewright_algorithms.factorization_machines.train import train
from unit.algorithms.folders import Folder
from unit.algorithms.side_by_side import side_by_side

from .test_jobs import LABELS, RECORDS, ROWS, TEST_LABELS, TEST_ROWS

Array = np.ndarray[Any, Any]

_BATCH = 60
_GIVEN = {
    "feature_dim": 50,
    "num_factors": 4,
    "predictor_type": "regressor",
    "epochs": 4,
    "linear_lr": 0.02,
    "factors_lr": 0.02,
    "factors_init_sigma": 0.1,
    "batch_metrics_publish_interval": 3,
}


def _folder(base: Path, number: int, rows: Array, labels: Array, batch: int, *, sparse: bool = True) -> Folder:
    folder = Folder(base / f"algo-{number + 1}", SPEC)
    folder.put("train", "part", records(rows, labels, sparse=sparse))
    folder.put("test", "part", records(TEST_ROWS, TEST_LABELS, sparse=sparse))
    folder.configure({**_GIVEN, "mini_batch_size": batch}, RECORDS)
    config = folder.base / "input" / "config" / "resourceconfig.json"
    config.write_text(f'{{"current_host": "algo-{number + 1}"}}')
    return folder


def _qualities(log: str) -> dict[str, list[tuple[str, float]]]:
    """Host -> its lines, in their order."""
    found: dict[str, list[tuple[str, float]]] = {}
    for host, name, value in re.findall(r"#quality_metric: host=(\S+), (.+) <loss>=(\S+)", log):
        found.setdefault(host, []).append((name, float(value)))
    return found


def _interleaved(count: int, rows: Array) -> list[Array]:
    """The rows of each instance: of every mini-batch of one instance, each has its part."""
    batches = rows.reshape(-1, count, _BATCH, *rows.shape[1:])
    return [batches[:, number].reshape(-1, *rows.shape[1:]) for number in range(count)]


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("count", [2, 3])
def test_several_take_the_steps_of_one_with_all_their_rows(
    count: int, sparse: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows, labels = ROWS[:1800], LABELS[:1800]
    whole = _folder(tmp_path / "one", 0, rows, labels, _BATCH * count, sparse=sparse)
    train(whole.job())
    expected = _qualities(capfd.readouterr().out)["algo-1"]
    parts = list(zip(_interleaved(count, rows), _interleaved(count, labels), strict=True))

    def work(number: int, collective: Any) -> Folder:
        folder = _folder(tmp_path, number, *parts[number], _BATCH, sparse=sparse)
        train(folder.job(collective))
        return folder

    folders = side_by_side(count, work)
    one, first = (artifacts.read(folder.model_dir).parameters for folder in (whole, folders[0]))
    for array, same in zip(first, one, strict=True):
        np.testing.assert_allclose(array, same, atol=1e-3)
    assert not any(folder.model_dir.exists() and list(folder.model_dir.iterdir()) for folder in folders[1:])
    found = _qualities(capfd.readouterr().out)
    assert len(found) == count
    for lines in found.values():
        assert [name for name, _ in lines] == [name for name, _ in expected]
        np.testing.assert_allclose([value for _, value in lines], [value for _, value in expected], rtol=1e-3)


def test_an_instance_with_fewer_rows_waits_for_the_others(tmp_path: Path) -> None:
    cuts = (slice(0, 1700), slice(1700, 1800))

    def work(number: int, collective: Any) -> Folder:
        folder = _folder(tmp_path, number, ROWS[cuts[number]], LABELS[cuts[number]], _BATCH)
        train(folder.job(collective))
        return folder

    first, _ = side_by_side(2, work)
    assert np.isfinite(artifacts.read(first.model_dir).parameters.factors).all()


def test_too_few_rows_of_all(tmp_path: Path) -> None:
    def work(number: int, collective: Any) -> str:
        folder = _folder(tmp_path, number, ROWS[:20], LABELS[:20], _BATCH)
        with pytest.raises(ClientError) as refused:
            train(folder.job(collective))
        return str(refused.value)

    for failure in side_by_side(2, work):
        assert "train channel" in failure
        assert "mini_batch_size is 60, but there are only 40 records" in failure
