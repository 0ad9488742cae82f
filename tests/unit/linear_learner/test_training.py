"""Whole trainings on channels in memory: model selection, early stopping, checkpoints, instances, stopping."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.linear_learner import checkpoints, model
from sagewright_algorithms.linear_learner import train as module
from sagewright_algorithms.linear_learner.training import Progress

Array = np.ndarray[Any, Any]
Make = Callable[..., TrainingJob]

KINDS = ("binary_classifier", "multiclass_classifier", "regressor")


def _labels(rows: Any, kind: str) -> Array:
    found: Array = {"binary_classifier": rows.binary, "multiclass_classifier": rows.classes, "regressor": rows.numbers}[
        kind
    ]
    return found


def _given(kind: str, **more: Any) -> dict[str, Any]:
    classes = {"num_classes": 4} if kind == "multiclass_classifier" else {}
    return {"predictor_type": kind, "mini_batch_size": 100, "epochs": 6, "num_models": 6, **classes, **more}


def _run(job: TrainingJob) -> Any:
    module.train(job)
    return model.load(job.environment.model_dir)


@pytest.mark.parametrize("pipe", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_predicts(kind: str, pipe: bool, job: Make, rows: Any, capfd: pytest.CaptureFixture[str]) -> None:
    labels = _labels(rows, kind)
    parts = {"train": slice(0, 800), "validation": slice(800, 1000), "test": slice(1000, None)}
    made = job(_given(kind), **{name: (rows.features[part], labels[part], pipe) for name, part in parts.items()})
    found = model.predict(_run(made), rows.features[1000:])
    if kind == "regressor":
        assert np.sqrt(np.mean((found["score"] - labels[1000:]) ** 2)) < 1.25
    else:
        assert (found["predicted_label"] == labels[1000:]).mean() > 0.72
    log = capfd.readouterr().out
    token = {"regressor": "rmse <loss>", "binary_classifier": "roc_auc_score <score>"}.get(kind, "dcg <score>")
    assert f"#quality_metric: host=algo-1, validation {token}=" in log
    assert f"#quality_metric: host=algo-1, test {token}=" in log
    assert "train_score" not in log


def test_the_logged_metrics_are_those_of_the_written_model(
    job: Make, rows: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    labels = rows.binary
    made = job(
        _given("binary_classifier"),
        train=(rows.features[:800], labels[:800]),
        validation=(rows.features[800:], labels[800:]),
    )
    found = model.predict(_run(made), rows.features[800:])
    log = capfd.readouterr().out
    logged = {name: float(value) for name, value in re.findall(r"#validation_score .*\('(\S+)', (\S+)\)", log)}
    assert logged["binary_classification_accuracy"] == pytest.approx((found["predicted_label"] == labels[800:]).mean())
    assert logged["roc_auc_score"] == pytest.approx(roc_auc_score(labels[800:], found["score"]))
    assert "Test data is not provided." in log


def test_without_validation_data_the_training_data_is_scored(
    job: Make, rows: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    _run(job(_given("binary_classifier"), train=(rows.features, rows.binary)))
    log = capfd.readouterr().out
    assert "#train_score (algo-1) : ('binary_classification_accuracy'" in log
    assert "criteria=binary_classification_cross_entropy_objective" in log
    assert "validation_score" not in log


def test_data_that_memory_shall_not_hold_trains_the_same_model(
    job: Make, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Pipe mode every pass is a pipe of its own, and the scaler's rows come from the first one."""
    made = job(_given("regressor"), train=(rows.features, rows.numbers))
    kept = _run(made)
    assert made.channels["train"].passes == 1  # type: ignore[attr-defined]
    monkeypatch.setattr("sagewright_algorithms.linear_learner.data.free_memory", lambda: 30_000)
    made = job(_given("regressor", num_models=6), train=(rows.features, rows.numbers, True))
    streamed = _run(made)
    assert made.channels["train"].passes == 7  # type: ignore[attr-defined]
    np.testing.assert_array_equal(kept.weights, streamed.weights)


def test_early_stopping() -> None:
    progress = Progress(patience=2, tolerance=0.01)
    assert progress.add(1.0)
    assert not progress.add(0.995)  # an improvement by less than the tolerance
    assert not progress.exhausted
    assert progress.add(0.98)
    assert not progress.add(2.0)
    assert not progress.add(0.98)
    assert progress.exhausted


def test_early_stopping_of_what_grows() -> None:
    """An accuracy is the negative of a cost."""
    progress = Progress(patience=1, tolerance=0.01)
    assert progress.add(-0.5)
    assert progress.add(-0.506)
    assert not progress.add(-0.507)


def test_training_ends_early(job: Make, rows: Any, capfd: pytest.CaptureFixture[str]) -> None:
    _run(job(_given("regressor", epochs=500, early_stopping_tolerance=0.5), train=(rows.features, rows.numbers)))
    assert len(re.findall("#progress_metric", capfd.readouterr().out)) < 20


def test_a_job_goes_on_from_its_checkpoint(
    job: Make, rows: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = {"train": (rows.features[:800], rows.binary[:800]), "validation": (rows.features[800:], rows.binary[800:])}
    patient = {"early_stopping_patience": 50}
    whole = _run(job(_given("binary_classifier", **patient), **data))
    _run(job(_given("binary_classifier", **{**patient, "epochs": 3}), checkpoints=tmp_path / "kept", **data))
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [checkpoints.NAME]
    capfd.readouterr()
    resumed = _run(job(_given("binary_classifier", **patient), checkpoints=tmp_path / "kept", **data))
    log = capfd.readouterr().out
    assert "Resuming from epoch 3" in log
    assert log.count("#progress_metric") == 3
    np.testing.assert_array_equal(whole.weights, resumed.weights)
    assert whole.threshold == resumed.threshold


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_checkpoint_that_does_not_fit_is_passed_over(
    damage: str, job: Make, rows: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kept"
    data = {"train": (rows.features, rows.numbers)}
    _run(job(_given("regressor", wd=0.5 if damage == "other" else 0.0), checkpoints=folder, **data))
    if damage == "cut":
        path = folder / checkpoints.NAME
        path.write_bytes(path.read_bytes()[:200])
    capfd.readouterr()
    _run(job(_given("regressor", wd=0.0), checkpoints=folder, **data))
    log = capfd.readouterr().out
    assert "training starts from the beginning" in log
    assert "completed 16.6" in log


@pytest.mark.parametrize("after", [0, 5, 25])
def test_a_stopped_job_leaves_the_best_model_so_far(
    after: int, job: Make, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """after: updates before SIGTERM comes; an epoch has 12."""
    from sagewright_algorithms.linear_learner.ensemble import Ensemble

    made = job(_given("binary_classifier", epochs=10_000), train=(rows.features, rows.binary))
    update = Ensemble.update

    def counted(self: Ensemble, gradients: Any, count: float) -> None:
        update(self, gradients, count)
        made.stop.requested = self.updates >= after

    monkeypatch.setattr(Ensemble, "update", counted)
    made.stop.requested = after == 0
    found = model.predict(_run(made), rows.features)
    assert np.isfinite(found["score"]).all()
    if after == 25:
        assert roc_auc_score(rows.binary, found["score"]) > 0.9


def test_a_training_that_diverges_is_the_users_fault(job: Make, rows: Any) -> None:
    given = _given("regressor", optimizer="sgd", learning_rate=1e6, use_lr_scheduler="false")
    with pytest.raises(ClientError, match="diverged"), np.errstate(all="ignore"):
        _run(job(given, train=(rows.features, rows.numbers)))


def test_class_weights_move_the_threshold_free_scores(job: Make, rows: Any) -> None:
    """With positives counting ten times as much, more rows score above one half."""
    shares = []
    for weight in (0.1, 1.0, 10.0):
        given = _given("binary_classifier", positive_example_weight_mult=weight)
        scores = model.predict(_run(job(given, train=(rows.features, rows.binary))), rows.features)["score"]
        shares.append((scores > 0.5).mean())
    assert shares[0] < shares[1] - 0.1 < shares[2] - 0.2


@pytest.mark.parametrize("weight", ["auto", "balanced"])
def test_automatic_class_weights(weight: str, job: Make, rows: Any) -> None:
    given = _given("binary_classifier", positive_example_weight_mult=weight)
    found = model.predict(_run(job(given, train=(rows.features, rows.binary))), rows.features)
    assert (found["predicted_label"] == rows.binary).mean() > 0.8


@pytest.mark.parametrize(
    ("criterion", "target"), [("precision_at_target_recall", "recall"), ("recall_at_target_precision", "precision")]
)
def test_a_target_is_held(criterion: str, target: str, job: Make, rows: Any, capfd: pytest.CaptureFixture[str]) -> None:
    given = _given(
        "binary_classifier",
        binary_classifier_model_selection_criteria=criterion,
        **{f"target_{target}": 0.95},
    )
    data = {"train": (rows.features[:800], rows.binary[:800]), "validation": (rows.features[800:], rows.binary[800:])}
    _run(job(given, **data))
    log = capfd.readouterr().out
    logged = {name: float(value) for name, value in re.findall(r"#validation_score .*\('(\S+)', (\S+)\)", log)}
    assert logged[target] >= 0.95
    assert f"criteria=sampled_{criterion}" in log


@pytest.mark.parametrize("loss", ["absolute_loss", "eps_insensitive_squared_loss", "eps_insensitive_absolute_loss",
                                  "quantile_loss", "huber_loss", "hinge_loss"])  # fmt: skip
def test_the_other_losses(loss: str, job: Make, rows: Any) -> None:
    kind = "binary_classifier" if loss == "hinge_loss" else "regressor"
    given = _given(kind, loss=loss, quantile=0.9, epochs=20)
    found = model.predict(_run(job(given, train=(rows.features, _labels(rows, kind)))), rows.features)
    if kind == "binary_classifier":
        assert (found["predicted_label"] == rows.binary).mean() > 0.8
    elif loss == "quantile_loss":
        assert (rows.numbers < found["score"]).mean() == pytest.approx(0.9, abs=0.03)
    else:
        assert np.abs(rows.numbers - found["score"]).mean() < 0.9
