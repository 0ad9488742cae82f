"""Trainings over several instances, against one instance that has all the rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.linear_learner import artifacts, checkpoints, model
from sagewright_algorithms.linear_learner import train as module
from sagewright_algorithms.linear_learner.instances import Instances

Array = np.ndarray[Any, Any]
Make = Callable[..., TrainingJob]

KINDS = ("binary_classifier", "multiclass_classifier", "regressor")
_CRITERIA = "binary_classifier_model_selection_criteria"


def _labels(rows: Any, kind: str) -> Array:
    found: Array = {"binary_classifier": rows.binary, "multiclass_classifier": rows.classes, "regressor": rows.numbers}[
        kind
    ]
    return found


def _given(kind: str, **more: Any) -> dict[str, Any]:
    classes = {"num_classes": 4} if kind == "multiclass_classifier" else {}
    return {"predictor_type": kind, "mini_batch_size": 100, "epochs": 6, "num_models": 6, **classes, **more}


def _scores(log: str) -> dict[str, dict[str, float]]:
    """Host -> the metrics at the end."""
    found: dict[str, dict[str, float]] = {}
    for channel, host, name, value in re.findall(r"#(\w+)_score \((\S+)\) : \('(\S+)', (\S+)\)", log):
        found.setdefault(host, {})[f"{channel} {name}"] = float(value)
    return found


def _fit(job: TrainingJob) -> Any:
    return module.fit(job, Instances(job.collective))


@pytest.mark.parametrize("kind", KINDS)
def test_two_instances_train_the_model_of_one(
    kind: str, job: Make, rows: Any, instances: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """Batches of 100 rows on one instance, or of 50 on each of two that have every other 50 rows."""
    labels = _labels(rows, kind)
    blocks = np.arange(1200).reshape(-1, 50)

    def part(number: int, count: int, begin: int, end: int) -> tuple[Array, Array]:
        own = blocks[begin // 50 : end // 50][number::count].reshape(-1)
        return rows.features[own], labels[own]

    def start(number: int, count: int, **more: Any) -> Any:
        given = _given(kind, mini_batch_size=100 // count, early_stopping_patience=9)
        data = {"train": part(number, count, 0, 800), "validation": part(number, count, 800, 1200)}
        return _fit(job(given, **data, **more))

    one = start(0, 1)
    expected = _scores(capfd.readouterr().out)["algo-1"]
    first, second = instances(2, lambda number, collective: start(number, 2, collective=collective))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert first.threshold == second.threshold
    np.testing.assert_allclose(first.weights, one.weights, rtol=0.02, atol=0.02 * np.abs(one.weights).max())
    found = _scores(capfd.readouterr().out)
    assert found["algo-1"] == found["algo-2"] == pytest.approx(expected, rel=0.03)


def test_replicated_rows_train_the_model_of_one(job: Make, rows: Any, instances: Any) -> None:
    """Every instance has all the rows: the mean gradient of a step is that of one instance's."""
    data = {"train": (rows.features[:800], rows.binary[:800]), "validation": (rows.features[800:], rows.binary[800:])}
    given = _given("binary_classifier", **{_CRITERIA: "f_beta"})
    one = _fit(job(given, **data))
    first, second = instances(2, lambda number, collective: _fit(job(given, collective=collective, **data)))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_allclose(first.weights, one.weights, rtol=1e-3, atol=1e-3 * np.abs(one.weights).max())
    assert first.threshold == pytest.approx(one.threshold, abs=0.05)


def test_instances_with_unlike_numbers_of_rows(job: Make, rows: Any, instances: Any) -> None:
    parts = [slice(0, 930), slice(930, 1190), slice(1190, None)]

    def work(number: int, collective: Any) -> Any:
        part = parts[number]
        return _fit(job(_given("regressor"), train=(rows.features[part], rows.numbers[part]), collective=collective))

    first, second, third = instances(3, work)
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.weights, third.weights)
    scores = model.predict(first, rows.features)["score"]
    assert np.sqrt(np.mean((scores - rows.numbers) ** 2)) < 1.2


def test_instances_with_one_class_each(job: Make, rows: Any, instances: Any) -> None:
    """The scaler, the classes' weights and the threshold come of the rows of both."""
    given = _given("binary_classifier", positive_example_weight_mult="balanced")

    def work(number: int, collective: Any) -> Any:
        own = rows.binary == number
        return _fit(job(given, train=(rows.features[own], rows.binary[own]), collective=collective))

    first, _ = instances(2, work)
    found = model.predict(first, rows.features)["predicted_label"]
    assert (found == rows.binary).mean() > 0.8


def test_only_one_class_on_all_instances(job: Make, rows: Any, instances: Any) -> None:
    def work(number: int, collective: Any) -> Any:
        data = (rows.features[:300], np.ones(300, np.float32))
        return _fit(job(_given("binary_classifier"), train=data, collective=collective))

    with pytest.raises(ClientError, match="all 600 records have the label 1"):
        instances(2, work)


def test_only_the_first_instance_writes_the_model(job: Make, rows: Any, instances: Any, tmp_path: Path) -> None:
    def work(number: int, collective: Any) -> None:
        module.train(job(_given("regressor"), train=(rows.features, rows.numbers), collective=collective))

    instances(2, work)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == [
        f"algo-1/model/{artifacts.NAME}"
    ]


def test_sparse_rows_of_unlike_width(job: Make, rows: Any, sparse_features: Any, instances: Any) -> None:
    """A shard may have no value in the last columns."""
    parts = [(sparse_features[:600, :35], rows.binary[:600]), (sparse_features[600:], rows.binary[600:])]
    given = _given("binary_classifier")
    first, second = instances(
        2, lambda number, collective: _fit(job(given, train=parts[number], collective=collective))
    )
    assert first.weights.shape == (40, 1)
    np.testing.assert_array_equal(first.weights, second.weights)


def test_dense_rows_of_unlike_width(job: Make, rows: Any, instances: Any) -> None:
    parts = [(rows.features[:, :5], rows.binary), (rows.features, rows.binary)]
    given = _given("binary_classifier")
    with pytest.raises(
        ClientError, match=r"algo-1: train channel: .*memory.csv.*size 5 to array axis with dimension 6"
    ):
        instances(2, lambda number, collective: _fit(job(given, train=parts[number], collective=collective)))


@pytest.mark.parametrize("channel", ["train", "validation"])
def test_an_instance_without_rows(channel: str, job: Make, rows: Any, instances: Any) -> None:
    whole = {"train": (rows.features, rows.binary), "validation": (rows.features, rows.binary)}
    none = {**whole, channel: (rows.features[:0], rows.binary[:0])}
    given = _given("binary_classifier")
    kind = {"train": "training"}.get(channel, channel)
    with pytest.raises(ClientError, match=f"algo-2: No data in {kind} channel path"):
        instances(2, lambda number, collective: _fit(job(given, collective=collective, **(none if number else whole))))


def test_a_wrong_record_ends_all_instances(
    job: Make, rows: Any, instances: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found in a later batch, while the other instance trains."""
    monkeypatch.setattr(module, "_SAMPLE", 100)
    wrong = rows.binary.copy()
    wrong[1100] = 7
    given = _given("binary_classifier", num_point_for_scaler=100)
    parts = [rows.binary, wrong]

    def work(number: int, collective: Any) -> str:
        try:
            with collective:
                _fit(job(given, train=(rows.features, parts[number]), collective=collective))
        except ClientError as error:
            return str(error)
        return ""

    first, second = instances(2, work)
    assert first == second
    assert first == ("ClientError: algo-2: train channel: file memory.csv, row 1: the label must be 0 or 1, found 7")


def test_a_signal_to_one_instance_stops_all(job: Make, rows: Any, instances: Any) -> None:
    given = _given("regressor", epochs=10_000, early_stopping_patience=10_000)

    def work(number: int, collective: Any) -> Any:
        made = job(given, train=(rows.features, rows.numbers), collective=collective)
        made.stop.requested = number == 1
        return _fit(made)

    first, second = instances(2, work)
    np.testing.assert_array_equal(first.weights, second.weights)


def test_a_job_goes_on_from_the_first_instances_checkpoint(
    job: Make, rows: Any, instances: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    blocks = np.arange(1200).reshape(-1, 50)

    def run(epochs: int) -> list[Any]:
        def work(number: int, collective: Any) -> Any:
            own = blocks[number::2].reshape(-1)
            given = _given("regressor", epochs=epochs, early_stopping_patience=9)
            folder = tmp_path / f"kept-{number}"
            return _fit(
                job(given, train=(rows.features[own], rows.numbers[own]), checkpoints=folder, collective=collective)
            )

        found: list[Any] = instances(2, work)
        return found

    whole, _ = run(6)
    (tmp_path / "kept-0" / checkpoints.NAME).unlink()
    run(3)
    capfd.readouterr()
    first, second = run(6)
    assert capfd.readouterr().out.count("Resuming from epoch 3") == 2
    assert not (tmp_path / "kept-1").exists()
    np.testing.assert_array_equal(first.weights, whole.weights)
    np.testing.assert_array_equal(second.weights, whole.weights)
