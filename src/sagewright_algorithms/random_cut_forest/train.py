"""Samples the job's data, and builds the forest from the sample."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.random_cut_forest import artifacts
from sagewright_algorithms.random_cut_forest.data import Source, dense
from sagewright_algorithms.random_cut_forest.evaluation import cutoff, metrics
from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from sagewright_algorithms.random_cut_forest.forest.trees import memory
from sagewright_algorithms.random_cut_forest.report import Report
from sagewright_algorithms.random_cut_forest.reservoir import Reservoir
from sagewright_algorithms.random_cut_forest.spec import DEFAULTS

Array = NDArray[Any]

_SEED = 2016
_ROUND = 64
"""Mini-batches between two words with the other instances."""
_SCORED = 10_000
"""Rows of the sample whose scores are in the log."""
_DISTRIBUTIONS = {"train": "ShardedByS3Key", "test": "FullyReplicated"}


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    values = {**DEFAULTS, **job.hyperparameters}
    report = Report(job.environment.current_host)
    report.verified(job.channels["train"].content_type.name)
    _check_distribution(job)
    _check_memory(values, report)
    sample = _sample(job, values, report)
    if job.collective.first:
        _finish(job, values, sample, report)
    report.total()


def _finish(job: TrainingJob, values: Mapping[str, Any], sample: Array, report: Report) -> None:
    """What the first instance does: builds, writes and tests the forest."""
    report.gathered(len(sample))
    begin = time.time()
    forest = _build(sample, values["num_trees"], values["num_samples_per_tree"], job)
    report.built(forest, begin)
    scored = forest.score(sample[:_SCORED])
    report.scores("train", scored, cutoff(scored))
    report.serializing()
    artifacts.write(job.environment.model_dir, forest)
    if "test" not in job.channels:
        report.no_test()
    elif not job.stop.requested:
        _test(job, values, forest, report)


def _build(sample: Array, trees: int, wanted: int, job: TrainingJob) -> Forest:
    """sample: in random order. wanted: rows of each tree, fewer where the sample is too small. Raises ClientError."""
    rows = min(wanted, len(sample) // trees)
    if rows == 0:
        raise job.channels["train"].too_few(len(sample), f"num_trees is {trees} and each tree needs one at least")
    return Forest.build(sample[: trees * rows].reshape(trees, rows, -1), seed=_SEED)


def _check_distribution(job: TrainingJob) -> None:
    """With several instances; a single one has all data either way. Raises ClientError."""
    if job.collective.size == 1:
        return
    for name, wanted in _DISTRIBUTIONS.items():
        found = job.environment.input_data.get(name, {}).get("S3DistributionType", wanted)
        if found != wanted:
            raise ClientError(f"'{found}' is not one of ['{wanted}'] (S3DistributionType of the {name} channel)")


def _check_memory(values: Mapping[str, Any], report: Report) -> None:
    """Raises ClientError."""
    trees, rows, width = values["num_trees"], values["num_samples_per_tree"], values["feature_dim"]
    available, samples, forest = free_memory(), 8 * trees * rows * width, memory(trees, rows, width)
    report.memory(available, samples, forest)
    if samples + forest > available:
        raise ClientError(
            f"The sample and the forest need {samples + forest} bytes, but {available} are available. Reduce "
            "num_trees, num_samples_per_tree or feature_dim, or use an instance with more memory."
        )


def _sample(job: TrainingJob, values: Mapping[str, Any], report: Report) -> Array:
    """The rows of the forest, in random order, the same on every instance."""
    width, epochs = values["feature_dim"], values["epochs"]
    source = Source(job.channels["train"], values["mini_batch_size"], width)
    random = np.random.default_rng([_SEED, job.collective.rank])
    reservoir = Reservoir(values["num_trees"] * values["num_samples_per_tree"], width, random)
    start = time.time()
    report.sampling()
    epoch = 0
    while epoch < epochs:
        begin = time.time()
        if not _pass(job, source.batches(epoch), reservoir, report, values["num_trees"]):
            break
        if report.seen.records == 0:
            raise source.empty()
        report.epoch_end(epoch, epochs, begin)
        epoch += 1
    report.sampled(epoch, start)
    return reservoir.sample(job.collective)


def _pass(job: TrainingJob, batches: Iterator[Examples], reservoir: Reservoir, report: Report, fewest: int) -> bool:
    """One over the data, in step with the other instances; whether it came to the end before a signal to stop.

    fewest: records that a forest needs.
    """
    more, everyone = True, 0.0
    while more:
        before = report.seen.records
        for examples in islice(batches, _ROUND):
            if not report.seen.records:
                report.width_agrees()
            reservoir.add(examples.features)
            report.seen.add(examples.rows)
        own = report.seen.records - before
        records, active, stopped = job.collective.sum(np.array([report.seen.records, own, job.stop.requested], float))
        everyone, more = records, bool(active)
        # Before there are enough records, a signal ends the process, and there is no model.
        job.stop.graceful = everyone >= fewest
        if stopped:
            return False
    return True


def _test(job: TrainingJob, values: Mapping[str, Any], forest: Forest, report: Report) -> None:
    source = Source(job.channels["test"], values["mini_batch_size"], values["feature_dim"], labelled=True)
    scores, labels = [], []
    for examples in source.batches():
        scores.append(forest.score(dense(examples.features)).astype(np.float32))
        assert examples.labels is not None
        labels.append(examples.labels > 0)
    if not scores:
        raise source.empty()
    found = np.concatenate(scores).astype(np.float64)
    report.scores("test", found, cutoff(found))
    report.results(metrics(found, np.concatenate(labels), values["eval_metrics"]))
