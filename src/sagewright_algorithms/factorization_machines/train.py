"""Trains a job's model and writes it."""

from __future__ import annotations

import time

import numpy as np

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.factorization_machines import artifacts
from sagewright_algorithms.factorization_machines.artifacts import Artifact
from sagewright_algorithms.factorization_machines.data import Source
from sagewright_algorithms.factorization_machines.instances import Instances
from sagewright_algorithms.factorization_machines.metrics import SUMS, Scores, misses, results
from sagewright_algorithms.factorization_machines.parameters import Parameters, scores
from sagewright_algorithms.factorization_machines.report import Report
from sagewright_algorithms.factorization_machines.settings import Settings
from sagewright_algorithms.factorization_machines.training import Training

_SEED = 20171129


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    settings = Settings.of(job.hyperparameters)
    _check_memory(settings)
    report = Report(job.environment.current_host)
    parameters = Parameters.begin(settings, np.random.default_rng(_SEED))
    training = Training(
        settings=settings,
        parameters=parameters,
        source=Source(job.channels["train"], settings, settings.epochs),
        instances=Instances(job.collective, settings.factors),
        report=report,
        stop=job.stop,
    )
    training.run()
    begin = time.time()
    if job.collective.first:
        artifacts.write(job.environment.model_dir, Artifact(settings.kind, parameters))
    report.metrics({"model.serialize.time": (time.time() - begin) * 1000}, begin=begin)
    report.trained(training.scores)
    if "test" not in job.channels:
        report.no_test()
    elif not training.stopped:
        report.tested(_test(job, settings, training))
    report.total()


def _check_memory(settings: Settings) -> None:
    needed, free = settings.memory, free_memory()
    if needed > free:
        raise ClientError(
            f"A model of {settings.width} features with {settings.factors} factors needs {needed / 1e9:.1f} GB of "
            f"memory, {free / 1e9:.1f} GB are available. Please use a larger instance, or reduce feature_dim or "
            "num_factors."
        )


def _test(job: TrainingJob, settings: Settings, training: Training) -> Scores:
    """Of the test rows of all instances. Raises ClientError."""
    sums, lengths = np.zeros(SUMS), training.parameters.lengths
    for batch in Source(job.channels["test"], settings, 1).batches():
        misses(settings.kind, scores(training.parameters, lengths, batch.features), batch.labels, sums)
    return results(settings.kind, training.instances.total(sums))
