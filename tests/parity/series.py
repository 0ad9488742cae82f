"""The Numenta Anomaly Benchmark's series with labelled windows, as rows of 48 values that follow each other."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from parity.tabular import FOLDER as TABULAR

Array = np.ndarray[Any, Any]

FOLDER = TABULAR.parent / "nab"
SHINGLE = 48
SERIES = (
    "nyc_taxi",
    "cpu_utilization_asg_misconfiguration",
    "ec2_request_latency_system_failure",
    "ambient_temperature_system_failure",
    "machine_temperature_system_failure",
)
_TOP = 0.02


@dataclass(frozen=True)
class Series:
    """rows: (n, 48) float32, each dated by its last value. windows: (n,) bool each, the rows inside of it."""

    rows: Array
    windows: list[Array]


def series(name: str) -> Series:
    with (FOLDER / f"{name}.csv").open() as file:
        times, values = zip(*list(csv.reader(file))[1:], strict=True)
    ends = np.array([datetime.fromisoformat(time) for time in times])[SHINGLE - 1 :]
    rows = np.lib.stride_tricks.sliding_window_view(np.array(values, np.float32), SHINGLE)
    known = json.loads((FOLDER / "windows.json").read_text())[f"realKnownCause/{name}.csv"]
    bounds = [tuple(datetime.fromisoformat(time) for time in window) for window in known]
    return Series(rows.copy(), [(ends >= begin) & (ends <= end) for begin, end in bounds])


def found_windows(one: Series, scores: Array) -> int:
    """How many windows have a row among the 2 % with the highest scores."""
    top = scores >= np.quantile(scores, 1 - _TOP)
    return sum(bool((top & window).any()) for window in one.windows)


def row_auc(one: Series, scores: Array) -> float:
    """How often a row inside of a window scores higher than one outside."""
    return float(roc_auc_score(np.any(one.windows, axis=0), scores))
