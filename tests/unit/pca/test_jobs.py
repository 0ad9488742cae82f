"""Jobs from files: what lies in /opt/ml goes in, model_algo-1 or the failure comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.tables import records
from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.pca import artifacts, model, summary
from sagewright_algorithms.pca.components import Components
from unit.algorithms.feeding import feeding
from unit.algorithms.folders import Folder, csv_of

Array = np.ndarray[Any, Any]

RECORDS = "application/x-recordio-protobuf"
PLAIN = "text/csv;label_size=0"
_ROWS = (np.random.default_rng(0).normal(size=(500, 6)) * [1, 2, 3, 4, 5, 6] + 10).astype(np.float32)


def _given(**more: Any) -> dict[str, Any]:
    return {"feature_dim": 6, "num_components": 2, "mini_batch_size": 50, **more}


def _is_pca_of(rows: Array, found: Components) -> None:
    singular = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(found.singular[::-1], singular[: len(found.singular)], rtol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("mode", ["regular", "randomized"])
def test_records(folder: Folder, mode: str, sparse: bool) -> None:
    folder.put("train", "part", records(_ROWS, sparse=sparse))
    assert folder.run(_given(algorithm_mode=mode, force_dense="false"), RECORDS) == ""
    _is_pca_of(_ROWS, artifacts.read(folder.model_dir))


@pytest.mark.parametrize(("content_type", "labels"), [("text/csv", 1), (PLAIN, 0), ("text/csv;label_size=2", 2)])
def test_label_columns_are_passed_over(folder: Folder, content_type: str, labels: int) -> None:
    folder.put("train", "part", np.hstack([np.full((len(_ROWS), labels), 7), _ROWS]))
    assert folder.run(_given(), content_type) == ""
    _is_pca_of(_ROWS, artifacts.read(folder.model_dir))


def test_epochs_read_the_same_rows_again(folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "part", _ROWS)
    assert folder.run(_given(epochs=3), PLAIN) == ""
    _is_pca_of(_ROWS, artifacts.read(folder.model_dir))
    log = capfd.readouterr().out
    assert [f"completed {share!r} %" in log for share in (100 / 3, 200 / 3, 100.0)] == [True] * 3
    assert '"Total Records Seen": {"sum": 1500' in log


def test_pipe_mode(folder: Folder) -> None:
    with feeding(folder.base / "input" / "data" / "train", records(_ROWS)):
        assert folder.run(_given(epochs=2), RECORDS, TrainingInputMode="Pipe") == ""
    _is_pca_of(_ROWS, artifacts.read(folder.model_dir))


def test_many_features_in_randomized_mode(folder: Folder) -> None:
    random = np.random.default_rng(3)
    rows = (random.normal(size=(400, 3)) @ random.normal(size=(3, 300)) * 5).astype(np.float32)
    rows += random.normal(size=rows.shape).astype(np.float32)
    for number, part in enumerate(np.array_split(rows, 7)):
        folder.put("train", f"part-{number}", part)
    assert folder.run(_given(feature_dim=300, num_components=3, algorithm_mode="randomized"), PLAIN) == ""
    found = artifacts.read(folder.model_dir)
    around = rows - rows.mean(axis=0)
    explained = np.square(around @ found.vectors).sum() / np.square(around).sum()
    most = np.square(np.linalg.svd(around, compute_uv=False)[:3]).sum() / np.square(around).sum()
    assert most - 1e-3 < explained < most + 1e-6


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("1,2,3,4,5,6\n1,2,3,nan,5,6\n", ("file part, row 2", "feature 3 is missing")),
        ("1,2,3,4,5,6\n1,2,inf,4,5,6\n", ("file part, row 2", "feature 2 is infinite")),
        ("1,2,3,4,5,6\n1,2,3,4,1e30,6\n", ("file part, row 2", "feature 4 is too large")),
        ("1,2,3,4,5\n", ("file part, row 1", "size 5", "dimension 6")),
        ("1,2,3,4,5,6\n1,2\n", ("file part, row 2", "expected 6 columns")),
        ("1,2,3,4,5,6\n" * 49, ("file part: mini_batch_size is 50", "only 49 records")),
        ("", ("No data",)),
    ],
)
@pytest.mark.parametrize("mode", ["regular", "randomized"])
def test_wrong_rows(folder: Folder, rows: str, words: tuple[str, ...], mode: str) -> None:
    folder.put("train", "part", rows)
    failure = folder.run(_given(algorithm_mode=mode), PLAIN)
    assert failure.startswith("ClientError: ")
    for word in ("train channel", *words):
        assert word in failure
    assert not list(folder.model_dir.iterdir())


def test_a_wrong_row_far_behind(folder: Folder) -> None:
    """It is another thread that finds it."""
    text = csv_of(np.tile(_ROWS, (40, 1)))
    folder.put("train", "a", text)
    folder.put("train", "b", text + "1,2,3,4,5,nan\n" + text)
    failure = folder.run(_given(), PLAIN)
    assert failure.startswith("ClientError: ")
    assert "train channel: file b, row 20001: feature 5" in failure


def test_a_sparse_key_that_is_out_of_range(folder: Folder) -> None:
    folder.put("train", "part", records(np.ones((60, 7), np.float32), sparse=True))
    failure = folder.run(_given(), RECORDS)
    assert failure.startswith("ClientError: ")
    assert "size 7 to array axis with dimension 6" in failure


@pytest.mark.parametrize("rows", ["", "1,2,3,4,5\n"])
def test_a_wrong_test_channel(folder: Folder, rows: str) -> None:
    folder.put("train", "part", _ROWS)
    folder.put("test", "part", rows)
    failure = folder.run(_given(), PLAIN)
    assert failure.startswith("ClientError: ")
    assert "test channel" in failure


def test_too_many_features_for_the_memory(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "free_memory", lambda: 500)
    folder.put("train", "part", _ROWS)
    failure = folder.run(_given(), PLAIN)
    assert failure.startswith("ClientError: algorithm_mode=regular with feature_dim=6")
    assert "randomized" in failure


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x12\x01" + bytes(200)])
def test_an_unreadable_model(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(artifacts.UnreadableModel, match="model_algo-1"):
        artifacts.read(tmp_path)
    (tmp_path / "model_algo-1").write_bytes(content)
    with pytest.raises(artifacts.UnreadableModel, match="cannot be loaded"):
        model.load(tmp_path)


@pytest.mark.parametrize("rows", [np.ones((2, 5), np.float32), np.full((1, 6), np.nan, np.float32)])
def test_wrong_requests(rows: Array) -> None:
    found = Components(np.ones(1), np.ones((6, 1)), np.zeros(6))
    with pytest.raises(RequestError) as refused:
        model.predict(found, rows)
    assert refused.value.status == 400
