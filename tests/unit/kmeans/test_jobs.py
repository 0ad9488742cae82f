"""Jobs from files: what lies in /opt/ml goes in, model_algo-1 or the failure comes out."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.formats import ndarrays, recordio
from sagewright_algorithms.formats.record import record_class
from sagewright_algorithms.kmeans import artifacts, model
from sagewright_algorithms.kmeans.settings import Settings
from unit.algorithms.feeding import feeding

from .conftest import csv_of, make_blobs

Array = np.ndarray[Any, Any]

RECORDS = "application/x-recordio-protobuf"


def _given(**more: Any) -> dict[str, Any]:
    return {"k": 8, "feature_dim": 5, **more}


def _centres(folder: Any) -> Array:
    return artifacts.read(folder.base / "model")


def _msd(rows: Array, centres: Array) -> float:
    return float(((rows[:, None].astype(np.float64) - centres[None]) ** 2).sum(axis=2).min(axis=1).mean())


def _records(rows: Array, *, sparse: bool = False) -> bytes:
    found = []
    for row in rows:
        record = record_class()()
        tensor = record.features["values"].float32_tensor
        columns = np.flatnonzero(row) if sparse else np.arange(len(row))
        tensor.values.extend(row[columns].tolist())
        if sparse:
            tensor.keys.extend(columns.tolist())
            tensor.shape.append(len(row))
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


def _found_all(centres: Array, expected: Array) -> bool:
    gaps = ((expected[:, None] - centres[None]) ** 2).sum(axis=2)
    return bool((gaps.min(axis=1) < 0.1).all())


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"init_method": "kmeans++"},
        {"local_lloyd_init_method": "random", "local_lloyd_num_trials": 20},
        {"extra_center_factor": 1, "init_method": "kmeans++"},
        {"extra_center_factor": 50},
        {"mini_batch_size": 100, "epochs": 3},
        {"mini_batch_size": 7},
        {"half_life_time_size": 500},
        {"local_lloyd_max_iter": 1},
        {"local_lloyd_tol": 0},
    ],
)
def test_the_blobs_are_found(more: dict[str, Any], folder: Any, blobs: Any) -> None:
    folder.put("train", "a.csv", blobs.rows)
    assert folder.run(_given(**more)) == ""
    assert _found_all(_centres(folder), blobs.centres)


def test_the_metrics_are_those_of_the_rows(folder: Any, blobs: Any, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "a.csv", blobs.rows[:2000])
    folder.put("test", "b.csv", blobs.rows[2000:])
    assert folder.run(_given(eval_metrics='["ssd", "msd"]', mini_batch_size=300)) == ""
    centres = _centres(folder)
    found = re.findall(r"host=algo-1, (\S+) (\S+) <loss>=(\S+)", capfd.readouterr().out)
    assert {(channel, name): float(value) for channel, name, value in found} == {
        ("train", "msd"): pytest.approx(_msd(blobs.rows[:2000], centres), rel=1e-5),
        ("train", "ssd"): pytest.approx(2000 * _msd(blobs.rows[:2000], centres), rel=1e-5),
        ("test", "msd"): pytest.approx(_msd(blobs.rows[2000:], centres), rel=1e-5),
        ("test", "ssd"): pytest.approx(1000 * _msd(blobs.rows[2000:], centres), rel=1e-5),
    }


def test_a_sample_stands_for_a_longer_channel(
    folder: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sagewright_algorithms.kmeans.train._SAMPLE", (500, 500))
    blobs = make_blobs(6000, 4, 3, apart=6, seed=3)
    folder.put("train", "a.csv", blobs.rows)
    assert folder.run({"k": 4, "feature_dim": 3, "mini_batch_size": 250}) == ""
    (value,) = re.findall(r"train msd <loss>=(\S+)", capfd.readouterr().out)
    assert float(value) == pytest.approx(_msd(blobs.rows, _centres(folder)), rel=0.1)
    assert _found_all(_centres(folder), blobs.centres)


def test_recent_rows_count_with_a_half_life(folder: Any) -> None:
    """Two blobs that moved: without decay the centres are between, with it at the new places."""
    random = np.random.default_rng(0)
    signs = random.choice([-1.0, 1.0], 4000)
    drift = np.repeat([0.0, 4.0], 2000)
    rows = np.column_stack([20 * signs, drift]) + random.normal(0, 0.1, (4000, 2))
    folder.put("train", "a.csv", rows)
    given = {"k": 2, "feature_dim": 2, "mini_batch_size": 100}
    assert folder.run(given) == ""
    np.testing.assert_allclose(_centres(folder)[:, 1], 2, atol=0.1)
    assert folder.run({**given, "half_life_time_size": 200}) == ""
    np.testing.assert_allclose(_centres(folder)[:, 1], 4, atol=0.1)


def test_files_are_one_stream(folder: Any, blobs: Any) -> None:
    folder.put("train", "all.csv", blobs.rows)
    assert folder.run(_given(mini_batch_size=400)) == ""
    whole = _centres(folder)
    (folder.base / "input" / "data" / "train" / "all.csv").unlink()
    for name, part in zip("abc", np.split(blobs.rows, [450, 1700]), strict=True):
        folder.put("train", f"{name}.csv", part)
    assert folder.run(_given(mini_batch_size=400)) == ""
    np.testing.assert_array_equal(_centres(folder), whole)


def test_pipe_mode_reads_a_fifo_an_epoch(folder: Any, blobs: Any) -> None:
    data = _records(blobs.rows)
    folder.put("train", "a.pbr", data)
    given = _given(mini_batch_size=400, epochs=3)
    assert folder.run(given, content_type=RECORDS) == ""
    expected = _centres(folder)
    with feeding(folder.base / "input" / "data" / "train", data) as feeder:
        assert folder.run(given, content_type=RECORDS, TrainingInputMode="Pipe") == ""
    assert feeder.passes == 3
    np.testing.assert_array_equal(_centres(folder), expected)


def test_dense_and_sparse_records_train_alike(folder: Any) -> None:
    blobs = make_blobs(1500, 4, 30)
    rows = np.where(np.random.default_rng(1).random((4, 30)) < 0.7, 0, blobs.centres)[
        np.random.default_rng(2).integers(0, 4, 1500)
    ].astype(np.float32)
    rows += np.where(rows != 0, blobs.rows * 0.01, 0)
    found = []
    for sparse, force in ((False, "true"), (True, "true"), (True, "false")):
        folder.put("train", "a.pbr", _records(rows, sparse=sparse))
        given = {"k": 4, "feature_dim": 30, "force_dense": force, "mini_batch_size": 200}
        assert folder.run(given, content_type=RECORDS) == ""
        found.append(_centres(folder))
    np.testing.assert_array_equal(found[0], found[1])
    assert _msd(rows, found[2]) == pytest.approx(_msd(rows, found[0]), rel=1e-3)


def test_sparse_rows_that_are_too_wide_to_be_made_dense(folder: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """A mini-batch of 5000 dense rows would be 4 GB."""
    random = np.random.default_rng(0)
    found = []
    for number in range(300):
        record = record_class()()
        tensor = record.features["values"].float32_tensor
        columns = np.sort(random.choice(50, 10, replace=False)) + 100_000 * (number % 2)
        tensor.values.extend([5.0] * 10)
        tensor.keys.extend(columns.tolist())
        tensor.shape.append(200_000)
        found.append(recordio.frame(record.SerializeToString()))
    folder.put("train", "a.pbr", b"".join(found))
    given = {"k": 2, "feature_dim": 200_000, "extra_center_factor": 5}
    assert folder.run(given, content_type=RECORDS) == ""
    centres = _centres(folder)
    # One has its values in the first fifty columns, the other in fifty in the middle.
    assert sorted(np.flatnonzero(centre).min() // 100_000 for centre in centres) == [0, 1]
    assert all(len(np.flatnonzero(centre)) == 50 for centre in centres)


def test_far_from_the_origin(folder: Any) -> None:
    blobs = make_blobs(1000, 5, 3, apart=20, seed=1)
    folder.put("train", "a.csv", blobs.rows.astype(np.float64) + 1e6)
    assert folder.run({"k": 5, "feature_dim": 3}) == ""
    found = _centres(folder).astype(np.float64) - 1e6
    assert ((blobs.centres[:, None] - found[None]) ** 2).sum(axis=2).min(axis=1).max() < 0.5
    columns = model.predict(model.load(folder.base / "model"), (blobs.rows + np.float32(1e6)).astype(np.float32))
    assert len(set(columns["closest_cluster"].tolist())) == 5
    assert columns["distance_to_cluster"].max() < 8


@pytest.mark.parametrize(("content_type", "labels"), [("text/csv", 1), ("text/csv;label_size=2", 2)])
def test_labels_are_passed_over(content_type: str, labels: int, folder: Any, blobs: Any) -> None:
    folder.put("train", "a.csv", np.column_stack([np.full((3000, labels), 1e9), blobs.rows]))
    assert folder.run(_given(), content_type=content_type) == ""
    assert _found_all(_centres(folder), blobs.centres)


def test_fewer_different_rows_than_clusters(folder: Any, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "a.csv", np.repeat(np.arange(10.0).reshape(2, 5), 50, axis=0))
    assert folder.run(_given()) == ""
    assert _centres(folder).shape == (8, 5)
    assert _msd(np.arange(10.0).reshape(2, 5), _centres(folder)) < 1e-6
    assert "Only 2 of the 8 centers differ" in capfd.readouterr().out


def test_as_many_rows_as_clusters(folder: Any, blobs: Any) -> None:
    folder.put("train", "a.csv", blobs.rows[:8])
    assert folder.run(_given()) == ""
    assert _msd(blobs.rows[:8], _centres(folder)) < 1e-6


@pytest.mark.parametrize(
    ("channel", "text", "words"),
    [
        ("train", "1,2,3,4\n", "cannot copy sequence with size 4 to array axis with dimension 5"),
        ("train", "1,2,3,4,5,6\n", "cannot copy sequence with size 6 to array axis with dimension 5"),
        ("train", csv_of(np.ones((20, 5))) + "1,2,nan,4,5\n", "file w.csv, row 21: feature 2 is missing"),
        ("train", csv_of(np.ones((20, 5))) + "1,2,3,4,-inf\n", "file w.csv, row 21: feature 4 is infinite"),
        ("train", csv_of(np.ones((20, 5))) + "1e30,2,3,4,5\n", "file w.csv, row 21: feature 0 is too large: 1e+30"),
        ("train", csv_of(np.ones((20, 5))) + "1,x,3,4,5\n", "file w.csv, row 21, column 2: 'x' is not a number"),
        ("train", csv_of(np.ones((7, 5))), "file w.csv: k is 8, but there are only 7 records"),
        ("test", "1,2,3,4,inf\n", "file w.csv, row 1: feature 4 is infinite"),
        ("test", "1,2,3,4\n", "size 4 to array axis with dimension 5"),
        ("test", "", "No data in test channel"),
        ("train", "", "No data in training channel"),
    ],
)
def test_wrong_data(channel: str, text: str, words: str, folder: Any, blobs: Any) -> None:
    folder.put(channel, "w.csv", text)
    if channel != "train":
        folder.put("train", "a.csv", blobs.rows)
    reason = folder.run(_given(mini_batch_size=6))
    assert reason.startswith("ClientError: ")
    assert words in reason
    assert channel in reason


def test_csv_without_a_label_whose_content_type_does_not_say_so(folder: Any, blobs: Any) -> None:
    folder.put("train", "a.csv", blobs.rows)
    reason = folder.run(_given(), content_type="text/csv")
    assert reason.startswith("ClientError: Failed to load csv data of the train channel: file a.csv, row 1: 4 features")
    assert "text/csv;label_size=0" in reason


def test_a_label_size_that_is_no_number(folder: Any, blobs: Any) -> None:
    folder.put("train", "a.csv", blobs.rows)
    assert "label_size=none" in folder.run(_given(), content_type="text/csv;label_size=none")


def test_the_model_file_is_a_list_of_one_array(folder: Any, blobs: Any) -> None:
    folder.put("train", "a.csv", blobs.rows)
    assert folder.run(_given()) == ""
    content = (folder.base / "model" / "model_algo-1").read_bytes()
    assert struct.unpack_from("<QQQ", content) == (0x112, 0, 1)
    assert content[-8:] == bytes(8), "the list has no names"
    (centres,) = ndarrays.decode(content).values()
    assert (centres.shape, centres.dtype) == ((8, 5), np.float32)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", ndarrays.encode([np.zeros(3, np.float32)])])
def test_a_model_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / artifacts.NAME).write_bytes(content)
    with pytest.raises(artifacts.UnreadableModel, match="model_algo-1"):
        model.load(tmp_path)


def test_the_structured_metrics(folder: Any, blobs: Any, capfd: pytest.CaptureFixture[str]) -> None:
    folder.put("train", "a.csv", blobs.rows)
    assert folder.run(_given(mini_batch_size=1000, epochs=2)) == ""
    lines = [json.loads(line.removeprefix("#metrics ")) for line in re.findall("#metrics .*", capfd.readouterr().out)]
    assert {line["Dimensions"]["Algorithm"] for line in lines} == {"AWS/KMeansWebscale"}
    epochs = [line["Metrics"] for line in lines if line["Dimensions"].get("Meta") == "training_data_iter"]
    assert [epoch["Total Records Seen"]["sum"] for epoch in epochs] == [3000, 6000]
    assert [epoch["Number of Batches Since Last Reset"]["sum"] for epoch in epochs] == [3, 3]
    assert [epoch["Reset Count"]["sum"] for epoch in epochs] == [0, 1]
    assert lines[-1]["Metrics"]["totaltime"]["sum"] > 0
    assert lines[-2]["Metrics"]["epochs"]["sum"] == 2


@pytest.mark.parametrize(
    ("given", "factor", "trials"),
    [
        ({"k": 8, "feature_dim": 7}, 10, 10),
        ({"k": 100, "feature_dim": 50}, 5, 10),
        ({"k": 160, "feature_dim": 50}, 3, 10),
        ({"k": 10_000, "feature_dim": 50}, 2, 1),
        ({"k": 10, "feature_dim": 1_000_000}, 6, 10),
        ({"k": 250, "feature_dim": 50, "extra_center_factor": 7, "local_lloyd_num_trials": 3}, 7, 3),
    ],
)
def test_auto(given: dict[str, int], factor: int, trials: int) -> None:
    settings = Settings.of(given)
    assert (settings.factor, settings.trials) == (factor, trials)


def test_more_centres_than_memory(folder: Any, blobs: Any) -> None:
    """The channel is not read to the end in search of so many rows."""
    folder.put("train", "a.csv", blobs.rows)
    reason = folder.run(_given(k=2_000_000_000))
    assert re.match(r"ClientError: 4000000000 centers .* need 480\.0 GB of memory", reason)
