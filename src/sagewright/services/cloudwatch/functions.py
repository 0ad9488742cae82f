"""Functions of metric math.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-functions-list
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import pairwise

from sagewright.services.cloudwatch.expression import BadExpression
from sagewright.services.cloudwatch.series import Grid, Series, Value

Function = Callable[[Grid, Sequence[Value]], Value]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.sqrt(_mean([(value - mean) ** 2 for value in values]))


_SINGLE: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
    "EXP": math.exp,
}
_GROUPS: dict[str, Callable[[Sequence[float]], float]] = {
    "AVG": _mean,
    "MAX": max,
    "MIN": min,
    "SUM": math.fsum,
    "STDDEV": _deviation,
}


def function(name: str) -> Function | None:
    """A function by its name in capitals; None for one that is not here."""
    if name in _SINGLE:
        return lambda grid, arguments: _each(name, arguments)
    if name in _GROUPS:
        return lambda grid, arguments: _grouped(name, arguments)
    return _OTHERS.get(name)


def _each(name: str, arguments: Sequence[Value]) -> Value:
    compute = _SINGLE[name]
    (value,) = _taken(name, arguments, 1)
    if isinstance(value, list):
        return [one.map(compute) for one in value]
    if isinstance(value, Series):
        return value.map(compute)
    try:
        return float(compute(_number(name, value)))
    except ValueError:
        raise BadExpression(f"{name} has no result for {value}") from None


def _grouped(name: str, arguments: Sequence[Value]) -> Value:
    """One series to a scalar; an array to the series of what its members have at each time."""
    compute = _GROUPS[name]
    (value,) = _taken(name, arguments, 1)
    if isinstance(value, list):
        times = sorted({time for one in value for time in one.points})
        period = max((one.period for one in value), default=60)
        points = {time: float(compute([one.points[time] for one in value if time in one.points])) for time in times}
        return Series(name, period, points)
    series = _series(name, value)
    return float(compute(list(series.points.values()))) if series.points else 0.0


def _if(grid: Grid, arguments: Sequence[Value]) -> Value:
    """IF(condition, then) leaves out what does not hold; with a third argument, that stands there instead."""
    if len(arguments) not in (2, 3):
        raise BadExpression("IF takes 2 or 3 arguments")
    condition, *branches = arguments
    if not isinstance(condition, Series):
        if _number("IF", condition):
            return branches[0]
        return branches[1] if len(branches) > 1 else Series("IF", 60)
    points = {}
    for time, holds in condition.points.items():
        branch = branches[0] if holds else branches[1] if len(branches) > 1 else None
        value = None if branch is None else _at("IF", branch, time)
        if value is not None:
            points[time] = value
    return condition.with_points(points)


def _at(name: str, value: Value, time: float) -> float | None:
    return value.points.get(time) if isinstance(value, Series) else _number(name, value)


def _fill(grid: Grid, arguments: Sequence[Value]) -> Value:
    """FILL(series, number | other series | REPEAT | LINEAR): a point in every period."""
    value, filler = _taken("FILL", arguments, 2)
    if isinstance(value, list):
        return [_filled(grid, one, filler) for one in value]
    return _filled(grid, _series("FILL", value), filler)


def _filled(grid: Grid, series: Series, filler: Value) -> Series:
    points: dict[float, float] = {}
    known = sorted(series.points.items())
    for time in grid.times(series.period):
        value = series.points.get(time)
        if value is None:
            value = _interpolated(known, time, filler) if isinstance(filler, str) else _at("FILL", filler, time)
        if value is not None:
            points[time] = value
    return series.with_points(points)


def _interpolated(known: list[tuple[float, float]], time: float, way: str) -> float | None:
    """What stands between the known points around a time that has none: the earlier one, or on the line."""
    place = bisect(known, (time,))
    if place == 0:
        return None
    before, low = known[place - 1]
    if way == "REPEAT":
        return low
    if place == len(known):
        return None
    after, high = known[place]
    return low + (high - low) * (time - before) / (after - before)


def _differences(divide: bool) -> Function:
    def compute(grid: Grid, arguments: Sequence[Value]) -> Value:
        (value,) = _taken("RATE" if divide else "DIFF", arguments, 1)
        if isinstance(value, list):
            return [_stepped(one, divide) for one in value]
        return _stepped(_series("RATE" if divide else "DIFF", value), divide)

    return compute


def _stepped(series: Series, divide: bool) -> Series:
    steps = pairwise(series.points.items())
    return series.with_points({now: (high - low) / (now - then if divide else 1) for (then, low), (now, high) in steps})


def _running_sum(grid: Grid, arguments: Sequence[Value]) -> Value:
    series = _series("RUNNING_SUM", *_taken("RUNNING_SUM", arguments, 1))
    total, points = 0.0, {}
    for time, value in series.points.items():
        points[time] = total = total + value
    return series.with_points(points)


def _period(grid: Grid, arguments: Sequence[Value]) -> Value:
    return float(_series("PERIOD", *_taken("PERIOD", arguments, 1)).period)


def _datapoint_count(grid: Grid, arguments: Sequence[Value]) -> Value:
    return float(len(_series("DATAPOINT_COUNT", *_taken("DATAPOINT_COUNT", arguments, 1)).points))


def _metric_count(grid: Grid, arguments: Sequence[Value]) -> Value:
    (value,) = _taken("METRIC_COUNT", arguments, 1)
    return float(len(value)) if isinstance(value, list) else 1.0


def _end_of(which: int) -> Function:
    def compute(grid: Grid, arguments: Sequence[Value]) -> Value:
        (value,) = _taken("FIRST" if which == 0 else "LAST", arguments, 1)
        if not isinstance(value, list) or not value:
            raise BadExpression("FIRST and LAST take an array of time series")
        return value[which]

    return compute


def _time_series(grid: Grid, arguments: Sequence[Value]) -> Value:
    (value,) = _taken("TIME_SERIES", arguments, 1)
    number = _number("TIME_SERIES", value)
    return Series("TIME_SERIES", 60, dict.fromkeys(grid.times(60), number))


_OTHERS: dict[str, Function] = {
    "IF": _if,
    "FILL": _fill,
    "RATE": _differences(True),
    "DIFF": _differences(False),
    "RUNNING_SUM": _running_sum,
    "PERIOD": _period,
    "DATAPOINT_COUNT": _datapoint_count,
    "METRIC_COUNT": _metric_count,
    "FIRST": _end_of(0),
    "LAST": _end_of(-1),
    "TIME_SERIES": _time_series,
}


def _taken(name: str, arguments: Sequence[Value], count: int) -> Sequence[Value]:
    if len(arguments) != count:
        raise BadExpression(f"{name} takes {count} argument{'s' * (count > 1)}")
    return arguments


def _series(name: str, value: Value) -> Series:
    if not isinstance(value, Series):
        raise BadExpression(f"{name} takes a time series")
    return value


def _number(name: str, value: Value) -> float:
    if not isinstance(value, int | float):
        raise BadExpression(f"{name} takes a number here")
    return float(value)
