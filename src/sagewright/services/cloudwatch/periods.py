"""How a time range is cut into periods.

Source: StartTime and Period in
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from sagewright.services.cloudwatch.metrics import Sample, invalid_value

_DAY = 86_400
_Key = TypeVar("_Key")


def check_period(period: int, name: str = "Period") -> None:
    """Raises InvalidParameterValue."""
    if period not in (1, 5, 10, 20, 30) and (period <= 0 or period % 60):
        raise invalid_value(f"The parameter {name} must be 1, 5, 10, 20, 30, or a multiple of 60.")


def rounded_start(start: float, period: int, now: float) -> float:
    """Where the first period begins: whole minutes; from 15 days back whole five minutes, from 63 whole hours."""
    if period < 60:
        grain = period
    elif start > now - 15 * _DAY:
        grain = 60
    else:
        grain = 300 if start > now - 63 * _DAY else 3_600
    return start // grain * grain


def by_period(
    samples: Iterable[Sample], start: float, period: int, key: Callable[[Sample], _Key]
) -> dict[tuple[float, _Key], list[Sample]]:
    """Samples by the start of their period, counted from start on, and by key."""
    groups: dict[tuple[float, _Key], list[Sample]] = {}
    for sample in samples:
        begin = start + (sample.at - start) // period * period
        groups.setdefault((begin, key(sample)), []).append(sample)
    return groups
