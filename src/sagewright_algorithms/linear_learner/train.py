"""Trains the job's models and writes the best of them."""

from __future__ import annotations

import numpy as np

from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.linear_learner import artifacts
from sagewright_algorithms.linear_learner.artifacts import Artifact
from sagewright_algorithms.linear_learner.checks import Checks
from sagewright_algorithms.linear_learner.data import Source
from sagewright_algorithms.linear_learner.ensemble import Ensemble
from sagewright_algorithms.linear_learner.evaluation import Chosen, Evaluator
from sagewright_algorithms.linear_learner.finishing import Finishing
from sagewright_algorithms.linear_learner.hyperparameters import DEFAULTS
from sagewright_algorithms.linear_learner.instances import Instances
from sagewright_algorithms.linear_learner.losses import loss_of
from sagewright_algorithms.linear_learner.report import Report
from sagewright_algorithms.linear_learner.scaling import scaler_of
from sagewright_algorithms.linear_learner.selection import Criterion
from sagewright_algorithms.linear_learner.settings import Settings, resolve
from sagewright_algorithms.linear_learner.training import Progress, Training
from sagewright_algorithms.linear_learner.weights import Weights, weights_of

_SAMPLE = 10_000
"""First rows of the train channel, at least, that choose the model where there is no validation channel."""


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # The matrices of a mini-batch are too small to share out: threads waiting for each other cost more than they give.
    with threadpool_limits(1):
        _train(job)


def _train(job: TrainingJob) -> None:
    instances = Instances(job.collective)
    model = fit(job, instances)
    if instances.first:
        artifacts.write(job.environment.model_dir, model)


def fit(job: TrainingJob, instances: Instances) -> Artifact:
    """The best model, the same on every instance."""
    report = Report(job.environment.current_host)
    training = _set_up(job, instances, report)
    chosen = training.run()
    # A signal may come to one instance a step after it came to another.
    if not instances.any(value=job.stop.requested):
        chosen = _finish(job, training, chosen)
    settings = training.ensemble.settings
    report.model(settings.describe(chosen.number))
    report.end(training.epoch)
    weights, bias = training.scaler.unscaled(chosen.parameters)
    return Artifact(settings.kind, str(settings.values["loss"]), chosen.threshold, weights, bias)


def _finish(job: TrainingJob, training: Training, chosen: Chosen) -> Chosen:
    """Calibrates, and reports the metrics on the validation channel, or else on the training data, and on test."""
    report, scaler = training.report, training.scaler
    finishing = Finishing(training.evaluator, scaler)
    known = training.validation
    chosen = finishing.calibrated(chosen, known.batches(scaler) if known else iter(training.sample))
    channel, source = ("validation", known) if known else ("train", training.train)
    report.scores(channel, finishing.metrics(chosen, source))
    if "test" in job.channels:
        test = _source(job, "test", training.train.checks.width, passes=1)
        report.scores("test", finishing.metrics(chosen, test))
    else:
        report.no_test()
    return chosen


def _source(job: TrainingJob, name: str, width: int | None, passes: int) -> Source:
    values = {**DEFAULTS, **job.hyperparameters}
    channel = job.channels[name]
    checks = Checks(channel, values["predictor_type"], int(values["num_classes"]), width)
    return Source(channel, checks, int(values["mini_batch_size"]), passes)


def _set_up(job: TrainingJob, instances: Instances, report: Report) -> Training:
    """Reads the first rows, and builds all that they decide."""
    values = {**DEFAULTS, **job.hyperparameters}
    given = None if values["feature_dim"] == "auto" else int(values["feature_dim"])
    epochs = int(values["epochs"])
    # One pass more without a validation channel: the final metrics are on the training data.
    passes = epochs + ("validation" not in job.channels)
    train = _source(job, "train", given, passes)
    for_scaler = int(values["num_point_for_scaler"])
    head = train.head(max(for_scaler, _SAMPLE))
    width = _width(train, head, instances)
    settings = resolve(job.hyperparameters, DEFAULTS, width=width, memory=instances.least(free_memory() // 2))
    rows = list(_first(head, for_scaler))
    scaler = scaler_of(settings, rows, width, instances.total)
    weights = _weights(settings, rows, instances)
    ensemble = Ensemble(settings, loss_of(settings.values, scaler.label_scale), width)
    validation = _source(job, "validation", width, epochs + 2) if "validation" in job.channels else None
    report.scaler(scaler)
    job.stop.graceful = True
    return Training(
        ensemble=ensemble,
        scaler=scaler,
        weights=weights,
        train=train,
        validation=validation,
        sample=[scaler.batch(part) for part in head],
        evaluator=_evaluator(ensemble, weights, scaler.label_scale, instances),
        instances=instances,
        report=report,
        stop=job.stop,
        folder=job.environment.checkpoint_dir,
        progress=Progress(settings.values["early_stopping_patience"], settings.values["early_stopping_tolerance"]),
    )


def _width(train: Source, head: list[Examples], instances: Instances) -> int:
    """The widest of the instances' features; sparse rows may be narrower. Raises ClientError."""
    assert train.checks.width is not None
    width = instances.most(train.checks.width)
    if width > train.checks.width:
        train.checks.width = width
        for part in head:
            train.checks(part)
    return width


def _evaluator(ensemble: Ensemble, weights: Weights, label_scale: float, instances: Instances) -> Evaluator:
    values = ensemble.settings.values
    # Losses weighted differently could not be compared.
    alike = values["positive_example_weight_mult"] != "auto"
    return Evaluator(
        ensemble,
        weights if alike else Weights(),
        Criterion.of(values),
        int(values["num_calibration_samples"]),
        label_scale,
        instances,
    )


def _weights(settings: Settings, rows: list[Examples], instances: Instances) -> Weights:
    if settings.kind == "regressor":
        return Weights()
    labels = np.concatenate([part.labels for part in rows if part.labels is not None])
    counts = np.bincount(labels.astype(np.intp), minlength=max(2, settings.classes))
    return weights_of(settings, instances.total(counts.astype(np.float64)))


def _first(parts: list[Examples], rows: int) -> list[Examples]:
    """The first rows of the parts."""
    found = []
    for part in parts:
        if rows <= 0:
            break
        found.append(part if part.rows <= rows else part.part(0, rows))
        rows -= part.rows
    return found
