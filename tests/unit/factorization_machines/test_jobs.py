"""Jobs from files: what lies in /opt/ml goes in, model_algo-1 or the failure comes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.tables import records
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.factorization_machines import artifacts, data, model, train
from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.factorization_machines.spec import SPEC
from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class
from unit.algorithms.feeding import feeding
from unit.algorithms.folders import Folder

Array = np.ndarray[Any, Any]

RECORDS = "application/x-recordio-protobuf"
_RANDOM = np.random.default_rng(0)
_USERS, _ITEMS = 20, 30


def _ratings(count: int) -> tuple[Array, Array]:
    """One-hot users and items, whose factors make the label."""
    random = np.random.default_rng(1)
    users, items = random.normal(size=(_USERS, 2)), random.normal(size=(_ITEMS, 2))
    some, others = _RANDOM.integers(0, _USERS, count), _RANDOM.integers(0, _ITEMS, count)
    rows = np.zeros((count, _USERS + _ITEMS), np.float32)
    rows[np.arange(count), some] = rows[np.arange(count), _USERS + others] = 1
    return rows, (3 + np.sum(users[some] * items[others], axis=1)).astype(np.float32)


ROWS, LABELS = _ratings(2000)
TEST_ROWS, TEST_LABELS = _ratings(300)


def _given(**more: Any) -> dict[str, Any]:
    rates = {"bias_lr": 0.05, "linear_lr": 0.02, "factors_lr": 0.02, "factors_init_sigma": 0.1}
    base = {"feature_dim": _USERS + _ITEMS, "num_factors": 4, "predictor_type": "regressor", "epochs": 20}
    return {**base, "mini_batch_size": 100, **rates, **more}


def _rmse(folder: Folder) -> float:
    """Of the test rows."""
    found = model.load(folder.model_dir).predict(TEST_ROWS)["score"]
    return float(np.sqrt(np.mean(np.square(found - TEST_LABELS))))


def _parameters(folder: Folder) -> Parameters:
    return artifacts.read(folder.model_dir).parameters


@pytest.mark.parametrize("sparse", [False, True])
def test_a_regressor(folder: Folder, sparse: bool, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "part", records(ROWS, LABELS, sparse=sparse))
    folder.put("test", "part", records(TEST_ROWS, TEST_LABELS, sparse=sparse))
    assert folder.run(_given(), RECORDS) == ""
    assert _rmse(folder) < 0.25 * TEST_LABELS.std()
    log = capfd.readouterr().out
    assert ("Building a sparse network" in log) is sparse
    found = {
        name: float(value) for name, value in re.findall(r"#quality_metric: host=algo-1, test (\S+) <loss>=(\S+)", log)
    }
    errors = model.load(folder.model_dir).predict(TEST_ROWS)["score"].astype(float) - TEST_LABELS
    assert found == {
        "rmse": pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-4),
        "mse": pytest.approx(np.mean(np.square(errors)), rel=1e-4),
        "absolute_loss": pytest.approx(np.mean(np.abs(errors)), rel=1e-4),
    }


def test_dense_and_sparse_records_train_the_same(tmp_path: Path) -> None:
    """Where every row has every feature; a sparse row changes nothing that it does not have."""
    rows = _RANDOM.normal(size=(400, 5)).astype(np.float32)
    found = []
    for sparse in (False, True):
        folder = Folder(tmp_path / str(sparse), SPEC)
        folder.put("train", "part", records(rows, rows[:, 0] * rows[:, 1], sparse=sparse))
        assert folder.run(_given(feature_dim=5, epochs=3), RECORDS) == ""
        found.append(_parameters(folder))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_no_test_channel(folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "part", records(ROWS, LABELS, sparse=True))
    assert folder.run(_given(epochs=1), RECORDS) == ""
    assert "Test data is not provided." in capfd.readouterr().out


@pytest.mark.parametrize("mode", ["File", "FastFile"])
def test_several_files_are_as_one(tmp_path: Path, mode: str) -> None:
    found = []
    for pieces in (1, 3):
        folder = Folder(tmp_path / str(pieces), SPEC)
        for number, (rows, labels) in enumerate(
            zip(np.array_split(ROWS, pieces), np.array_split(LABELS, pieces), strict=True)
        ):
            folder.put("train", f"part-{number}", records(rows, labels, sparse=True))
        assert folder.run(_given(epochs=2), RECORDS, TrainingInputMode=mode) == ""
        found.append(_parameters(folder))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kept", [True, False])
def test_pipe_mode(tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits in memory is read once, else every epoch reads again; the model is the same as from files."""
    content = records(ROWS, LABELS, sparse=True)
    folder = Folder(tmp_path / "file", SPEC)
    folder.put("train", "part", content)
    assert folder.run(_given(epochs=4), RECORDS) == ""
    if not kept:
        monkeypatch.setattr(data, "_PIPE_BYTES", 5000)
    piped = Folder(tmp_path / "pipe", SPEC)
    with feeding(piped.base / "input" / "data" / "train", content) as feeder:
        assert piped.run(_given(epochs=4), RECORDS, TrainingInputMode="Pipe") == ""
    assert feeder.passes == (1 if kept else 4)
    for one, other in zip(_parameters(piped), _parameters(folder), strict=True):
        np.testing.assert_array_equal(one, other)


def test_files_larger_than_memory_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for free in (1 << 40, 3000):
        monkeypatch.setattr(data, "free_memory", lambda free=free: free)
        folder = Folder(tmp_path / str(free), SPEC)
        folder.put("train", "part", records(ROWS, LABELS, sparse=True))
        assert folder.run(_given(epochs=3), RECORDS) == ""
        found.append(_parameters(folder))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_last_mini_batch_may_be_smaller(folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "part", records(ROWS[:250], LABELS[:250], sparse=True))
    assert folder.run(_given(epochs=2), RECORDS) == ""
    log = capfd.readouterr().out
    assert '"Total Records Seen": {"sum": 500' in log
    assert '"Total Batches Seen": {"sum": 6' in log


def test_how_often_metrics_are_published(folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "part", records(ROWS, LABELS, sparse=True))
    assert folder.run(_given(epochs=2, batch_metrics_publish_interval=8), RECORDS) == ""
    found = re.findall(r"epoch=(\d), batch=(\d+) train rmse <loss>", capfd.readouterr().out)
    assert found == [(epoch, batch) for epoch in "01" for batch in ("0", "8", "16")]


@pytest.mark.parametrize(("term", "size"), [("bias", 1), ("linear", 50)])
def test_a_model_without_a_term(folder: Folder, term: str, size: int) -> None:
    folder.put("train", "part", records(ROWS, LABELS, sparse=True))
    assert folder.run(_given(**{f"use_{term}": "false"}), RECORDS) == ""
    arrays = _parameters(folder)._asdict()
    assert np.count_nonzero(arrays.pop(term)) == 0
    assert all(array.all() for array in arrays.values())


# What cannot be trained on.


def _record(values: list[float], label: float | None, keys: tuple[int, ...] = (), width: int = 0) -> bytes:
    record = record_class()()
    tensor = record.features["values"].float32_tensor
    tensor.values.extend(values)
    tensor.keys.extend(keys)
    tensor.shape.extend([width] * bool(width))
    if label is not None:
        record.label["values"].float32_tensor.values.append(label)
    return bytes(recordio.frame(record.SerializeToString()))


_GOOD = _record([1, 2], 1, (0, 3), 4)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (_record([1], 1, (4,), 5), ("file part, row 1", "size 5", "dimension 4")),
        (_GOOD + _record([1], 1, (4,), 4), ("file part, record 2", "key 4 is out of range")),
        (_GOOD + _record([1], 1, (1 << 40,), 4), ("file part, record 2", "out of range")),
        (_GOOD * 30 + _record([1], 1, (4,), 4), ("file part, record 31", "key 4 is out of range")),
        (_GOOD + _record([np.nan], 1, (2,), 4), ("file part, row 2", "feature 2", "not a number")),
        (_GOOD + _record([1, np.inf], 1, (1, 2), 4), ("file part, row 2", "feature 2", "infinite")),
        (_GOOD + _record([1e20], 1, (2,), 4), ("file part, row 2", "feature 2", "too large")),
        (_GOOD + _record([1], np.nan, (2,), 4), ("file part, row 2", "label", "not finite")),
        (_GOOD + _record([1], None, (2,), 4), ("file part, record 2", "no label")),
        (_record([1], None, (2,), 4) * 2, ("file part", "without labels")),
        (_GOOD + _record([1, 2], 1, (2,), 4), ("file part, record 2", "1 keys for 2 values")),
        (_record([1, 2, 3], 1), ("file part, row 1", "size 3", "dimension 4")),
        (_record([1, 2, 3, 4], 1) + _record([1, 2, 3], 1), ("file part, record 2", "expected 4 features")),
        (_GOOD[:-3], ("file part",)),
        (_GOOD * 9, ("file part", "mini_batch_size is 10", "only 9 records")),
        (b"", ("No data in training channel",)),
    ],
)
@pytest.mark.parametrize("channel", ["train", "test"])
def test_wrong_records(folder: Folder, channel: str, records: bytes, words: tuple[str, ...]) -> None:
    if channel == "test":
        if "mini_batch_size is 10" in words:
            return
        folder.put("train", "good", _GOOD * 10)
        words = tuple(word.replace("training", "test") for word in words)
    folder.put(channel, "part", records)
    failure = folder.run(_given(feature_dim=4, mini_batch_size=10, epochs=1), RECORDS)
    assert failure.startswith("ClientError: ")
    for word in (channel if channel == "test" else "train", *words):
        assert word in failure, failure


@pytest.mark.parametrize("label", [2.0, -1.0, 0.5])
def test_labels_of_a_classifier(folder: Folder, label: float) -> None:
    folder.put("train", "part", _GOOD + _record([1], label, (2,), 4))
    failure = folder.run(_given(feature_dim=4, predictor_type="binary_classifier", mini_batch_size=2), RECORDS)
    assert f"train channel: file part, row 2: the label must be 0 or 1, found {label:g}" in failure


def test_a_wrong_record_in_a_later_file(folder: Folder) -> None:
    folder.put("train", "a", _GOOD * 1000)
    folder.put("train", "b", _GOOD * 500 + _record([np.nan], 1, (2,), 4) + _GOOD * 20)
    failure = folder.run(_given(feature_dim=4), RECORDS)
    assert "train channel: file b, row 501: feature 2" in failure


def test_records_without_a_shape_may_be_narrower(folder: Folder) -> None:
    folder.put("train", "part", _record([1, 2], 1, (0, 3)) * 20)
    assert folder.run(_given(feature_dim=50, mini_batch_size=10), RECORDS) == ""
    assert _parameters(folder).linear.shape == (50, 1)


def test_a_training_that_diverges(folder: Folder) -> None:
    folder.put("train", "part", records(ROWS * 1e4, LABELS, sparse=True))
    failure = folder.run(_given(factors_lr=1e12, epochs=30), RECORDS)
    assert failure.startswith("ClientError: ")
    assert "diverged" in failure
    assert "factors_lr" in failure
    assert not list(folder.model_dir.iterdir())


def test_a_model_that_does_not_fit_in_memory(folder: Folder) -> None:
    folder.put("train", "part", _GOOD * 10)
    failure = folder.run(_given(feature_dim=2**31 - 1, num_factors=1000), RECORDS)
    assert failure.startswith("ClientError: A model of 2147483647 features with 1000 factors needs")


def test_a_stopped_job_leaves_the_model_so_far(folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    """That of one mini-batch at least."""
    folder.put("train", "part", records(ROWS, LABELS, sparse=True))
    folder.put("test", "part", records(TEST_ROWS, TEST_LABELS, sparse=True))
    folder.configure(_given(epochs=1000, bias_lr=0.5), RECORDS)
    job = folder.job()
    job.stop.requested = True
    train.train(job)
    assert _parameters(folder).bias[0, 0] == pytest.approx(0.5, abs=0.05)
    log = capfd.readouterr().out
    assert "completed" not in log
    assert "test_score" not in log


def test_a_job_without_required_hyperparameters(folder: Folder) -> None:
    folder.put("train", "part", _GOOD)
    failure = folder.run({"num_factors": 2}, RECORDS)
    assert "feature_dim" in failure
    with pytest.raises(ClientError):
        folder.job()
