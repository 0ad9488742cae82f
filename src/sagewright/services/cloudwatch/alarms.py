"""Metric alarms. Their state is worked out of the data when somebody looks, at most once a minute; no action is run.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, page
from sagewright.kit.tags import TagErrors, Tags
from sagewright.services.cloudwatch.alarm_checks import check
from sagewright.services.cloudwatch.alarm_state import EXTRA_PERIODS, INSUFFICIENT, judge
from sagewright.services.cloudwatch.metrics import Metrics, metric_key
from sagewright.services.cloudwatch.queries import series_of
from sagewright.store import Document, Space

_MOST = 5_000
_STATE = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")


class Alarms:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._documents = metrics.store.documents
        self._tags = Tags(metrics.store, TagErrors("InvalidParameterValue", "InvalidParameterValue"))

    @operation()
    def put_metric_alarm(self, ctx: Context, alarm_name: str, **members: Any) -> None:
        """Create or replace; a replaced alarm keeps its state until it is looked at again.

        Actions are kept, not run.
        """
        check(ctx.request)
        now = self._metrics.clock.now()
        self._points(ctx, ctx.request, now)  # an expression that does not work is refused now
        body = {name: value for name, value in ctx.request.items() if name != "Tags"}
        body |= {"ActionsEnabled": ctx.request.get("ActionsEnabled", True), "AlarmConfigurationUpdatedTimestamp": now}
        with self._metrics.store.transaction():
            present = self._documents.get(_space(ctx), alarm_name)
            if present is None:
                if self._documents.count(_space(ctx)) >= _MOST:
                    raise AwsError("LimitExceeded", f"There are {_MOST} alarms already.")
                body |= _transition(INSUFFICIENT, "Unchecked: Initial alarm creation", None, now)
                self._tags.add(alarm_arn(ctx, alarm_name), ctx.request.get("Tags", ()))
            else:
                body |= {name: present.body[name] for name in _STATE if name in present.body}
            self._documents.put(_space(ctx), alarm_name, body)

    @operation()
    def describe_alarms(
        self,
        ctx: Context,
        alarm_names: list[str] | None = None,
        alarm_name_prefix: str = "",
        alarm_types: list[str] | None = None,
        state_value: str = "",
        action_prefix: str = "",
        max_records: int = 50,
        next_token: str | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        """By name. There are metric alarms only."""
        if alarm_names and alarm_name_prefix:
            message = "AlarmNamePrefix and AlarmNames cannot be specified together."
            raise AwsError("ValidationError", message)
        if alarm_types and "MetricAlarm" not in alarm_types:
            return {"MetricAlarms": [], "CompositeAlarms": []}
        after = decode_token(next_token, str, code="InvalidNextToken") or ""
        found = [
            document
            for document in self._documents.find(_space(ctx), prefix=alarm_name_prefix, after=after, limit=_MOST)
            if (not alarm_names or document.key in alarm_names) and _acts(document, action_prefix)
        ]
        looked = (self._looked_at(ctx, document) for document in found)
        wanted = [document for document in looked if state_value in ("", document.body["StateValue"])]
        shown, token = page(wanted, max_records, wanted[max_records - 1].key if len(wanted) > max_records else None)
        return {
            "MetricAlarms": [_shown(ctx, document) for document in shown],
            "CompositeAlarms": [],
            "NextToken": token,
        }

    @operation()
    def describe_alarms_for_metric(
        self,
        ctx: Context,
        metric_name: str,
        namespace: str,
        dimensions: list[dict[str, str]] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        """Alarms on just this metric; Statistic, ExtendedStatistic, Period and Unit narrow it down."""
        key = metric_key(namespace, metric_name, dimensions or ())
        narrow = {name: ctx.request[name] for name in _NARROWING if name in ctx.request}
        found = [
            document
            for document in self._documents.find(_space(ctx), limit=_MOST)
            if _metric_of(document.body) == key and narrow.items() <= document.body.items()
        ]
        return {"MetricAlarms": [_shown(ctx, self._looked_at(ctx, document)) for document in found]}

    @operation()
    def set_alarm_state(
        self,
        ctx: Context,
        alarm_name: str,
        state_value: str,
        state_reason: str,
        state_reason_data: str | None = None,
    ) -> None:
        """Until the alarm's data are next looked at, a minute later at the most."""
        present = self._documents.get(_space(ctx), alarm_name)
        if present is None:
            raise AwsError("ResourceNotFound", f"Unknown alarm {alarm_name}", 404)
        if state_reason_data is not None:
            try:
                json.loads(state_reason_data)
            except (ValueError, RecursionError):
                raise AwsError("InvalidFormat", "StateReasonData is not JSON.") from None
        now = self._metrics.clock.now()
        state = _transition(state_value, state_reason, state_reason_data, now)
        self._documents.update(present, body={**present.body, **state, "judged": _end(present.body, now)})

    @operation()
    def delete_alarms(self, ctx: Context, alarm_names: list[str]) -> None:
        with self._metrics.store.transaction():
            for name in alarm_names:
                if self._documents.delete(_space(ctx), name):
                    self._tags.forget(alarm_arn(ctx, name))

    @operation("record-only")
    def enable_alarm_actions(self, ctx: Context, alarm_names: list[str]) -> None:
        self._switch(ctx, alarm_names, enabled=True)

    @operation("record-only")
    def disable_alarm_actions(self, ctx: Context, alarm_names: list[str]) -> None:
        self._switch(ctx, alarm_names, enabled=False)

    @operation()
    def tag_resource(self, ctx: Context, resource_arn: str, tags: list[dict[str, str]]) -> None:
        self._tags.add(self._known(ctx, resource_arn), tags)

    @operation()
    def untag_resource(self, ctx: Context, resource_arn: str, tag_keys: list[str]) -> None:
        self._tags.remove(self._known(ctx, resource_arn), tag_keys)

    @operation()
    def list_tags_for_resource(self, ctx: Context, resource_arn: str) -> dict[str, Any]:
        return {"Tags": self._tags.list(self._known(ctx, resource_arn))}

    def _known(self, ctx: Context, arn: str) -> str:
        name = arn.partition(":alarm:")[2]
        if arn != alarm_arn(ctx, name) or self._documents.get(_space(ctx), name) is None:
            raise AwsError("ResourceNotFoundException", f"There is no resource {arn}.", 404)
        return arn

    def _switch(self, ctx: Context, names: Iterable[str], *, enabled: bool) -> None:
        for name in names:
            present = self._documents.get(_space(ctx), name)
            if present is not None:
                self._documents.update(present, body={**present.body, "ActionsEnabled": enabled})

    def _looked_at(self, ctx: Context, document: Document) -> Document:
        """The alarm with its state of this minute."""
        alarm, now = document.body, self._metrics.clock.now()
        end = _end(alarm, now)
        if alarm.get("judged") == end:
            return document
        found = judge(alarm, self._points(ctx, alarm, end), now)
        body = {**alarm, "judged": end}
        if found is not None:
            body |= {"StateReason": found.reason, "StateReasonData": found.data}
            if found.state != alarm["StateValue"]:
                body |= _transition(found.state, found.reason, found.data, now)
        return self._documents.update(document, body=body)

    def _points(self, ctx: Context, alarm: Mapping[str, Any], end: float) -> list[tuple[float, float | None]]:
        """The start of each period that is looked at, with its value."""
        period = _period(alarm)
        times = [end - number * period for number in range(alarm["EvaluationPeriods"] + EXTRA_PERIODS, 0, -1)]
        points = series_of(self._metrics, ctx, _queries(alarm), times[0], end).points
        return [(time, points.get(time)) for time in times]


_NARROWING = ("Statistic", "ExtendedStatistic", "Period", "Unit")


def _transition(state: str, reason: str, data: str | None, now: float) -> dict[str, Any]:
    return dict(zip(_STATE, (state, reason, data, now, now), strict=True))


def _period(alarm: Mapping[str, Any]) -> int:
    """Of its metric, or of the query that its expression returns."""
    if "Metrics" not in alarm:
        return int(alarm["Period"])
    periods = [one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one]
    returned = next(one for one in alarm["Metrics"] if one.get("ReturnData", True))
    return int(returned.get("Period") or max(periods, default=60))


def _end(alarm: Mapping[str, Any], now: float) -> float:
    """The end of the newest period: the minute that is over, or the ten seconds of a short period."""
    grain = min(60, _period(alarm))
    return now // grain * grain


def _queries(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "Metrics" in alarm:
        return list(alarm["Metrics"])
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
    stat = {
        "Metric": metric,
        "Period": alarm["Period"],
        "Stat": alarm.get("Statistic") or alarm["ExtendedStatistic"],
        **({"Unit": alarm["Unit"]} if "Unit" in alarm else {}),
    }
    return [{"Id": "m1", "MetricStat": stat}]


def _metric_of(alarm: Mapping[str, Any]) -> str:
    if "MetricName" not in alarm:
        return ""
    return metric_key(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions", ()))


def _acts(document: Document, prefix: str) -> bool:
    kinds = ("AlarmActions", "OKActions", "InsufficientDataActions")
    return not prefix or any(action.startswith(prefix) for kind in kinds for action in document.body.get(kind, ()))


def _shown(ctx: Context, document: Document) -> dict[str, Any]:
    empty: dict[str, Any] = {"OKActions": [], "AlarmActions": [], "InsufficientDataActions": []}
    if "Metrics" not in document.body:
        empty["Dimensions"] = []
    body = {name: value for name, value in document.body.items() if name != "judged"}
    return {**empty, **body, "AlarmArn": alarm_arn(ctx, document.key)}


def _space(ctx: Context) -> Space:
    return Space("cloudwatch.alarm", ctx.account, ctx.region)


def alarm_arn(ctx: Context, name: str) -> str:
    return str(Arn("cloudwatch", ctx.region, ctx.account, f"alarm:{name}"))
