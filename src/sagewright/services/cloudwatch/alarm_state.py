"""What state an alarm is in, given its datapoints.

The periods looked at are the EvaluationPeriods newest and a few before them. Where enough of them have data, the newest
that have are judged and nothing is missing; else what is missing is treated as TreatMissingData says.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
EXTRA_PERIODS = 2
"""Periods before the evaluation periods whose data stand in for missing ones."""

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """data: StateReasonData."""

    state: str
    reason: str
    data: str


def judge(alarm: Mapping[str, Any], points: Sequence[tuple[float, float | None]], now: float) -> Judgement | None:
    """points: (start of a period, its value or None) in time order. None: the state stays as it is."""
    needed = alarm["EvaluationPeriods"]
    to_alarm = alarm.get("DatapointsToAlarm", needed)
    compare, words = COMPARISONS[alarm["ComparisonOperator"]]
    threshold = alarm["Threshold"]
    known = [(at, value) for at, value in points if value is not None][-needed:]
    breaching = sum(compare(value, threshold) for _, value in known)
    state = _state(needed, to_alarm, len(known), breaching, alarm.get("TreatMissingData", "missing"))
    if state is None:
        return None
    return Judgement(state, _reason(state, needed, known, words, threshold), _data(alarm, known, now))


def _state(needed: int, to_alarm: int, known: int, breaching: int, missing: str) -> str | None:
    absent = needed - known
    if missing == "breaching":
        breaching += absent
    elif not known and missing != "notBreaching":
        return None if missing == "ignore" else INSUFFICIENT
    if breaching >= to_alarm:
        return ALARM
    if absent and missing in ("missing", "ignore") and breaching == known:
        return ALARM if missing == "missing" else None
    return OK


def _reason(state: str, needed: int, known: Sequence[tuple[float, float]], words: str, threshold: float) -> str:
    if not known:
        number = "1 datapoint was" if needed == 1 else f"{needed} datapoints were"
        if state == INSUFFICIENT:
            return f"Insufficient Data: {number} unknown."
        return f"Threshold Crossed: no datapoints were received; {number} treated as TreatMissingData says."
    shown = ", ".join(f"{value} ({_moment(at):%d/%m/%y %H:%M:%S})" for at, value in reversed(known))
    negation = "" if state == ALARM else " not"
    verb, noun = ("was", "datapoint") if len(known) == 1 else ("were", "datapoints")
    return f"Threshold Crossed: {len(known)} {noun} [{shown}] {verb}{negation} {words} the threshold ({threshold})."


def _data(alarm: Mapping[str, Any], known: Sequence[tuple[float, float]], now: float) -> str:
    described = {
        "version": "1.0",
        "queryDate": f"{_moment(now):%Y-%m-%dT%H:%M:%S}.000+0000",
        "statistic": alarm.get("Statistic") or alarm.get("ExtendedStatistic"),
        "period": alarm.get("Period"),
        "recentDatapoints": [value for _, value in known],
        "threshold": alarm["Threshold"],
    }
    return json.dumps({name: value for name, value in described.items() if value is not None}, separators=(",", ":"))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
