"""GetMetricData: many metrics and metric math in one call.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, encode_token
from sagewright.services.cloudwatch.aggregate import Aggregate, statistic
from sagewright.services.cloudwatch.evaluation import Evaluation
from sagewright.services.cloudwatch.expression import BadExpression, parse
from sagewright.services.cloudwatch.labels import label_of
from sagewright.services.cloudwatch.metrics import Metrics, metric_key
from sagewright.services.cloudwatch.periods import by_period, check_period, rounded_start
from sagewright.services.cloudwatch.series import MOST_POINTS, Grid, Series, Value

_MOST_QUERIES = 500

Query = Mapping[str, Any]
"""A MetricDataQuery as sent."""


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


class Queries:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @operation()
    def get_metric_data(
        self,
        ctx: Context,
        metric_data_queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        next_token: str | None = None,
        scan_by: str = "TimestampDescending",
        max_datapoints: int = MOST_POINTS,
        label_options: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Results in the order of their queries, newest points first unless ScanBy says otherwise; at most
        MaxDatapoints a page. StartTime is inclusive, EndTime exclusive."""
        if start_time >= end_time:
            raise invalid("The parameter StartTime must be less than the parameter EndTime.")
        check_queries(metric_data_queries)
        if not 1 <= max_datapoints <= MOST_POINTS:
            raise invalid(f"MaxDatapoints must be between 1 and {MOST_POINTS}.")
        asked = _Asked(self._metrics, ctx, metric_data_queries, start_time.timestamp(), end_time.timestamp())
        results: list[dict[str, Any]] = []
        for query in metric_data_queries:
            if query.get("ReturnData", True):
                results += [
                    _result(query, series, ctx, scan_by == "TimestampDescending") for series in asked.results(query)
                ]
        offset = decode_token(next_token, int, code="InvalidNextToken") or 0
        left = _page(results, offset, max_datapoints)
        token = encode_token(offset + max_datapoints) if left else None
        return {"MetricDataResults": results, "NextToken": token, "Messages": []}


def series_of(metrics: Metrics, ctx: Context, queries: Sequence[Query], start: float, end: float) -> Series:
    """What the one of the queries that returns data comes to, by the start of each period. Raises AwsError."""
    returned = next(query for query in queries if query.get("ReturnData", True))
    found = _Asked(metrics, ctx, queries, start, end).results(returned)
    if len(found) != 1:
        raise invalid(f"Error in expression '{returned['Id']}': the result must be a single time series")
    return found[0]


class _Asked:
    """The queries of one request; each is computed once."""

    def __init__(self, metrics: Metrics, ctx: Context, queries: Sequence[Query], start: float, end: float) -> None:
        self._metrics = metrics
        self._ctx = ctx
        self._queries = {query["Id"]: query for query in queries}
        self._start = start
        self._end = end
        self._known: dict[str, Value] = {}
        self._open: list[str] = []
        periods = [query["MetricStat"]["Period"] for query in queries if "MetricStat" in query]
        grid = Grid(rounded_start(start, min(periods, default=60), metrics.clock.now()), end)
        ids = [query["Id"] for query in queries if "MetricStat" in query]
        self._evaluation = Evaluation(grid, self._resolve, ids)

    def results(self, query: Query) -> list[Series]:
        """Raises AwsError (ValidationError) for a bad expression and one that gives no time series."""
        try:
            value = self._resolve(query["Id"])
        except BadExpression as error:
            raise invalid(f"Error in expression '{query['Id']}': {error}") from None
        if isinstance(value, list):
            return value
        if not isinstance(value, Series):
            raise invalid(f"Error in expression '{query['Id']}': the result must be a time series")
        return [value]

    def _resolve(self, name: str) -> Value:
        if name not in self._known:
            query = self._queries.get(name)
            if query is None:
                raise BadExpression(f"Undefined identifier {name}")
            if name in self._open:
                raise BadExpression(f"Circular reference to {name}")
            self._open.append(name)
            self._known[name] = self._computed(query)
            self._open.pop()
        return self._known[name]

    def _computed(self, query: Query) -> Value:
        if "MetricStat" in query:
            return self._read(query["MetricStat"])
        text = query["Expression"]
        if text.lstrip().upper().startswith("SELECT"):
            raise AwsError("NotImplemented", "Sagewright does not implement Metrics Insights queries yet.", 501)
        value = self._evaluation.value(parse(text))
        return Series(query["Id"], value.period, value.points) if isinstance(value, Series) else value

    def _read(self, stat: Mapping[str, Any]) -> Series:
        metric, period, unit = stat["Metric"], stat["Period"], stat.get("Unit")
        compute = statistic(stat["Stat"])
        if compute is None:
            raise invalid(f"The value {stat['Stat']} for parameter Stat is not supported.")
        start = rounded_start(self._start, period, self._metrics.clock.now())
        key = metric_key(metric.get("Namespace", ""), metric.get("MetricName", ""), metric.get("Dimensions", ()))
        samples = self._metrics.samples(self._ctx, key, start, self._end)
        groups = by_period((one for one in samples if unit in (None, one.unit)), start, period, lambda one: None)
        points = {
            at: compute(Aggregate(group)) for (at, _), group in sorted(groups.items(), key=lambda item: item[0][0])
        }
        return Series(
            metric.get("MetricName", ""), period, {at: value for at, value in points.items() if value is not None}
        )


def check_queries(queries: Sequence[Query]) -> None:
    """Raises AwsError (ValidationError)."""
    if len(queries) > _MOST_QUERIES:
        raise invalid(f"The collection MetricDataQueries must not have a size greater than {_MOST_QUERIES}.")
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise invalid("The values for parameter Id in MetricDataQueries are not unique.")
    if not any(query.get("ReturnData", True) for query in queries):
        raise invalid("At least one of the MetricDataQueries must return data.")
    for number, query in enumerate(queries, start=1):
        name = f"MetricDataQueries.member.{number}"
        if not query["Id"][:1].islower() or not query["Id"].replace("_", "").isalnum():
            raise invalid(
                f"The value {query['Id']} for parameter {name}.Id is invalid. It must match ^[a-z][a-zA-Z0-9_]*$."
            )
        if ("MetricStat" in query) == ("Expression" in query):
            raise invalid(f"Exactly one of {name}.MetricStat and {name}.Expression must be specified.")
        if "MetricStat" in query:
            check_period(query["MetricStat"]["Period"], f"{name}.MetricStat.Period")


def _result(query: Query, series: Series, ctx: Context, newest_first: bool) -> dict[str, Any]:
    times = sorted(series.points, reverse=newest_first)
    return {
        "Id": query["Id"],
        "Label": label_of(query, series, ctx.account, ctx.region),
        "Timestamps": times,
        "Values": [series.points[time] for time in times],
        "StatusCode": "Complete",
    }


def _page(results: Sequence[dict[str, Any]], offset: int, size: int) -> bool:
    """Leave only the points of one page in results; whether there are more pages."""
    begin = 0
    for result in results:
        count = len(result["Timestamps"])
        low, high = max(0, offset - begin), max(0, offset + size - begin)
        result["Timestamps"], result["Values"] = result["Timestamps"][low:high], result["Values"][low:high]
        if high < count:
            result["StatusCode"] = "PartialData"
        begin += count
    return begin > offset + size
