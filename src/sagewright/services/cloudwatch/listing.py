"""ListMetrics.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, page
from sagewright.services.cloudwatch.metrics import Metrics, key_prefix

_PAGE = 500
_FORGOTTEN = 14 * 86_400
_RECENT = 3 * 3_600


class Listing:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @operation()
    def list_metrics(
        self,
        ctx: Context,
        namespace: str = "",
        metric_name: str = "",
        dimensions: list[dict[str, str]] | None = None,
        next_token: str | None = None,
        recently_active: str | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        """Metrics that got data within two weeks, or with RecentlyActive three hours; 500 a page. A dimension without
        a value matches any."""
        after = decode_token(next_token, str, code="InvalidParameterValue") or ""
        since = self._metrics.clock.now() - (_RECENT if recently_active else _FORGOTTEN)
        found = [
            (key, metric)
            for key, metric in self._metrics.known(ctx, key_prefix(namespace, metric_name), after, since)
            if metric_name in ("", metric["MetricName"]) and _has(metric["Dimensions"], dimensions or [])
        ]
        shown, token = page(found, _PAGE, found[_PAGE - 1][0] if len(found) > _PAGE else None)
        return {"Metrics": [metric for _, metric in shown], "NextToken": token}


def _has(dimensions: list[dict[str, str]], wanted: list[dict[str, str]]) -> bool:
    present = {one["Name"]: one["Value"] for one in dimensions}
    return all(
        one["Name"] in present and one.get("Value", present[one["Name"]]) == present[one["Name"]] for one in wanted
    )
