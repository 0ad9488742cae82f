"""Finds a job's centres and writes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.formats.examples import Examples, Features, Floats, concatenate
from sagewright_algorithms.kmeans import artifacts
from sagewright_algorithms.kmeans.data import Shape, Source
from sagewright_algorithms.kmeans.finishing import distances, finish
from sagewright_algorithms.kmeans.instances import Instances
from sagewright_algorithms.kmeans.lloyd import dense, initial
from sagewright_algorithms.kmeans.online import Online
from sagewright_algorithms.kmeans.report import Report
from sagewright_algorithms.kmeans.sample import Sample
from sagewright_algorithms.kmeans.settings import Settings
from sagewright_algorithms.kmeans.spec import ALGORITHM
from sagewright_algorithms.kmeans.training import Training

_SAMPLE_A_CENTRE = 2600
_SAMPLE = (1 << 16, 1 << 18)
"""Rows of the sample: of all instances together, from the one to the other."""
_SAMPLE_BYTES = 1 << 28
_BUFFERS = 24
"""Bytes of each number of the centres while training: they, the rows that they begin as, and a mini-batch's sums."""


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # The cores share out rows; threads of a matrix product would wait for each other.
    with threadpool_limits(1):
        _train(job)


def _train(job: TrainingJob) -> None:
    instances = Instances(job.collective)
    settings = Settings.of(job.hyperparameters)
    report = Report(job.environment.current_host, ALGORITHM)
    training = _set_up(job, settings, instances, report)
    training.run()
    with report.timed("finalize.time"):
        centres, squares, rows = finish(training)
    with report.timed("model.serialize.time"):
        if instances.first:
            artifacts.write(job.environment.model_dir, (centres + training.shape.shift).astype(np.float32))
    report.channel("train", _metrics(job, "train", {"msd", *settings.metrics}, squares, rows))
    if "test" not in job.channels:
        report.no_test()
    elif not training.stopped:
        test = Source(job.channels["test"], settings.batch, settings.width)
        found = distances(test.rows(training.shape), centres, instances)
        report.channel("test", _metrics(job, "test", set(settings.metrics), *found))
    report.end(settings.epochs)


def _metrics(job: TrainingJob, channel: str, names: set[str], squares: float, rows: float) -> dict[str, float]:
    """names: of the metrics. squares, rows: sums over the instances."""
    distribution = job.environment.input_data.get(channel, {}).get("S3DistributionType")
    copies = 1 if distribution == "ShardedByS3Key" else job.collective.size
    found = {"msd": squares / max(rows, 1e-300), "ssd": squares / copies}
    return {name: value for name, value in found.items() if name in names}


def _set_up(job: TrainingJob, settings: Settings, instances: Instances, report: Report) -> Training:
    """Reads the first rows, and chooses the first centres among them."""
    source = Source(job.channels["train"], settings.batch, settings.width)
    extra = settings.k * settings.factor
    _check_memory(settings, extra)
    head = source.head(max(settings.batch, extra))
    report.first_batch(min(settings.batch, sum(part.rows for part in head)), settings.batch)
    shape, rows = _shaped(head, settings, instances)
    if rows.shape[0] < settings.k:
        raise source.channel.too_few(rows.shape[0], f"k is {settings.k}")
    online = Online(_first_centres(rows, min(extra, rows.shape[0]), settings, instances), settings.half_life)
    job.stop.graceful = True
    return Training(
        settings=settings,
        source=source,
        shape=shape,
        online=online,
        sample=_sample(rows, settings, instances),
        instances=instances,
        report=report,
        stop=job.stop,
    )


def _check_memory(settings: Settings, extra: int) -> None:
    needed = _BUFFERS * extra * settings.width
    if needed > free_memory():
        raise ClientError(
            f"{extra} centers ({settings.k} times extra_center_factor {settings.factor}) of {settings.width} features "
            f"need {needed / 1e9:.1f} GB of memory. Please use a larger instance, or check k and feature_dim."
        )


def _shaped(head: list[Examples], settings: Settings, instances: Instances) -> tuple[Shape, Features]:
    """(the form of all rows to come, the first rows of all instances in that form)."""
    whole = concatenate(head)
    assert whole is not None
    shape = Shape.of(whole.features, force=settings.dense, size=max(settings.batch, whole.rows))
    if instances.any(value=not shape.dense):
        shape = replace(shape, dense=False)
    rows = instances.rows(shape(whole.features))
    if shape.dense:
        shift = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        return replace(shape, shift=shift), rows - shift
    return shape, rows


def _first_centres(rows: Features, count: int, settings: Settings, instances: Instances) -> Floats:
    if not instances.first:
        return instances.agree(None)
    weights = np.ones(rows.shape[0], np.float32)
    chosen = initial(settings.method, rows, weights, count, np.random.default_rng(0))
    return instances.agree(dense(rows[chosen]))


def _sample(rows: Features, settings: Settings, instances: Instances) -> Sample:
    """rows: some, which say how much memory a row takes."""
    least, most = _SAMPLE
    wanted = min(max(least, _SAMPLE_A_CENTRE * settings.k), most)
    bytes_of_one = 4 * rows.shape[1] if isinstance(rows, np.ndarray) else 1 + 8 * rows.nnz // rows.shape[0]
    size = max(settings.k, min(wanted, _SAMPLE_BYTES // bytes_of_one)) // instances.count + 1
    return Sample(size, settings.half_life, np.random.default_rng([2, instances.collective.rank]))
