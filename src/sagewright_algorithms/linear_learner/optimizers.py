"""Optimisers over many models at once: one array of parameters, a setting of its own for each of its columns.

References: Adam, https://arxiv.org/abs/1412.6980; RMSProp, Tieleman and Hinton (2012); L1 by the proximal step in the
optimiser's own metric, https://arxiv.org/abs/1107.2490 section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_EPSILON = np.float32(1e-8)
_RMS_DECAY = np.float32(0.9)


class Optimizer(Protocol):
    """state: what a checkpoint keeps, by name."""

    state: dict[str, Floats]

    def direction(self, gradients: Floats, count: int) -> tuple[Floats, Floats]:
        """(direction, metric), both as wide as the parameters; the metric may have one row.

        The parameters move against rate * direction. A constant force f would move them by rate * metric * f, which is
        what the L1 penalty shrinks them by. count: this update's number, from 1.
        """


class Sgd:
    """momentum: (columns,)."""

    def __init__(self, shape: tuple[int, int], momentum: Floats) -> None:
        self._momentum = momentum
        self._metric = (1 / (1 - momentum)).astype(np.float32)
        self.state = {"velocity": np.zeros(shape, np.float32)}

    def direction(self, gradients: Floats, count: int) -> tuple[Floats, Floats]:
        velocity = self.state["velocity"]
        velocity *= self._momentum
        velocity += gradients
        return velocity, self._metric


class Adam:
    """beta_1, beta_2: (columns,)."""

    def __init__(self, shape: tuple[int, int], beta_1: Floats, beta_2: Floats) -> None:
        self._betas = beta_1.astype(np.float64), beta_2.astype(np.float64)
        self.state = {"mean": np.zeros(shape, np.float32), "square": np.zeros(shape, np.float32)}
        self._buffer = np.empty(shape, np.float32)
        self._metric = np.empty(shape, np.float32)

    def direction(self, gradients: Floats, count: int) -> tuple[Floats, Floats]:
        mean, square, buffer, metric = self.state["mean"], self.state["square"], self._buffer, self._metric
        first, second = self._betas
        mean *= first.astype(np.float32)
        np.multiply(gradients, (1 - first).astype(np.float32), out=buffer)
        mean += buffer
        square *= second.astype(np.float32)
        np.square(gradients, out=buffer)
        buffer *= (1 - second).astype(np.float32)
        square += buffer
        np.multiply(square, (1 / (1 - second**count)).astype(np.float32), out=metric)
        np.sqrt(metric, out=metric)
        metric += _EPSILON
        np.divide(np.float32(1), metric, out=metric)
        np.multiply(mean, (1 / (1 - first**count)).astype(np.float32), out=buffer)
        buffer *= metric
        return buffer, metric


class RmsProp:
    def __init__(self, shape: tuple[int, int]) -> None:
        self.state = {"square": np.zeros(shape, np.float32)}
        self._buffer = np.empty(shape, np.float32)
        self._metric = np.empty(shape, np.float32)

    def direction(self, gradients: Floats, count: int) -> tuple[Floats, Floats]:
        square, buffer, metric = self.state["square"], self._buffer, self._metric
        square *= _RMS_DECAY
        np.square(gradients, out=buffer)
        buffer *= 1 - _RMS_DECAY
        square += buffer
        np.sqrt(square, out=metric)
        metric += _EPSILON
        np.divide(np.float32(1), metric, out=metric)
        np.multiply(gradients, metric, out=buffer)
        return buffer, metric


def optimizer_of(name: str, shape: tuple[int, int], columns: Mapping[str, Floats]) -> Optimizer:
    """columns: the optimisers' settings by name, (columns,) each."""
    if name == "sgd":
        return Sgd(shape, columns["momentum"])
    if name == "rmsprop":
        return RmsProp(shape)
    return Adam(shape, columns["beta_1"], columns["beta_2"])


def shrink(parameters: Floats, thresholds: Floats, buffer: Floats) -> None:
    """The proximal step of L1: every parameter goes towards zero by its threshold, and stops there."""
    np.negative(thresholds, out=buffer)
    np.clip(parameters, buffer, thresholds, out=buffer)
    parameters -= buffer


def rates(columns: Mapping[str, Any], count: int, *, scheduled: bool) -> Floats:
    """(columns,): the learning rates of update ``count``, from 1.

    Every lr_scheduler_step updates a rate is multiplied by lr_scheduler_factor, down to lr_scheduler_minimum_lr.
    """
    start = columns["learning_rate"]
    if not scheduled:
        return np.asarray(start, np.float32)
    decayed = start * columns["lr_scheduler_factor"] ** ((count - 1) // columns["lr_scheduler_step"])
    # A rate that begins below the minimum stays where it is.
    lowest = np.minimum(columns["lr_scheduler_minimum_lr"], start)
    return np.asarray(np.maximum(decayed, lowest), np.float32)
