"""Checks on each batch, so that an error names channel, file and record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.rows import check_features
from sagewright_algorithms.formats.examples import Examples

Array = NDArray[Any]


@dataclass(slots=True)
class Checks:
    """Of one channel. width: features expected; None until the first batch says. counts: rows of each class so far."""

    channel: Channel
    kind: str
    classes: int
    width: int | None = None
    counts: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    def __call__(self, examples: Examples) -> Examples:
        """The batch, widened where it is sparse and narrower than expected. Raises ClientError."""
        labels = examples.labels
        if labels is None:
            raise ClientError(
                f"Got input data without labels. Please check the input data set. (channel {self.channel.name}, "
                f"{examples.where(0)})"
            )
        if self.width is None:
            self.width = int(examples.features.shape[1])
        check_features(self.channel, examples, self.width)
        self._refuse(~np.isfinite(labels), labels, "the label is missing or not finite", examples)
        if self.kind == "binary_classifier":
            self._refuse((labels != 0) & (labels != 1), labels, "the label must be 0 or 1", examples)
        elif self.kind == "multiclass_classifier":
            wrong = (labels < 0) | (labels >= self.classes) | (labels != np.floor(labels))
            wanted = f"the label must be a whole number from 0 to num_classes - 1 = {self.classes - 1}"
            self._refuse(wrong, labels, wanted, examples)
        return examples

    def count(self, labels: Array) -> None:
        if self.kind != "regressor":
            size = self.classes if self.kind == "multiclass_classifier" else 2
            found = np.bincount(labels.reshape(-1).astype(np.intp), minlength=size)
            self.counts = found if not len(self.counts) else self.counts + found

    def _refuse(self, wrong: Array, labels: Array, why: str, examples: Examples) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.channel.fault(f"{examples.where(row)}: {why}, found {labels[row]:g}")
