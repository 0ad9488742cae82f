"""Tables of real data, as numbers: those in the folder of shared data where there is one, and scikit-learn's own."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split

Array = np.ndarray[Any, Any]

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "tabular"


@dataclass(frozen=True)
class Table:
    """kind: a predictor type. Parts: (features, labels), float32."""

    kind: str
    train: tuple[Array, Array]
    validation: tuple[Array, Array]
    test: tuple[Array, Array]

    @property
    def classes(self) -> int:
        return int(self.train[1].max()) + 1


def _rows(name: str) -> list[list[str]]:
    with (FOLDER / f"{name}.csv").open() as stream:
        return [[cell.strip() for cell in row] for row in csv.reader(stream) if row]


def _numbers(columns: Sequence[Sequence[str]]) -> Array:
    """Columns of numbers as they are, with the mean for a missing one; other columns as one column a value."""
    found = []
    for column in columns:
        try:
            numbers = np.array([float(cell) if cell not in ("", "?") else np.nan for cell in column])
        except ValueError:
            values = sorted(set(column))
            found += [np.array([cell == value for cell in column], float) for value in values[1:]]
        else:
            found.append(np.where(np.isnan(numbers), np.nanmean(numbers), numbers))
    return np.column_stack(found).astype(np.float32)


def _split(kind: str, features: Array, labels: Array) -> Table:
    labels = labels.astype(np.float32)
    train, rest, train_labels, rest_labels = train_test_split(features, labels, test_size=0.4, random_state=0)
    validation, test, *others = train_test_split(rest, rest_labels, test_size=0.5, random_state=0)
    return Table(kind, (train, train_labels), (validation, others[0]), (test, others[1]))


def _of_file(name: str, kind: str, label: int, positive: str = "", header: bool = True) -> Table:
    rows = _rows(name)[header:]
    columns = list(zip(*rows, strict=True))
    labels = columns.pop(label)
    if name == "telco-churn":
        columns.pop(0)  # the customer's number
    numbers = np.array([cell.startswith(positive) if positive else float(cell) for cell in labels], np.float32)
    return _split(kind, _numbers(columns), numbers)


def _adult() -> Table:
    rows = _rows("adult-train") + _rows("adult-test")
    columns = list(zip(*rows, strict=True))
    return _split("binary_classifier", _numbers(columns[:-1]), np.array([cell[0] == ">" for cell in columns[-1]]))


def _bundled(load: Callable[..., Any], kind: str) -> Table:
    """A few hundred rows: too few to choose a model on some and to measure it on others."""
    features, labels = load(return_X_y=True)
    train, rest, *others = train_test_split(
        features.astype(np.float32), labels.astype(np.float32), test_size=0.4, random_state=0
    )
    return Table(kind, (train, others[0]), (rest, others[1]), (rest, others[1]))


SHARED: Mapping[str, Callable[[], Table]] = {
    "adult": _adult,
    "telco-churn": lambda: _of_file("telco-churn", "binary_classifier", -1, "Yes"),
    "california-housing": lambda: _of_file("california-housing", "regressor", -2),
    "abalone": lambda: _of_file("abalone", "regressor", -1, header=False),
}
BUNDLED: Mapping[str, Callable[[], Table]] = {
    "breast_cancer": lambda: _bundled(load_breast_cancer, "binary_classifier"),
    "diabetes": lambda: _bundled(load_diabetes, "regressor"),
    "digits": lambda: _bundled(load_digits, "multiclass_classifier"),
}
