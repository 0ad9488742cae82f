"""GetMetricStatistics.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.cloudwatch.aggregate import Aggregate, Statistic, statistic
from sagewright.services.cloudwatch.metrics import Metrics, invalid_combination, invalid_value, metric_key
from sagewright.services.cloudwatch.periods import by_period, check_period, rounded_start

_MOST = 1_440


class Statistics:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @operation()
    def get_metric_statistics(
        self,
        ctx: Context,
        namespace: str,
        metric_name: str,
        start_time: datetime,
        end_time: datetime,
        period: int,
        dimensions: list[dict[str, str]] | None = None,
        statistics: list[str] | None = None,
        extended_statistics: list[str] | None = None,
        unit: str | None = None,
    ) -> dict[str, Any]:
        """Data points in no order, one a period and unit; StartTime is inclusive, EndTime exclusive."""
        functions = _functions("Statistics", statistics), _functions("ExtendedStatistics", extended_statistics)
        if not any(functions):
            message = "At least one of the parameters Statistics and ExtendedStatistics must be specified."
            raise AwsError("MissingParameter", message)
        start, end = start_time.timestamp(), end_time.timestamp()
        _check_range(start, end, period)
        start = rounded_start(start, period, self._metrics.clock.now())
        key = metric_key(namespace, metric_name, dimensions or ())
        samples = [sample for sample in self._metrics.samples(ctx, key, start, end) if unit in (None, sample.unit)]
        points = [
            _point(at, of, Aggregate(group), *functions)
            for (at, of), group in by_period(samples, start, period, lambda sample: sample.unit).items()
        ]
        return {"Label": metric_name, "Datapoints": points}


def _point(
    at: float, unit: str, data: Aggregate, plain: dict[str, Statistic], extended: dict[str, Statistic]
) -> dict[str, Any]:
    point: dict[str, Any] = {"Timestamp": at, "Unit": unit}
    point.update((name, function(data)) for name, function in plain.items())
    percentiles = {name: value for name, function in extended.items() if (value := function(data)) is not None}
    return {**point, "ExtendedStatistics": percentiles} if percentiles else point


def _functions(member: str, names: list[str] | None) -> dict[str, Statistic]:
    functions = {}
    for name in names or ():
        function = statistic(name)
        if function is None:
            raise invalid_value(f"The value {name} for parameter {member} is not supported.")
        functions[name] = function
    return functions


def _check_range(start: float, end: float, period: int) -> None:
    check_period(period)
    if start == end:
        raise invalid_value("The parameter StartTime must not equal parameter EndTime.")
    if start > end:
        raise invalid_value("The parameter StartTime must be less than the parameter EndTime.")
    asked = math.ceil((end - start) / period)
    if asked > _MOST:
        raise invalid_combination(
            f"You have requested up to {asked:,} datapoints, which exceeds the limit of {_MOST:,}. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range."
        )
