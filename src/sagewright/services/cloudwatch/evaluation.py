"""Metric math: what an expression comes to, given the other queries of its request."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sagewright.core.errors import AwsError
from sagewright.services.cloudwatch.expression import BadExpression, Binary, Call, Name, Node, Number, Several, Text
from sagewright.services.cloudwatch.functions import function
from sagewright.services.cloudwatch.series import Grid, Series, Value, binary

_KEYWORDS = ("REPEAT", "LINEAR")
_AWS_ONLY = {
    *("ANOMALY_DETECTION_BAND", "DAY", "DB_PERF_INSIGHTS", "DIFF_TIME", "EPOCH", "HOUR", "INSIGHT_RULE_METRIC"),
    *("LAMBDA", "MINUTE", "MONTH", "REMOVE_EMPTY", "SEARCH", "SERVICE_QUOTA", "SLICE", "SORT", "YEAR", "DATE"),
}


class Evaluation:
    """Evaluates expressions of one request.

    resolve: the value of another query by id; raises BadExpression. metrics: the ids that METRICS() stands for.
    """

    def __init__(self, grid: Grid, resolve: Callable[[str], Value], metrics: Iterable[str]) -> None:
        self._grid = grid
        self._resolve = resolve
        self._metrics = list(metrics)

    def value(self, node: Node) -> Value:
        """Raises BadExpression, and 501 for a function of AWS's that is not here."""
        match node:
            case Number(number):
                return number
            case Text(text):
                return text
            case Name(name):
                return name if name in _KEYWORDS else self._resolve(name)
            case Binary(sign, left, right):
                return binary(sign, self.value(left), self.value(right))
            case Several(items):
                return self._several(items)
            case Call("METRICS", arguments):
                return self._all_metrics(arguments)
            case Call(name, arguments):
                return self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Value:
        compute = function(name)
        if compute is not None:
            return compute(self._grid, [self.value(one) for one in arguments])
        if name in _AWS_ONLY:
            raise AwsError("NotImplemented", f"Sagewright does not implement {name} in metric math yet.", 501)
        raise BadExpression(f"Unsupported function {name}")

    def _several(self, items: tuple[Node, ...]) -> list[Series]:
        found: list[Series] = []
        for value in map(self.value, items):
            if isinstance(value, list):
                found += value
            elif isinstance(value, Series):
                found.append(value)
            else:
                raise BadExpression("An array holds time series only")
        return found

    def _all_metrics(self, arguments: tuple[Node, ...]) -> list[Series]:
        wanted = ""
        if arguments:
            if len(arguments) > 1 or not isinstance(arguments[0], Text):
                raise BadExpression("METRICS takes one text")
            wanted = arguments[0].value
        return self._several(tuple(Name(name) for name in self._metrics if wanted in name))
