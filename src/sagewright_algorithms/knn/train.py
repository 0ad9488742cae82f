"""Samples the rows, and makes an index of the sample."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.contract.report import Report, Seen
from sagewright_algorithms.contract.rows import check_features
from sagewright_algorithms.formats.examples import Examples, ReadOptions
from sagewright_algorithms.knn import artifacts, index
from sagewright_algorithms.knn.artifacts import Artifact
from sagewright_algorithms.knn.model import Model
from sagewright_algorithms.knn.points import Points
from sagewright_algorithms.knn.reduction import Reduction
from sagewright_algorithms.knn.sampling import Reservoir, Sample
from sagewright_algorithms.knn.scores import Scores
from sagewright_algorithms.knn.spec import DEFAULTS

_SEED = 20171129
_LARGEST = 1e18
"""Of larger features the square of a distance might be infinite."""


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    training = _Training(job, {**DEFAULTS, **job.hyperparameters})
    sample = training.sample()
    tested = "test" in job.channels and not training.stopped
    if tested or job.collective.first:
        found = training.indexed(sample)
    if tested:
        training.test(Model(found))
    elif "test" not in job.channels:
        training.report.no_test()
    if job.collective.first:
        artifacts.write(job.environment.model_dir, found)
    training.report.total()


class _Training:
    def __init__(self, job: TrainingJob, values: Mapping[str, Any]) -> None:
        self.report = Report(job.environment.current_host, "AWS/KNN")
        self.stopped = False
        self._job, self._values = job, values
        self._width, self._batch = int(values["feature_dim"]), int(values["mini_batch_size"])
        self._points = _points_of(values)
        self._seen = Seen()
        self.report.metrics(self._seen.metrics(), Meta="init_train_data_iter")

    def sample(self) -> Sample:
        """Of the rows of all instances. Raises ClientError."""
        collective, epochs = self._job.collective, int(self._values["epochs"])
        for epoch in range(epochs):
            begin = time.time()
            # Each pass sees the same rows: the last one's sample is as good as any.
            reservoir = Reservoir(int(self._values["sample_size"]), self._points, [_SEED, collective.rank])
            rows = self._pass(reservoir, epoch)
            # A signal may come to one instance a step after it came to another.
            self.stopped = bool(collective.sum(np.array([int(self._job.stop.requested)]))[0])
            self._report(epoch + 1, epochs, rows, begin)
            if self.stopped:
                break
        self._check_rows(int(collective.sum(np.array([reservoir.seen]))[0]))
        return reservoir.shared(collective)

    def _pass(self, reservoir: Reservoir, epoch: int) -> int:
        """Rows."""
        job, rows = self._job, 0
        share = self._replicated()
        for examples in _blocks(job.channels["train"], self._width, epoch):
            features, labels = examples.features, examples.labels
            if share > 1:
                # Every instance has all rows, and takes those that are its turn.
                chosen = slice((job.collective.rank - rows) % share, None, share)
                features, labels = features[chosen], labels[chosen]
            rows += examples.rows
            reservoir.add(features, labels)
            # k rows make a model.
            job.stop.graceful = reservoir.kept >= self._values["k"]
            if job.stop.requested:
                break
        return rows

    def _replicated(self) -> int:
        """How many instances have the same rows."""
        channel = self._job.environment.input_data.get("train", {})
        return 1 if channel.get("S3DistributionType") == "ShardedByS3Key" else self._job.collective.size

    def _check_rows(self, rows: int) -> None:
        """rows: of all instances. Raises ClientError."""
        if not rows:
            raise ClientError(f"No data in train channel path {self._job.channels['train'].path}")
        values = self._values
        for needed, why in ((values["k"], f"k is {values['k']}"), *index.needs(values)):
            if rows < needed:
                raise self._job.channels["train"].too_few(rows, why)

    def _report(self, epoch: int, epochs: int, rows: int, begin: float) -> None:
        seen, seconds = self._seen, time.time() - begin
        seen.reset()
        seen.add(rows, -(-rows // self._batch))
        self.report.metrics({"epochs": epoch, "update.time": seconds * 1000}, begin=begin)
        self.report.progress(epoch, epochs)
        self.report.metrics(seen.metrics(), begin=begin, epoch=epoch - 1, Meta="training_data_iter")
        self.report.throughput(rows, seconds)

    def indexed(self, sample: Sample) -> Artifact:
        begin = time.time()
        values = self._values
        built = index.build(values, sample.points)
        log.info(f"{values['index_type']} index of {built.ntotal} rows of {built.d} dimensions built")
        self.report.metrics({"finalize.time": (time.time() - begin) * 1000}, begin=begin)
        return Artifact(int(values["k"]), values["predictor_type"], self._points, built, sample.labels)

    def test(self, model: Model) -> None:
        """Raises ClientError."""
        channel = self._job.channels["test"]
        scores = Scores(model.artifact.kind)
        for examples in _blocks(channel, self._width, 0, self._batch):
            scores.add(np.asarray(model.predict(examples.features)["predicted_label"]), np.asarray(examples.labels))
        if not self._job.collective.sum(np.array([scores.rows]))[0]:
            raise ClientError(f"No data in test channel path {channel.path}")
        results = scores.results(self._job.collective)
        for name, value, _ in results:
            self.report.score("test", name, value)
        for name, value, loss in results:
            self.report.quality(f"test {name}", value, loss=loss)


def _points_of(values: Mapping[str, Any]) -> Points:
    kind, width, dimensions = values["dimension_reduction_type"], int(values["feature_dim"]), index.dimensions(values)
    reduction = None if kind == "none" else Reduction(kind, _SEED, dimensions, width)
    if reduction and dimensions != values["dimension_reduction_target"]:
        log.info(f"dimension_reduction_target is raised to {dimensions}, a multiple of faiss_index_pq_m")
    return Points(width, dimensions, reduction, values["index_metric"] == "COSINE")


def _blocks(channel: Channel, width: int, epoch: int, size: int = 0) -> Iterator[Any]:
    """Examples with labels, checked: in batches, or as they come where there is no size. Raises ClientError."""
    text = channel.content_type.parameters.get("label_size", "1")
    if text != "1":
        raise ClientError(
            f"{channel.content_type.name};label_size={text} is not an accepted ContentType: k-NN needs label_size=1. "
            f"(channel {channel.name})"
        )
    options = ReadOptions(label_size=1)
    blocks = channel.batches(size, options, epoch=epoch) if size else channel.blocks(options, epoch=epoch)
    for examples in blocks:
        check_features(channel, examples, width, _LARGEST)
        _check_labels(channel, examples)
        yield examples


def _check_labels(channel: Channel, examples: Examples) -> None:
    if examples.labels is None:
        raise ClientError(
            f"Got input data without labels. Please check the input data set. (channel {channel.name}, "
            f"{examples.where(0)})"
        )
    wrong = ~np.isfinite(examples.labels)
    if wrong.any():
        raise channel.fault(f"{examples.where(int(wrong.argmax()))}: the label is missing or not finite")
