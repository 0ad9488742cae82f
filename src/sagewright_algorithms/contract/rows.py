"""Checks on rows of features, of training data and of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.formats.examples import Features, widen

if TYPE_CHECKING:
    from sagewright_algorithms.contract.channels import Channel
    from sagewright_algorithms.formats.examples import Examples


def check_features(channel: Channel, examples: Examples, width: int, limit: float = np.inf) -> None:
    """Widens sparse rows to width. limit: the largest magnitude, exclusive.

    Raises ClientError, which names channel, file and row, where rows have another width, or a value that is not finite
    or too large.
    """
    features: Any = examples.features
    dense = isinstance(features, np.ndarray)
    if not dense and features.shape[1] < width:
        examples.features = features = widen(features, width)
    if features.shape[1] != width:
        raise channel.fault(
            f"{examples.where(0)}: {features.shape[1]} features, and feature_dim is {width} (cannot copy sequence with "
            f"size {features.shape[1]} to array axis with dimension {width})"
        )
    values: NDArray[np.float32] = features if dense else features.data
    # NaN is in no range.
    if not (values.max(initial=0) < limit and values.min(initial=0) > -limit):
        _refuse(channel, examples, values, limit)


def _refuse(channel: Channel, examples: Examples, values: NDArray[np.float32], limit: float) -> None:
    first = int(np.argmin(np.abs(values.reshape(-1)) < limit))
    features: Any = examples.features
    if isinstance(features, np.ndarray):
        row, column = divmod(first, values.shape[1])
    else:
        row = int(np.searchsorted(features.indptr, first, side="right")) - 1
        column = int(features.indices[first])
    value = values.reshape(-1)[first]
    what = "infinite" if np.isinf(value) else f"too large: {value:g}"
    if np.isnan(value):
        what = "missing or not a number"
    raise channel.fault(f"{examples.where(row)}: feature {column} is {what}")


def checked_request(batch: Features, width: int) -> Features:
    """The rows, widened where they are sparse and narrower. Raises RequestError."""
    dense = isinstance(batch, np.ndarray)
    if not dense and batch.shape[1] < width:
        batch = widen(batch, width)
    if batch.shape[1] != width:
        raise RequestError(
            400,
            f"Unable to evaluate payload provided: cannot copy sequence with size {batch.shape[1]} to array axis with "
            f"dimension {width}",
        )
    if not np.isfinite(batch if dense else batch.data).all():
        raise RequestError(400, "Unable to evaluate payload provided: a feature is missing, infinite or not a number")
    return batch
