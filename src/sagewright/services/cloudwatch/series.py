"""Values of metric math: scalars, time series, arrays of time series; and the operators on them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sagewright.services.cloudwatch.expression import BadExpression

_SIGNS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": math.pow,
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "&&": lambda left, right: float(bool(left) and bool(right)),
    "||": lambda left, right: float(bool(left) or bool(right)),
}

MOST_POINTS = 100_800


@dataclass(frozen=True, slots=True)
class Grid:
    """The time range asked for: periods count from start; end is exclusive. Epoch seconds."""

    start: float
    end: float

    def times(self, period: int) -> Iterator[float]:
        """The start of every period. Raises BadExpression for more of them than a call may return."""
        count = math.ceil((self.end - self.start) / period)
        if count > MOST_POINTS:
            raise BadExpression(f"The time range has more than {MOST_POINTS:,} periods")
        return (self.start + number * period for number in range(count))


@dataclass(frozen=True, slots=True)
class Series:
    """points: value by time, a period's start in epoch seconds, in time order."""

    label: str
    period: int
    points: dict[float, float] = field(default_factory=dict)

    def with_points(self, points: dict[float, float]) -> Series:
        return replace(self, points=points)

    def map(self, function: Callable[[float], float | None]) -> Series:
        """Points for which function gives None, or has no answer, are left out."""
        computed = {time: _tried(function, value) for time, value in self.points.items()}
        return self.with_points({time: value for time, value in computed.items() if value is not None})


Value = float | str | Series | list[Series]


def binary(sign: str, left: Value, right: Value) -> Value:
    """Two series meet where both have a point; a division by zero has none. Raises BadExpression."""
    function = _SIGNS[sign]
    if isinstance(left, str) or isinstance(right, str):
        raise BadExpression(f"The operator {sign} does not take text")
    if isinstance(left, list) and isinstance(right, list):
        raise BadExpression(f"The operator {sign} does not take two arrays")
    if isinstance(left, list):
        return [_pair(function, one, right) for one in left if not isinstance(right, list)]
    if isinstance(right, list):
        return [_pair(function, left, one) for one in right]
    if isinstance(left, Series) or isinstance(right, Series):
        return _pair(function, left, right)
    result = _tried(function, left, right)
    if result is None:
        raise BadExpression(f"The operator {sign} has no result for {left:g} and {right:g}")
    return result


def _pair(function: Callable[[float, float], float], left: float | Series, right: float | Series) -> Series:
    if isinstance(left, Series) and isinstance(right, Series):
        met = {time: (value, right.points[time]) for time, value in left.points.items() if time in right.points}
        computed = {time: _tried(function, *values) for time, values in met.items()}
        kept = {time: value for time, value in computed.items() if value is not None}
        return Series(left.label, max(left.period, right.period), kept)
    if isinstance(left, Series):
        return left.map(lambda value: function(value, _scalar(right)))
    if isinstance(right, Series):
        return right.map(lambda value: function(left, value))
    raise TypeError("two scalars are no series")


def _scalar(value: float | Series) -> float:
    if isinstance(value, Series):
        raise TypeError("not a scalar")
    return value


def _tried(function: Callable[..., float | None], *values: float) -> float | None:
    try:
        result = function(*values)
    except (ArithmeticError, ValueError):
        return None
    return result if result is None or math.isfinite(result) else None
