"""Statistics of the data of one period.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from sagewright.services.cloudwatch.metrics import Sample

_PLAIN = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
_PERCENT = re.compile(r"(p|tm|wm|tc|ts)(\d{1,3}(?:\.\d{1,10})?)", re.IGNORECASE)
_RANGE = re.compile(r"(TM|WM|TC|TS|PR)\((\d*\.?\d*)(%?):(\d*\.?\d*)(%?)\)", re.IGNORECASE)


class Aggregate:
    """Samples taken together: count, total, least and greatest, and the single values where all of them are known."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.count = self.total = 0.0
        self.low, self.high = float("inf"), float("-inf")
        self._weights: list[tuple[float, float]] | None = []
        for sample in samples:
            if sample.values:
                self._add_values(zip(sample.values, sample.counts, strict=True))
            else:
                self._add_set(*sample.counts)

    def _add_values(self, pairs: Iterable[tuple[float, float]]) -> None:
        for value, times in pairs:
            self.count += times
            self.total += value * times
            self.low, self.high = min(self.low, value), max(self.high, value)
            if self._weights is not None:
                self._weights.append((value, times))

    def _add_set(self, count: float, total: float, low: float, high: float) -> None:
        """Only a set of equal values says what each of them was."""
        if low == high:
            self._add_values([(low, count)])
            return
        self.count += count
        self.total += total
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._weights = None

    def sorted_weights(self) -> list[tuple[float, float]] | None:
        """(value, times) by value; None where a statistic set hides them."""
        return None if self._weights is None else sorted(self._weights)


Statistic = Callable[[Aggregate], float | None]
"""None: there is no such statistic of these data."""


def statistic(name: str) -> Statistic | None:
    """A statistic by CloudWatch's name: Sum, p99, tm90, TM(10%:90%), PR(:300), IQM ... None for no such name."""
    if name in _PLAIN:
        return {
            "SampleCount": lambda data: data.count,
            "Sum": lambda data: data.total,
            "Average": lambda data: data.total / data.count,
            "Minimum": lambda data: data.low,
            "Maximum": lambda data: data.high,
        }[name]
    if name.upper() == "IQM":
        return _trimmed("tm", ("25", "%"), ("75", "%"))
    percent = _PERCENT.fullmatch(name)
    if percent is not None:
        if float(percent[2]) > 100:
            return None
        if percent[1].lower() == "p":
            share = float(percent[2]) / 100
            return lambda data: _percentile(data.sorted_weights(), data.count, share)
        return _trimmed(percent[1].lower(), ("", "%"), (percent[2], "%"))
    ranged = _RANGE.fullmatch(name)
    if ranged is None or (not ranged[2] and not ranged[4]) or "." in (ranged[2], ranged[4]):
        return None
    return _trimmed(ranged[1].lower(), (ranged[2], ranged[3]), (ranged[4], ranged[5]))


def _percentile(weights: list[tuple[float, float]] | None, count: float, share: float) -> float | None:
    """Nearest rank: the least value that share of the data do not exceed."""
    if weights is None:
        return None
    reached = 0.0
    for value, times in weights:
        reached += times
        if reached >= share * count * (1 - 1e-12):
            return value
    return weights[-1][0]


def _trimmed(kind: str, low: tuple[str, str], high: tuple[str, str]) -> Statistic:
    """Of the data between two bounds: their mean (tm), number (tc), sum (ts), share (pr), or the mean of all with the
    rest set to the bounds (wm). Bounds are (number, "%" for a percentage of the data, "" for a value)."""

    def compute(data: Aggregate) -> float | None:
        weights = data.sorted_weights()
        if weights is None:
            return None
        kept = _within(weights, data.count, low, high)
        number = sum(times for _, times in kept)
        total = sum(value * times for value, times in kept)
        if kind == "tc":
            return number
        if kind == "ts":
            return total
        if kind == "pr":
            return 100 * number / data.count
        if not number:
            return None
        return total / number if kind == "tm" else _winsorized(weights, kept)

    return compute


def _within(
    weights: list[tuple[float, float]], count: float, low: tuple[str, str], high: tuple[str, str]
) -> list[tuple[float, float]]:
    """The data above low and up to high, with the parts of their weights that fall inside."""
    kept, at = [], 0.0
    start = float(low[0]) / 100 * count if low[0] and low[1] else 0.0
    stop = float(high[0]) / 100 * count if high[0] and high[1] else count
    for value, times in weights:
        above = not low[0] or bool(low[1]) or value > float(low[0])
        below = not high[0] or bool(high[1]) or value <= float(high[0])
        inside = min(stop, at + times) - max(start, at)
        at += times
        if above and below and inside > 0:
            kept.append((value, inside))
    return kept


def _winsorized(weights: list[tuple[float, float]], kept: list[tuple[float, float]]) -> float:
    low, high = kept[0][0], kept[-1][0]
    count = sum(times for _, times in weights)
    return sum(min(max(value, low), high) * times for value, times in weights) / count
