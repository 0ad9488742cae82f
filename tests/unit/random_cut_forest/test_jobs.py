"""Jobs in their parts: the sample, the metrics, the artifact; wrong data; Pipe mode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from sagewright_algorithms.contract.collective import alone
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.random_cut_forest import artifacts, model
from sagewright_algorithms.random_cut_forest.evaluation import cutoff, metrics
from sagewright_algorithms.random_cut_forest.reservoir import Reservoir
from sagewright_algorithms.random_cut_forest.spec import SPEC
from unit.algorithms.feeding import feeding
from unit.algorithms.side_by_side import side_by_side

Array = np.ndarray[Any, Any]

ROWS = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
LABELS = np.zeros(300)
LABELS[::50] = 1
ROWS[::50] += 30


def _csv(table: Array) -> bytes:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table).encode()


class Job:
    """An /opt/ml on disk."""

    def __init__(self, base: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.base = base
        self._capfd = capfd
        self._channels: dict[str, dict[str, str]] = {}
        self.log = ""

    def put(
        self, channel: str, content: bytes, *, label_size: int = 0, mode: str = "File", name: str = "a.csv"
    ) -> None:
        folder = self.base / "input" / "data" / channel
        if mode == "File":
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        text = f"text/csv;label_size={label_size}"
        self._channels[channel] = {"ContentType": text, "TrainingInputMode": mode}

    def run(self, **given: str) -> str:
        """The failure; empty where there is none."""
        config = self.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        document = {"feature_dim": "3", "num_trees": "50", **given}
        (config / "hyperparameters.json").write_text(json.dumps(document))
        (config / "inputdataconfig.json").write_text(json.dumps(self._channels))
        code = run(SPEC, Environment(self.base))
        self.log = self._capfd.readouterr().out
        failure = self.base / "output" / "failure"
        assert (code == 1) == failure.exists()
        return failure.read_text() if code else ""


@pytest.fixture
def job(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Job:
    return Job(tmp_path, capfd)


def _with(row: int, column: int, value: float) -> Array:
    found = ROWS.copy()
    found[row, column] = value
    return found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_csv(_with(7, 2, np.nan)), ["train channel", "file a.csv", "row 8", "feature 2 is missing"]),
        (_csv(_with(7, 0, np.inf)), ["train channel", "file a.csv", "row 8", "feature 0 is infinite"]),
        (_csv(ROWS[:, :2]), ["train channel", "file a.csv", "size 2 to array axis with dimension 3"]),
        (_csv(ROWS[:49]), ["train channel", "file a.csv: num_trees is 50", "only 49 records"]),
        (b"a,b,c\n1,2,3\n", ["train channel", "file a.csv", "row 1", "header"]),
        (b"", ["No data in training channel"]),
    ],
)
def test_wrong_training_data(job: Job, content: bytes, words: list[str]) -> None:
    job.put("train", content)
    failure = job.run()
    assert failure.startswith("ClientError: ")
    for word in words:
        assert word in failure, failure


@pytest.mark.parametrize(
    ("content", "label_size", "words"),
    [
        (_csv(np.column_stack([LABELS * 2, ROWS])), 1, ["test channel", "file a.csv", "row 1", "0 or 1, found 2"]),
        (
            _csv(np.column_stack([LABELS, _with(9, 1, np.nan)])),
            1,
            ["test channel", "file a.csv", "row 10", "feature 1"],
        ),
        (_csv(ROWS), 0, ["label_size=0", "label_size=1", "channel test"]),
        (b"", 1, ["No data in test channel"]),
    ],
)
def test_wrong_test_data(job: Job, content: bytes, label_size: int, words: list[str]) -> None:
    job.put("train", _csv(ROWS))
    job.put("test", content, label_size=label_size)
    failure = job.run()
    assert failure.startswith("ClientError: ")
    for word in words:
        assert word in failure, failure


def test_a_forest_that_memory_cannot_hold_is_refused(job: Job) -> None:
    job.put("train", _csv(ROWS))
    failure = job.run(feature_dim="10000", num_trees="1000", num_samples_per_tree="2048")
    assert failure.startswith("ClientError: The sample and the forest need ")
    assert "num_trees" in failure


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ('["accuracy"]', ["accuracy"]),
        ('["precision_recall_fscore"]', ["precision", "recall", "f1", "negative_precision", "negative_f1"]),
    ],
)
def test_eval_metrics_chooses_the_metrics(job: Job, names: str, expected: list[str]) -> None:
    job.put("train", _csv(ROWS))
    job.put("test", _csv(np.column_stack([LABELS, ROWS])), label_size=1)
    assert job.run(eval_metrics=names) == ""
    for name in ("accuracy", "precision", "recall", "f1", "negative_precision", "negative_recall", "negative_f1"):
        wanted = name in expected or (name == "negative_recall" and len(expected) > 1)
        assert (f"test {name} <score>=" in job.log) == wanted, name


def test_trees_get_fewer_samples_where_there_are_not_enough(job: Job) -> None:
    job.put("train", _csv(ROWS))
    assert job.run(num_samples_per_tree="100") == ""
    forest = model.load(job.base / "model")
    assert forest.sizes.tolist() == [6] * 50
    assert "Test data is not provided." in job.log


def test_pipe_mode_and_mini_batches_give_the_same_forest(job: Job, tmp_path: Path) -> None:
    job.put("train", _csv(ROWS))
    assert job.run() == ""
    one = model.load(job.base / "model")
    job.put("train", b"", mode="Pipe")
    content = _csv(ROWS)
    with feeding(tmp_path / "input" / "data" / "train", content[:1000], content[1000:]):
        assert job.run(mini_batch_size="7") == ""
    assert 'Total Batches Seen": {"sum": 43' in job.log
    other = model.load(job.base / "model")
    assert all((a == b).all() for a, b in zip(one.trees, other.trees, strict=True))


def test_labels_of_the_train_channel_are_passed_over(job: Job) -> None:
    job.put("train", _csv(ROWS))
    assert job.run() == ""
    one = model.load(job.base / "model")
    job.put("train", _csv(np.column_stack([LABELS, ROWS])), label_size=1)
    assert job.run() == ""
    assert (model.load(job.base / "model").trees.points == one.trees.points).all()


def test_metrics_are_scikit_learns() -> None:
    random = np.random.default_rng(3)
    labels = random.random(5000) < 0.02
    scores = random.normal(size=5000) + labels * random.choice([0, 8], size=5000)
    found = metrics(scores, labels, ["accuracy", "precision_recall_fscore"])
    called = scores > scores.mean() + 3 * scores.std()
    assert cutoff(scores) == pytest.approx(scores.mean() + 3 * scores.std())
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, called))
    expected = precision_recall_fscore_support(labels, called)
    for number, prefix in enumerate(("negative_", "")):
        own = [found[f"{prefix}{name}"] for name in ("precision", "recall", "f1")]
        assert own == pytest.approx([column[number] for column in expected[:3]])


def test_metrics_without_anomalies() -> None:
    found: Mapping[str, float] = metrics(np.arange(10.0), np.zeros(10, bool), ["precision_recall_fscore", "accuracy"])
    assert [found[name] for name in ("accuracy", "precision", "recall", "f1")] == [1, 0, 0, 0]


@pytest.mark.parametrize("sparse", [False, True])
def test_the_reservoir_is_a_uniform_sample_without_replacement(sparse: bool) -> None:
    rows = np.arange(1, 1001, dtype=np.float32).reshape(-1, 1)
    counts = np.zeros(1000)
    firsts = []
    for seed in range(200):
        reservoir = Reservoir(100, 1, np.random.default_rng(seed))
        for part in np.array_split(rows, 13):
            reservoir.add(scipy.sparse.csr_matrix(part) if sparse else part)
        sample = reservoir.sample(alone())[:, 0].astype(int)
        assert len(set(sample.tolist())) == 100
        counts[sample - 1] += 1
        firsts.append(sample[0])
    # Of 200 samples each row is in 20, with a standard deviation of 4.2.
    assert counts.sum() == 20_000
    assert np.abs(counts.reshape(10, 100).sum(axis=1) - 2000).max() < 200
    assert np.abs(counts - 20).max() < 25
    # The order is random too: the first one comes from anywhere.
    assert 400 < np.mean(firsts) < 600


def test_a_small_stream_is_its_own_sample() -> None:
    reservoir = Reservoir(100, 2, np.random.default_rng(0))
    reservoir.add(ROWS[:30, :2])
    reservoir.add(ROWS[30:50, :2])
    assert sorted(map(tuple, reservoir.sample(alone()).tolist())) == sorted(map(tuple, ROWS[:50, :2].tolist()))


def test_the_sample_of_several_instances_is_one_of_all_their_rows() -> None:
    """One has few rows, another many: each row's chance is the same."""

    def work(number: int, collective: Any) -> list[Array]:
        found = []
        for seed in range(60):
            reservoir = Reservoir(60, 1, np.random.default_rng([seed, number]))
            begin, end = ((0, 40), (40, 500), (500, 600))[number]
            reservoir.add(np.arange(begin, end, dtype=np.float32).reshape(-1, 1))
            found.append(reservoir.sample(collective)[:, 0])
        return found

    one, other, third = side_by_side(3, work)
    assert all((a == b).all() and (b == c).all() for a, b, c in zip(one, other, third, strict=True))
    assert all(len(set(sample.tolist())) == 60 for sample in one)
    parts = np.histogram(np.concatenate(one), bins=[0, 40, 500, 600])[0]
    assert parts == pytest.approx([240, 2760, 600], rel=0.2)


def test_an_artifact_that_cannot_be_read(job: Job) -> None:
    job.put("train", _csv(ROWS))
    assert job.run() == ""
    folder = job.base / "model"
    content = (folder / artifacts.NAME).read_bytes()
    assert [path.name for path in folder.iterdir()] == [artifacts.NAME]
    for damaged in (b"", content[:-20], content[: len(content) // 2], b"\0" + content):
        (folder / artifacts.NAME).write_bytes(damaged)
        with pytest.raises(artifacts.UnreadableModel, match="cannot be loaded"):
            artifacts.read(folder)
    (folder / artifacts.NAME).unlink()
    with pytest.raises(artifacts.UnreadableModel, match="There is no model_algo-1"):
        artifacts.read(folder)
