"""Labels of GetMetricData results, with their dynamic parts (``${MAX}``, ``${PROP('Dim.Host')}``).

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sagewright.services.cloudwatch.series import Series

_DYNAMIC = re.compile(r"\$\{(?:PROP\('(?P<property>[^']+)'\)|(?P<name>\w+))\}")
_NUMBERS: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "DATAPOINT_COUNT": len,
    "FIRST": lambda values: values[0],
    "LAST": lambda values: values[-1],
    "MAX": max,
    "MIN": min,
    "SUM": sum,
}


def label_of(query: Mapping[str, Any], series: Series, account: str, region: str) -> str:
    """The label asked for with its dynamic parts filled in; else the metric's name, or the expression's id."""
    text = query.get("Label")
    if not text:
        return series.label
    properties = _properties(query.get("MetricStat"), account, region)

    def filled(found: re.Match[str]) -> str:
        if found["property"] is not None:
            return properties.get(found["property"], found[0])
        if found["name"] == "LABEL":
            return series.label
        compute = _NUMBERS.get(found["name"])
        if compute is None:
            return found[0]
        values = list(series.points.values())
        return f"{compute(values):g}" if values else "--"

    return _DYNAMIC.sub(filled, text)


def _properties(stat: Mapping[str, Any] | None, account: str, region: str) -> dict[str, str]:
    if stat is None:
        return {"AccountId": account, "Region": region}
    metric = stat["Metric"]
    return {
        "AccountId": account,
        "Region": region,
        "MetricName": metric.get("MetricName", ""),
        "Namespace": metric.get("Namespace", ""),
        "Period": str(stat["Period"]),
        "Stat": stat["Stat"],
        **{f"Dim.{one['Name']}": one["Value"] for one in metric.get("Dimensions", ())},
    }
