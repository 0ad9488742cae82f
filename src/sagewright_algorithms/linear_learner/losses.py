"""Losses and their gradients for many models at once, in preallocated buffers.

A loss fills two buffers from the scores of a mini-batch: the derivative by the score, and the loss itself, element by
element. The formulas are those of
https://aws.amazon.com/blogs/machine-learning/train-faster-more-flexible-models-with-amazon-sagemaker-linear-learner/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

Kernel = Callable[[Array, Array, Array, Array], None]
"""(scores, labels, gradients, losses): the last two are filled; the scores may be overwritten.

scores, gradients: (rows, models), or (rows, models, classes) of softmax. losses: (rows, models). labels: (rows, 1), or
(rows,) whole numbers of softmax.
"""

_EXTREME = np.float32(80)
"""Scores beyond it are as good as certain, and float32's exp would overflow soon after."""


@dataclass(frozen=True, slots=True)
class Loss:
    """objective: its name in the log. power: of the label's unit, by which a loss scales with the labels."""

    name: str
    objective: str
    kernel: Kernel
    power: int = 0


def logistic(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
    """Cross-entropy of labels 0 and 1: -log(p) + (1 - y) s, p being the sigmoid of the score s."""
    np.clip(scores, -_EXTREME, _EXTREME, out=scores)
    np.negative(scores, out=gradients)
    np.exp(gradients, out=gradients)
    np.add(gradients, np.float32(1), out=gradients)
    np.divide(np.float32(1), gradients, out=gradients)
    np.log(gradients, out=losses)
    np.subtract(gradients, labels, out=gradients)
    np.multiply(scores, np.float32(1) - labels, out=scores)
    np.subtract(scores, losses, out=losses)


def hinge(margin: float) -> Kernel:
    """max(0, margin - (2y - 1) s)."""

    def kernel(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
        signs = 2 * labels - 1
        np.multiply(scores, -signs, out=losses)
        losses += np.float32(margin)
        np.multiply(losses > 0, -signs, out=gradients)
        np.maximum(losses, 0, out=losses)

    return kernel


def squared(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
    np.subtract(scores, labels, out=gradients)
    np.square(gradients, out=losses)
    gradients *= 2


def absolute(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
    np.subtract(scores, labels, out=gradients)
    np.abs(gradients, out=losses)
    np.sign(gradients, out=gradients)


def eps_insensitive_squared(epsilon: float) -> Kernel:
    """max(0, e^2 - epsilon^2), e being the error."""

    def kernel(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
        squared(scores, labels, gradients, losses)
        losses -= np.float32(epsilon**2)
        gradients *= losses > 0
        np.maximum(losses, 0, out=losses)

    return kernel


def eps_insensitive_absolute(epsilon: float) -> Kernel:
    """max(0, |e| - epsilon)."""

    def kernel(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
        absolute(scores, labels, gradients, losses)
        losses -= np.float32(epsilon)
        gradients *= losses > 0
        np.maximum(losses, 0, out=losses)

    return kernel


def quantile(q: float) -> Kernel:
    """q (y - s) where the label is above the score, (1 - q) (s - y) where it is below."""

    def kernel(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
        np.subtract(scores, labels, out=scores)
        np.add(scores > 0, np.float32(-q), out=gradients)
        np.multiply(scores, gradients, out=losses)
        gradients *= scores != 0

    return kernel


def huber(delta: float) -> Kernel:
    """e^2 / 2 for errors up to delta, delta |e| - delta^2 / 2 beyond."""

    def kernel(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
        np.subtract(scores, labels, out=scores)
        np.clip(scores, np.float32(-delta), np.float32(delta), out=gradients)
        np.multiply(gradients, np.float32(-0.5), out=losses)
        losses += scores
        losses *= gradients

    return kernel


def softmax(scores: Array, labels: Array, gradients: Array, losses: Array) -> None:
    """Cross-entropy of the classes' probabilities."""
    rows = np.arange(len(labels))
    np.subtract(scores, scores.max(axis=2, keepdims=True), out=scores)
    np.exp(scores, out=gradients)
    totals = gradients.sum(axis=2)
    np.log(totals, out=losses)
    losses -= scores[rows, :, labels]
    gradients /= totals[:, :, None]
    gradients[rows, :, labels] -= np.float32(1)


def loss_of(values: Mapping[str, Any], label_scale: float) -> Loss:
    """values: the hyperparameters, ``loss`` being no longer auto. label_scale: units of a label a unit of a score.

    Deltas and insensitivities are in the label's own unit, while training sees normalised labels.
    """
    insensitivity = values["loss_insensitivity"] / label_scale
    makers: Mapping[str, Callable[[], Loss]] = {
        "logistic": lambda: Loss("logistic", "binary_classification_cross_entropy_objective", logistic),
        "hinge_loss": lambda: Loss("hinge_loss", "hinge_objective", hinge(values["margin"])),
        "softmax_loss": lambda: Loss("softmax_loss", "multiclass_cross_entropy_objective", softmax),
        "squared_loss": lambda: Loss("squared_loss", "mse_objective", squared, 2),
        "absolute_loss": lambda: Loss("absolute_loss", "absolute_loss_objective", absolute, 1),
        "eps_insensitive_squared_loss": lambda: Loss(
            "eps_insensitive_squared_loss",
            "eps_insensitive_squared_loss_objective",
            eps_insensitive_squared(insensitivity),
            2,
        ),
        "eps_insensitive_absolute_loss": lambda: Loss(
            "eps_insensitive_absolute_loss",
            "eps_insensitive_absolute_loss_objective",
            eps_insensitive_absolute(insensitivity),
            1,
        ),
        "quantile_loss": lambda: Loss("quantile_loss", "quantile_loss_objective", quantile(values["quantile"]), 1),
        "huber_loss": lambda: Loss("huber_loss", "huber_loss_objective", huber(values["huber_delta"] / label_scale), 2),
    }
    return makers[values["loss"]]()
