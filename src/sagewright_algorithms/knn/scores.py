"""How good predictions are: accuracy and macro F1 of classes, mean squared error of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective

Array = NDArray[Any]


class Scores:
    """Of a channel's rows, batch by batch."""

    def __init__(self, kind: str) -> None:
        self.rows = 0
        self._kind = kind
        self._errors = 0.0
        self._counts: dict[float, Array] = {}
        """Label -> (right, predicted, true)."""

    def add(self, predicted: Array, truth: Array) -> None:
        """(n,) each."""
        self.rows += len(truth)
        if self._kind == "regressor":
            self._errors += float(np.square(predicted.astype(np.float64) - truth).sum())
            return
        for column, labels in enumerate((predicted[predicted == truth], predicted, truth)):
            found, counts = np.unique(labels, return_counts=True)
            for label, count in zip(found.tolist(), counts.tolist(), strict=True):
                self._counts.setdefault(label, np.zeros(3))[column] += count

    def results(self, collective: Collective) -> list[tuple[str, float, bool]]:
        """(name, value, whether it is a loss) on the rows of all instances, of which there are some."""
        rows, errors = collective.sum(np.array([float(self.rows), self._errors])).tolist()
        if self._kind == "regressor":
            return [("mse", errors / rows, True)]
        own = np.array([[label, *counts] for label, counts in self._counts.items()]).reshape(-1, 4)
        table = np.concatenate(collective.gather(own))
        _, places = np.unique(table[:, 0], return_inverse=True)
        right, predicted, true = (np.bincount(places, table[:, column]) for column in (1, 2, 3))
        return [
            ("accuracy", float(right.sum() / rows), False),
            ("macro_f_1.000", float((2 * right / (predicted + true)).mean()), False),
        ]
