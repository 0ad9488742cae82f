"""Reads the rows once, and writes their principal components."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.contract.report import Report, Seen
from sagewright_algorithms.contract.rows import check_features
from sagewright_algorithms.formats.examples import Examples, ReadOptions
from sagewright_algorithms.pca import artifacts
from sagewright_algorithms.pca.components import Components
from sagewright_algorithms.pca.model import project
from sagewright_algorithms.pca.spec import DEFAULTS
from sagewright_algorithms.pca.summary import Summaries

_LARGEST = 1e16
"""Of larger features the sum of squares might be infinite."""


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    values = {**DEFAULTS, **job.hyperparameters}
    training = _Training(job, values)
    training.run()
    found = training.components()
    if not training.stopped:
        training.test(found)
    if job.collective.first:
        artifacts.write(job.environment.model_dir, found)
    training.report.total(setuptime=training.set_up)


class _Training:
    def __init__(self, job: TrainingJob, values: Mapping[str, Any]) -> None:
        self.report = Report(job.environment.current_host, "PCA")
        begin = time.time()
        self._job = job
        self._width, self._batch = int(values["feature_dim"]), int(values["mini_batch_size"])
        self._epochs = int(values["epochs"])
        self._once = 0
        self.stopped = False
        self._summaries = Summaries(values, job.collective)
        self._seen = Seen()
        self.set_up = (time.time() - begin) * 1000
        self.report.metrics({"initialize.time": self.set_up}, begin=begin)
        self.report.metrics(self._seen.metrics(), Meta="init_train_data_iter")

    def run(self) -> None:
        """Raises ClientError."""
        log.info("The default executor is <PCAExecutor on cpu(0)>.")
        log.info(f"{self._width} feature(s) found in 'data'.")
        log.info(f"<PCAExecutor on cpu(0)> is assigned to batch slice from 0 to {self._batch - 1}.")
        for epoch in range(self._epochs):
            begin = time.time()
            rows = self._pass(epoch)
            # A signal may come to one instance a step after it came to another.
            all_rows, stopped = self._job.collective.sum(np.array([rows, int(self._job.stop.requested)])).tolist()
            self.stopped = stopped > 0
            if not epoch:
                self._once = all_rows
                self._check_rows(all_rows)
            self._report(epoch + 1, rows, begin)
            if self.stopped:
                break

    def _pass(self, epoch: int) -> int:
        """Rows."""
        channel, stop = self._job.channels["train"], self._job.stop
        rows = 0
        with self._summaries.adding(lambda examples: check_features(channel, examples, self._width, _LARGEST)) as add:
            for count in add(_blocks(channel, epoch)):
                rows += count
                stop.graceful = True
                if stop.requested:
                    break
        return rows

    def _check_rows(self, rows: int) -> None:
        """rows: of all instances. Raises ClientError."""
        if not rows:
            raise ClientError(f"No data in train channel path {self._job.channels['train'].path}")
        if rows < self._batch and not self.stopped:
            raise self._job.channels["train"].too_few(rows, f"mini_batch_size is {self._batch}")

    def _report(self, epoch: int, rows: int, begin: float) -> None:
        seen, seconds = self._seen, time.time() - begin
        seen.reset()
        seen.add(rows, -(-rows // self._batch))
        self.report.metrics({"epochs": epoch, "update.time": seconds * 1000}, begin=begin)
        self.report.progress(epoch, self._epochs)
        self.report.metrics(seen.metrics(), begin=begin, epoch=epoch - 1, Meta="training_data_iter")
        self.report.throughput(rows, seconds)

    def components(self) -> Components:
        begin = time.time()
        # Rows that came more than once weigh more, together as much as if they had come once.
        rows = self._job.collective.sum(np.array([self._summaries.rows]))[0]
        found = self._summaries.components()
        found = Components(found.singular * np.sqrt(self._once / rows), found.vectors, found.mean)
        self.report.metrics({"finalize.time": (time.time() - begin) * 1000}, begin=begin)
        return found

    def test(self, found: Components) -> None:
        """The share of the test rows' variance that the components explain. Raises ClientError."""
        if "test" not in self._job.channels:
            self.report.no_test()
            return
        channel = self._job.channels["test"]
        sums = np.zeros(2)
        for examples in _blocks(channel, 0):
            check_features(channel, examples, self._width, _LARGEST)
            sums += _explained(found, examples)
        explained, whole = self._job.collective.sum(sums).tolist()
        if not whole:
            raise ClientError(f"No data in test channel path {channel.path}")
        self.report.score("test", "explained_variance_ratio", explained / whole)
        self.report.quality("test explained_variance_ratio", explained / whole, loss=False)


def _explained(found: Components, examples: Examples) -> Any:
    """(squares of the projections, squares of the rows less the mean), summed."""
    rows: Any = examples.features
    squares = np.square(project(found, rows), dtype=np.float64).sum()
    mean = np.zeros(rows.shape[1]) if found.mean is None else found.mean
    if isinstance(rows, np.ndarray):
        return np.array([squares, np.square(rows - mean).sum()])
    sums = np.asarray(rows.sum(axis=0, dtype=np.float64)).reshape(-1)
    whole = np.square(rows.data, dtype=np.float64).sum() - 2 * (sums @ mean) + rows.shape[0] * (mean @ mean)
    return np.array([squares, whole])


def _blocks(channel: Channel, epoch: int) -> Any:
    """Labels are passed over: in CSV the columns that the content type says, in records those of the label."""
    if channel.format != "csv":
        return channel.blocks(ReadOptions(label_size=0), epoch=epoch)
    text = channel.content_type.parameters.get("label_size", "1")
    if not text.isdecimal():
        raise ClientError(f"text/csv;label_size={text} is not an accepted ContentType. (channel {channel.name})")
    return channel.blocks(ReadOptions(label_size=int(text)), epoch=epoch)
