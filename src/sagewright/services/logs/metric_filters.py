"""Metric filters: what log events come to as CloudWatch metrics.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html and
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from sagewright.core.clock import as_datetime
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import page
from sagewright.services.logs.keeper import Keeper, filter_space, invalid, milliseconds, token_position
from sagewright.services.logs.operands import to_number
from sagewright.services.logs.patterns import Pattern, Terms, compile_pattern
from sagewright.store import Document

_log = logging.getLogger(__name__)

_MOST_FILTERS = 100
_MOST_DIMENSIONS = 3
_BATCH = 1_000
"""Data of one call of PutMetricData."""
_UNSUPPORTED = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")


class MetricFilters:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._documents = keeper.store.documents

    @operation()
    def put_metric_filter(
        self,
        ctx: Context,
        log_group_name: str,
        filter_name: str,
        filter_pattern: str,
        metric_transformations: list[dict[str, Any]],
        **members: Any,
    ) -> None:
        """Create or replace a filter. Events put from now on are counted: with a number, or with a value that the
        pattern selects. A defaultValue stands for a minute of a batch in which nothing matched."""
        for name in _UNSUPPORTED:
            if ctx.request.get(name):
                raise AwsError("NotImplemented", f"Sagewright does not implement {name} of metric filters yet.", 501)
        pattern = compile_pattern(filter_pattern)
        for transformation in metric_transformations:
            _check(transformation, pattern)
        group = self._keeper.group(ctx, log_group_name)
        space = filter_space(group)
        present = self._documents.get(space, filter_name)
        if present is None and self._documents.count(space) >= _MOST_FILTERS:
            raise AwsError("LimitExceededException", "Resource limit exceeded.")
        body = {"filterPattern": filter_pattern, "metricTransformations": metric_transformations}
        with self._keeper.store.transaction():
            self._documents.put(space, filter_name, body)
            self._recount(group)

    @operation()
    def delete_metric_filter(self, ctx: Context, log_group_name: str, filter_name: str) -> None:
        group = self._keeper.group(ctx, log_group_name)
        with self._keeper.store.transaction():
            if not self._documents.delete(filter_space(group), filter_name):
                raise AwsError("ResourceNotFoundException", "The specified metric filter does not exist.")
            self._recount(group)

    @operation()
    def describe_metric_filters(
        self,
        ctx: Context,
        log_group_name: str | None = None,
        filter_name_prefix: str = "",
        next_token: str | None = None,
        limit: int = 50,
        metric_name: str | None = None,
        metric_namespace: str | None = None,
    ) -> dict[str, Any]:
        """By group and name; of one metric, where its name and namespace are given together."""
        if (metric_name is None) != (metric_namespace is None):
            raise invalid("MetricName and MetricNamespace must be specified together.")
        if log_group_name is not None:
            groups = [self._keeper.group(ctx, log_group_name)]
        else:
            groups = [group for group in self._keeper.groups(ctx) if group.body.get("metricFilterCount")]
        metric = None if metric_name is None else (metric_namespace, metric_name)
        offset = token_position(next_token) or 0
        found = [
            _shown(group, one)
            for group in groups
            for one in self._documents.find(filter_space(group), prefix=filter_name_prefix, limit=_MOST_FILTERS)
            if metric is None or metric in _metrics(one)
        ]
        shown, token = page(found[offset : offset + limit + 1], limit, offset + limit)
        return {"metricFilters": list(shown), "nextToken": token}

    @operation()
    def test_metric_filter(self, ctx: Context, filter_pattern: str, log_event_messages: list[str]) -> dict[str, Any]:
        """The messages that match, by their number from 1, with the values that the pattern names."""
        pattern = compile_pattern(filter_pattern)
        return {
            "matches": [
                {"eventNumber": number, "eventMessage": message, "extractedValues": pattern.extract(message)}
                for number, message in enumerate(log_event_messages, start=1)
                if pattern.matches(message)
            ]
        }

    async def apply(self, ctx: Context, group: Document, events: Sequence[dict[str, Any]]) -> None:
        """Put into CloudWatch what a group's filters make of events. What it does not take is logged and dropped."""
        if not group.body.get("metricFilterCount"):
            return
        client = ctx.client("cloudwatch")
        for one in self._documents.find(filter_space(group), limit=_MOST_FILTERS):
            pattern = compile_pattern(one.body["filterPattern"])
            fits = [pattern.matches(event["message"]) for event in events]
            for transformation in one.body["metricTransformations"]:
                data = list(_data(transformation, pattern, events, fits))
                for start in range(0, len(data), _BATCH):
                    try:
                        await client.put_metric_data(
                            Namespace=transformation["metricNamespace"], MetricData=data[start : start + _BATCH]
                        )
                    except AwsError as error:
                        _log.warning("metric data of the filter %s were left out: %s", one.key, error)

    def _recount(self, group: Document) -> None:
        count = self._documents.count(filter_space(group))
        self._documents.update(group, body={**group.body, "metricFilterCount": count})


def _check(transformation: dict[str, Any], pattern: Pattern) -> None:
    """Raises InvalidParameterException."""
    value, dimensions = transformation["metricValue"], transformation.get("dimensions", {})
    selected = [*dimensions.values(), *([value] if value.startswith("$") else [])]
    if transformation["metricNamespace"].startswith("AWS/"):
        raise invalid("Invalid metric transformation: namespaces that begin with AWS/ are reserved.")
    if not value.startswith("$") and to_number(value) is None:
        raise invalid(f"Invalid metric transformation: {value} is neither a number nor a selector.")
    if len(dimensions) > _MOST_DIMENSIONS:
        raise invalid(f"Invalid metric transformation: more than {_MOST_DIMENSIONS} dimensions.")
    if dimensions and "defaultValue" in transformation:
        raise invalid("Invalid metric transformation: dimensions and a default value are mutually exclusive.")
    if selected and (isinstance(pattern, Terms) or not all(name.startswith("$") for name in selected)):
        raise invalid("Invalid metric transformation: the filter pattern does not select such a value.")


def _data(
    transformation: dict[str, Any], pattern: Pattern, events: Sequence[dict[str, Any]], fits: Sequence[bool]
) -> Iterator[dict[str, Any]]:
    """MetricData: one datum for each event that fits and has a value."""
    about = {"MetricName": transformation["metricName"], "Unit": transformation.get("unit", "None")}
    minutes: dict[int, bool] = {}
    for event, fit in zip(events, fits, strict=True):
        minute = event["timestamp"] // 60_000
        minutes[minute] = minutes.get(minute, False) or fit
        if not fit:
            continue
        given = transformation["metricValue"]
        value = to_number(pattern.value(event["message"], given) if given.startswith("$") else given)
        selectors = transformation.get("dimensions", {})
        named = {name: pattern.value(event["message"], selector) for name, selector in selectors.items()}
        if value is not None and all(named.values()):
            dimensions = [{"Name": name, "Value": text} for name, text in named.items()]
            moment = as_datetime(event["timestamp"] / 1000)
            yield {**about, "Dimensions": dimensions, "Timestamp": moment, "Value": value}
    if "defaultValue" in transformation:
        for minute, matched in minutes.items():
            if not matched:
                yield {**about, "Timestamp": as_datetime(minute * 60), "Value": transformation["defaultValue"]}


def _metrics(document: Document) -> list[tuple[str, str]]:
    return [(one["metricNamespace"], one["metricName"]) for one in document.body["metricTransformations"]]


def _shown(group: Document, document: Document) -> dict[str, Any]:
    return {
        "filterName": document.key,
        "logGroupName": group.key,
        "creationTime": milliseconds(document.created),
        **document.body,
    }
