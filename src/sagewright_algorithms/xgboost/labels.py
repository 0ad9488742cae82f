"""Checks on labels before libxgboost sees them, so that the error names channel, file and row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.formats.examples import Examples

_UNIT = ("binary:logistic", "binary:logitraw", "reg:logistic")
_NOT_NEGATIVE = {
    "count:poisson": "PoissonRegression: label must be nonnegative",
    "reg:tweedie": "TweedieRegression: label must be nonnegative",
}


def check(examples: Examples, channel: Channel, values: Mapping[str, Any]) -> None:
    """Raises ClientError for the first label or weight that the objective cannot have."""
    labels = examples.labels
    if labels is None or not labels.size:
        raise ClientError(f"Got input data without labels. Please check the input data set. (channel {channel.name})")
    _refuse(~np.isfinite(labels), labels, "the label is missing or not finite", examples, channel)
    objective = values.get("objective", "reg:squarederror")
    if objective.startswith("multi:"):
        classes = values["num_class"]
        wrong = (labels < 0) | (labels >= classes) | (labels != np.floor(labels))
        _refuse(
            wrong, labels, f"label must be in [0, num_class) and whole, num_class being {classes}", examples, channel
        )
    elif objective in _UNIT:
        wrong = (labels < 0) | (labels > 1)
        _refuse(wrong, labels, "label must be in [0,1] for logistic regression", examples, channel)
    elif objective == "binary:hinge":
        _refuse((labels != 0) & (labels != 1), labels, "label must be 0 or 1 for hinge loss", examples, channel)
    elif objective in _NOT_NEGATIVE:
        _refuse(labels < 0, labels, _NOT_NEGATIVE[objective], examples, channel)
    elif objective == "reg:gamma":
        _refuse(labels <= 0, labels, "label must be positive for gamma regression", examples, channel)
    elif objective == "reg:squaredlogerror":
        _refuse(labels <= -1, labels, "label must be greater than -1 for rmsle", examples, channel)
    weights = examples.weights
    if weights is not None:
        wrong = ~np.isfinite(weights) | (weights < 0)
        _refuse(wrong, weights, "the weight must be a number of at least 0", examples, channel)


def check_features(examples: Examples, channel: Channel) -> None:
    """Raises ClientError where a feature is infinite. Slow: for data that libxgboost has refused."""
    features = examples.features
    if isinstance(features, np.ndarray):
        rows = np.flatnonzero(np.isinf(features).any(axis=1))
    else:
        rows = np.searchsorted(features.indptr, np.flatnonzero(np.isinf(features.data)), side="right") - 1
    if len(rows):
        raise channel.fault(f"{examples.where(int(rows[0]))}: a feature is infinite")


def _refuse(wrong: NDArray[Any], numbers: NDArray[Any], why: str, examples: Examples, channel: Channel) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise channel.fault(f"{examples.where(row)}: {why}, found {numbers[row]:g}")
