"""Normalisation: from the first rows to a Scaler, which prepares batches, and back to the weights of raw features.

https://docs.aws.amazon.com/sagemaker/latest/dg/ll_how-it-works.html, step 1. Sparse features are scaled but not
centred: centred they would be dense.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Examples, csr
from sagewright_algorithms.linear_learner.ensemble import Batch
from sagewright_algorithms.linear_learner.settings import Settings

Array = NDArray[Any]
Sum = Callable[[Array], Array]
"""The sum of an array over all instances."""


@dataclass(frozen=True, slots=True)
class Scaler:
    """A feature x is (x - shift) * factor to the models, and a label y is (y - label_shift) / label_scale.

    shift, factor: (d,) float32; None for zeros and ones. sparse: whether batches are CSR. bias: whether a dense batch
    gets a last column of ones. whole: whether labels are class numbers.
    """

    width: int
    shift: Array | None
    factor: Array | None
    label_shift: float
    label_scale: float
    sparse: bool
    bias: bool
    whole: bool

    def batch(self, examples: Examples) -> Batch:
        """examples: with labels and ``width`` features."""
        labels = examples.labels
        assert labels is not None
        if self.whole:
            prepared = labels.astype(np.intp)
        else:
            prepared = ((labels.reshape(-1, 1) - self.label_shift) / self.label_scale).astype(np.float32)
        return Batch(self._sparse(examples) if self.sparse else self._dense(examples), prepared)

    def _sparse(self, examples: Examples) -> Any:
        matrix = csr(examples.features)
        if self.factor is not None:
            matrix = csr((matrix.data * self.factor[matrix.indices], matrix.indices, matrix.indptr), matrix.shape)
        return matrix

    def _dense(self, examples: Examples) -> Array:
        features = examples.features
        if not isinstance(features, np.ndarray):
            features = features.toarray()
        out = np.empty((len(features), self.width + self.bias), np.float32)
        inner = out[:, : self.width]
        if self.shift is None:
            inner[:] = features
        else:
            np.subtract(features, self.shift, out=inner)
        if self.factor is not None:
            inner *= self.factor
        out[:, self.width :] = 1
        return out

    def unscaled(self, parameters: Array) -> tuple[Array, Array]:
        """(weights, bias) for raw features and labels: (d, classes) and (classes,), float32.

        parameters: of one model, as an Ensemble gives them. Centred features leave a bias even without a bias term.
        """
        exact = parameters.astype(np.float64)
        weights = exact[: self.width] * self.label_scale
        bias = exact[self.width :].sum(axis=0) * self.label_scale + self.label_shift
        if self.factor is not None:
            weights *= self.factor[:, None]
        if self.shift is not None:
            bias -= self.shift @ weights
        return weights.astype(np.float32), bias.astype(np.float32)


def scaler_of(settings: Settings, head: Sequence[Examples], width: int, total: Sum) -> Scaler:
    """head: this instance's first rows. total: sums over the instances, so that all have the same scaler."""
    values = settings.values
    sparse = any(not isinstance(part.features, np.ndarray) for part in head)
    sparse = bool(total(np.array([float(sparse)]))[0])
    centred = values["unbias_data"] and not sparse
    shift = factor = None
    if centred or values["normalize_data"]:
        means, deviations = _moments([part.features for part in head], width, total)
        shift = means.astype(np.float32) if centred else None
        factor = (1 / deviations).astype(np.float32) if values["normalize_data"] else None
    label_shift, label_scale = 0.0, 1.0
    if values["normalize_label"] or values["unbias_label"]:
        labels = np.concatenate([part.labels for part in head if part.labels is not None])
        means, deviations = _moments([labels.reshape(-1, 1)], 1, total)
        label_shift = float(means[0]) if values["unbias_label"] else 0.0
        label_scale = float(deviations[0]) if values["normalize_label"] else 1.0
    return Scaler(
        width,
        shift,
        factor,
        label_shift,
        label_scale,
        sparse=sparse,
        bias=bool(values["use_bias"]),
        whole=settings.kind == "multiclass_classifier",
    )


def _moments(parts: Sequence[Any], width: int, total: Sum) -> tuple[Array, Array]:
    """(means, standard deviations), float64 (width,); a constant column has a deviation of one."""
    rows = float(sum(part.shape[0] for part in parts))
    sums = np.zeros(width)
    for part in parts:
        sums += np.asarray(part.sum(axis=0, dtype=np.float64)).reshape(-1)
    found = total(np.append(sums, rows))
    rows = found[-1]
    means = found[:-1] / rows
    squares = np.zeros(width)
    for part in parts:
        squares += _squares(part, means)
    deviations = np.sqrt(total(squares) / rows)
    # What rounding leaves of a constant column is no deviation.
    constant = deviations <= 1e-6 * np.abs(means)
    return means, np.where(constant | (deviations == 0), 1, deviations)


def _squares(part: Any, means: Array) -> Array:
    """The sum of squared distances to the means, by column."""
    if isinstance(part, np.ndarray):
        found: Array = np.square(part - means).sum(axis=0)
        return found
    matrix = csr(part)
    distances = np.square(matrix.data - means[matrix.indices])
    stored = np.bincount(matrix.indices, minlength=len(means))
    inner: Array = np.bincount(matrix.indices, weights=distances, minlength=len(means))
    inner += (matrix.shape[0] - stored) * np.square(means)
    return inner
