"""Jobs from files: what lies in /opt/ml goes in, the model's files or the failure come out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from contract.tables import records
from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.knn import artifacts, model
from sagewright_algorithms.knn.train import train
from unit.algorithms.feeding import feeding
from unit.algorithms.folders import Folder, csv_of
from unit.algorithms.side_by_side import side_by_side

Array = np.ndarray[Any, Any]

RECORDS = "application/x-recordio-protobuf"
_RANDOM = np.random.default_rng(0)
_LABELS = np.arange(400, dtype=np.float32) % 4
_ROWS = (_RANDOM.normal(size=(400, 6)) + 3 * np.eye(6)[_LABELS.astype(int)]).astype(np.float32)
_TABLE = np.column_stack([_LABELS, _ROWS])


def _given(**more: Any) -> dict[str, Any]:
    return {"feature_dim": 6, "k": 3, "predictor_type": "classifier", "sample_size": 1000, **more}


def _right(folder: Folder) -> float:
    found = model.predict(model.load(folder.model_dir), _ROWS)
    return float(np.mean(found["predicted_label"] == _LABELS))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("metric", ["L2", "INNER_PRODUCT", "COSINE"])
def test_records(folder: Folder, metric: str, sparse: bool) -> None:
    folder.put("train", "part", records(_ROWS, _LABELS, sparse=sparse))
    assert folder.run(_given(index_metric=metric), RECORDS) == ""
    assert _right(folder) > (0.5 if metric == "INNER_PRODUCT" else 0.9)
    loaded = model.load(folder.model_dir)
    columns = loaded.predict(_ROWS[:20])
    unit = np.linalg.norm(_ROWS, axis=1, keepdims=True) if metric == "COSINE" else 1
    products = (_ROWS / unit)[:20] @ (_ROWS / unit).T
    squares = np.square(_ROWS[:20, None] - _ROWS[None]).sum(axis=2)
    expected = np.sort(squares)[:, :3] if metric == "L2" else np.sort(products)[:, :-4:-1]
    np.testing.assert_allclose(columns["distances"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv;label_size=1"])
def test_csv_in_several_files(folder: Folder, content_type: str, capfd: pytest.CaptureFixture[str]) -> None:
    for number, part in enumerate(np.array_split(_TABLE, 3)):
        folder.put("train", f"part-{number}", part)
    folder.put("test", "part", _TABLE)
    assert folder.run(_given(k=1, mini_batch_size=50), content_type) == ""
    log = capfd.readouterr().out
    assert "test accuracy <score>=1.0" in log
    assert "test macro_f_1.000 <score>=1.0" in log


def test_epochs_and_pipe_mode(folder: Folder) -> None:
    with feeding(folder.base / "input" / "data" / "train", records(_ROWS, _LABELS)) as feeder:
        assert folder.run(_given(epochs=3, sample_size=100), RECORDS, TrainingInputMode="Pipe") == ""
    assert feeder.passes == 3
    assert artifacts.read(folder.model_dir).index.ntotal == 100


def test_a_sample_that_k_fits_in(folder: Folder) -> None:
    folder.put("train", "part", _TABLE)
    assert folder.run(_given(k=50, sample_size=50), "text/csv") == ""
    found = model.predict(model.load(folder.model_dir), _ROWS)
    assert len(set(found["predicted_label"].tolist())) == 1
    assert found["distances"].shape == (400, 50)


@pytest.mark.parametrize("distribution", ["FullyReplicated", "ShardedByS3Key"])
def test_instances_make_one_index(folder: Folder, distribution: str) -> None:
    """Each row is in it once, though each instance may have all of them."""
    folders = [Folder(folder.base / f"algo-{number}", folder.spec) for number in (1, 2)]
    for number, one in enumerate(folders):
        one.put("train", "part", _TABLE if distribution == "FullyReplicated" else _TABLE[number::2])
        one.put("test", "part", _TABLE)
        one.configure(_given(k=1), "text/csv", S3DistributionType=distribution)

    def work(number: int, collective: Collective) -> None:
        train(folders[number].job(collective))

    side_by_side(2, work)
    found = artifacts.read(folders[0].model_dir)
    assert sorted(found.labels.tolist()) == sorted(_LABELS.tolist())
    assert _right(folders[0]) == 1
    assert not folders[1].model_dir.exists() or not list(folders[1].model_dir.iterdir())


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (csv_of(_TABLE[:5]) + "1,2,3,4,nan,5,6\n", {}, ("file part, row 6", "feature 3 is missing")),
        (csv_of(_TABLE[:5]) + "1,2,3,4,1e30,5,6\n", {}, ("file part, row 6", "feature 3 is too large")),
        (csv_of(_TABLE[:5]) + "nan,1,2,3,4,5,6\n", {}, ("file part, row 6", "label is missing")),
        ("1,2,3,4,5\n", {}, ("file part, row 1", "size 4", "dimension 6")),
        (csv_of(_TABLE[:2]), {}, ("file part: k is 3", "only 2 records")),
        ("", {}, ("No data",)),
        (
            csv_of(_TABLE[:9]),
            {"index_type": "faiss.IVFFlat", "faiss_index_ivf_nlists": 10},
            ("nlists is 10", "only 9 records"),
        ),
        (csv_of(_TABLE[:1]), {"index_type": "faiss.IVFPQ", "k": 1}, ("file part", "faiss.IVFPQ, which needs 2")),
    ],
)
def test_wrong_rows(folder: Folder, text: str, given: dict[str, Any], words: tuple[str, ...]) -> None:
    folder.put("train", "part", text)
    failure = folder.run(_given(**given), "text/csv")
    assert failure.startswith("ClientError: ")
    for word in ("train channel", *words):
        assert word in failure
    assert not list(folder.model_dir.iterdir())


def test_rows_without_labels(folder: Folder) -> None:
    folder.put("train", "part", records(_ROWS))
    failure = folder.run(_given(), RECORDS)
    assert failure.startswith("ClientError: Got input data without labels")
    assert "channel train, file part, row 1" in failure
    assert "label_size=0 is not an accepted" in folder.run(_given(), "text/csv;label_size=0")


@pytest.mark.parametrize("text", ["", "1,2,3\n"])
def test_a_wrong_test_channel(folder: Folder, text: str) -> None:
    folder.put("train", "part", _TABLE)
    folder.put("test", "part", text)
    failure = folder.run(_given(), "text/csv")
    assert failure.startswith("ClientError: ")
    assert "test channel" in failure


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model_algo-1", lambda content: b""),
        ("model_algo-1", lambda content: b"no index" + content),
        ("model_algo-1", lambda content: content[:-100]),
        ("model_algo-1.labels", lambda content: content[:-4]),
        ("model_algo-1.labels", lambda content: content[:-1]),
        ("model_algo-1.json", lambda content: b"{"),
        ("model_algo-1.json", lambda content: b"[]"),
        *(
            ("model_algo-1.json", lambda content, more=more: json.dumps({**json.loads(content), **more}).encode())
            for more in (
                {"k": 0},
                {"k": 401},
                {"predictor_type": "clairvoyant"},
                {"feature_dim": 9},
                {"dimension_reduction": {"type": "sign", "seed": 1, "target_dim": 3, "input_dim": 6}},
                {"dimension_reduction": {"type": "other", "seed": 1, "target_dim": 6, "input_dim": 6}},
                {"dimension_reduction": {"type": "sign"}},
            )
        ),
    ],
)
def test_an_unreadable_model(folder: Folder, name: str, change: Any) -> None:
    folder.put("train", "part", _TABLE)
    assert folder.run(_given(), "text/csv") == ""
    path = folder.model_dir / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(artifacts.UnreadableModel, match="cannot be loaded"):
        model.load(folder.model_dir)
    path.unlink()
    with pytest.raises(artifacts.UnreadableModel, match="There is no"):
        model.load(folder.model_dir)
