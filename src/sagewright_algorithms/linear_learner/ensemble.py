"""Many linear models trained as one: a matrix product a mini-batch for all of them.

A column of the parameters is one model's, or one class of one model's; the last row is the bias, where there is one.
Features and labels come prepared by a Scaler, the bias's ones included where they are dense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.linear_learner.losses import Loss
from sagewright_algorithms.linear_learner.optimizers import optimizer_of, rates, shrink
from sagewright_algorithms.linear_learner.settings import Settings
from sagewright_algorithms.linear_learner.weights import Weights

Array = NDArray[Any]
Floats = NDArray[np.float32]

_SEED = 1


@dataclass(frozen=True, slots=True)
class Batch:
    """features: (rows, d) CSR, or dense (rows, d + 1) with a last column of ones where the models have a bias.

    labels: (rows, 1) float32, or (rows,) whole numbers of a multiclass classifier.
    """

    features: Any
    labels: Array

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def sparse(self) -> bool:
        return not isinstance(self.features, np.ndarray)

    @property
    def bytes(self) -> int:
        features = self.features
        held = features.data.nbytes + features.indices.nbytes + features.indptr.nbytes if self.sparse else 0
        return int((held or features.nbytes) + self.labels.nbytes)


class Ensemble:
    """parameters: (d, models * classes), or (d + 1, ...) with the bias. updates: done so far.

    average: of the parameters after each update of this epoch, later ones counting more; the models that are evaluated
    and kept. It takes the mini-batches' noise out of a model long before the learning rate has come down
    (https://arxiv.org/abs/1212.1824).
    """

    def __init__(self, settings: Settings, loss: Loss, width: int) -> None:
        self.settings = settings
        self.loss = loss
        self._width = width
        self._bias = bool(settings.values["use_bias"])
        self.updates = 0
        self.parameters = self._initial()
        self.average = self.parameters.copy()
        self._averaged = 0
        # A model's settings, for each of its columns.
        self._columns = {
            name: np.repeat(column, settings.classes).astype(np.float32 if column.dtype == np.float64 else column.dtype)
            for name, column in settings.columns.items()
        }
        self._decay = bool((self._columns["wd"] > 0).any())
        self._shrinks = bool((self._columns["l1"] > 0).any())
        shape = self.parameters.shape
        self.optimizer = optimizer_of(settings.values["optimizer"], shape, self._columns)
        self._gradient = np.empty(shape, np.float32)
        self._buffer = np.empty(shape, np.float32)
        self._scores = self._slopes = self._losses = np.empty((0, 0), np.float32)

    def _initial(self) -> Floats:
        values, shape = self.settings.values, (self._width, self.settings.models * self.settings.classes)
        random = np.random.default_rng(_SEED)
        if values["init_method"] == "uniform":
            scale = values["init_scale"]
            drawn = random.uniform(-scale, scale, shape)
        else:
            drawn = random.normal(0, values["init_sigma"], shape)
        if self._bias:
            drawn = np.vstack([drawn, np.full((1, shape[1]), values["init_bias"])])
        return drawn.astype(np.float32)

    def begin_epoch(self) -> None:
        self._averaged = 0

    def scores(self, batch: Batch, parameters: Floats) -> Floats:
        """(rows, models), or (rows, models, classes) of a multiclass classifier; overwritten by the next call."""
        rows, columns = batch.rows, parameters.shape[1]
        if len(self._scores) < rows:
            models = self.settings.models
            self._scores, self._slopes = (np.empty((rows, columns), np.float32) for _ in range(2))
            self._losses = np.empty((rows, models), np.float32)
        out = self._scores[:rows]
        if not batch.sparse:
            np.matmul(batch.features, parameters, out=out)
        else:
            out[:] = batch.features @ parameters[: self._width]
            if self._bias:
                out += parameters[-1]
        return self._shaped(out)

    def _shaped(self, matrix: Floats) -> Floats:
        if self.settings.kind != "multiclass_classifier":
            return matrix
        return matrix.reshape(len(matrix), self.settings.models, self.settings.classes)

    def evaluate(self, batch: Batch, weights: Weights) -> tuple[Array, Array]:
        """(losses, weights) of the average: (models,) sums over the rows, both weighted by class."""
        return self._evaluate(batch, weights, self.average)

    def _evaluate(self, batch: Batch, weights: Weights, parameters: Floats) -> tuple[Array, Array]:
        """Leaves the derivatives behind."""
        scores = self.scores(batch, parameters)
        rows = batch.rows
        slopes, losses = self._slopes[:rows], self._losses[:rows]
        self.loss.kernel(scores, batch.labels, self._shaped(slopes), losses)
        factors = weights.of(batch.labels)
        if factors is None:
            return np.ones(rows, np.float32) @ losses, np.full(self.settings.models, float(rows))
        losses *= factors
        shaped = self._shaped(slopes)
        shaped *= factors if shaped.ndim == 2 else factors[:, :, None]
        total = np.broadcast_to(factors, losses.shape).sum(axis=0, dtype=np.float64)
        return np.ones(rows, np.float32) @ losses, total

    def gradient(self, batch: Batch, weights: Weights) -> tuple[Floats, Array, Array]:
        """(gradients, losses, weights), sums over the rows. gradients: as the parameters; overwritten by the next."""
        losses, counts = self._evaluate(batch, weights, self.parameters)
        slopes, out = self._slopes[: batch.rows], self._gradient
        if not batch.sparse:
            np.matmul(batch.features.T, slopes, out=out)
        else:
            out[: self._width] = batch.features.T @ slopes
            if self._bias:
                out[-1] = slopes.sum(axis=0)
        return out, losses, counts

    def update(self, gradients: Floats, rows: float) -> None:
        """One step along the gradients' mean over the rows."""
        parameters, buffer, columns = self.parameters, self._buffer, self._columns
        self.updates += 1
        gradients *= np.float32(1 / rows)
        if self._decay:
            np.multiply(parameters, columns["wd"], out=buffer)
            if self._bias:
                buffer[-1] *= columns["bias_wd_mult"]
            gradients += buffer
        rate = rates(columns, self.updates, scheduled=self.settings.values["use_lr_scheduler"])
        direction, metric = self.optimizer.direction(gradients, self.updates)
        np.multiply(direction, rate, out=buffer)
        if self._bias:
            buffer[-1] *= columns["bias_lr_mult"]
        parameters -= buffer
        if self._shrinks:
            width = self._width
            thresholds = np.broadcast_to(metric, parameters.shape)[:width] * (rate * columns["l1"])
            shrink(parameters[:width], thresholds, buffer[:width])
        self._averaged += 1
        np.subtract(parameters, self.average, out=buffer)
        buffer *= np.float32(2 / (self._averaged + 1))
        self.average += buffer

    def model(self, number: int) -> Floats:
        """(d, classes) or (d + 1, classes): a copy of one model's average."""
        classes = self.settings.classes
        return self.average[:, number * classes : (number + 1) * classes].copy()

    def state(self) -> dict[str, Array]:
        """What a checkpoint keeps."""
        return {"parameters": self.parameters, "updates": np.array(self.updates), **self.optimizer.state}

    def restore(self, take: Callable[[str], Array]) -> None:
        """take: gives a checkpoint's array by its name, as ``state`` named it."""
        self.parameters[:] = take("parameters")
        self.updates = int(take("updates"))
        for name, array in self.optimizer.state.items():
            array[:] = take(name)
