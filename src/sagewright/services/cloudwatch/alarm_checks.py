"""What PutMetricAlarm takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.cloudwatch.aggregate import statistic
from sagewright.services.cloudwatch.alarm_state import COMPARISONS
from sagewright.services.cloudwatch.queries import check_queries

_TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
_OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_UNSUPPORTED = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
)
_DAY = 86_400


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def check(alarm: Mapping[str, Any]) -> None:
    """Raises AwsError."""
    for name in (*_UNSUPPORTED, "ActionConfiguration"):
        if name in alarm:
            raise AwsError("NotImplemented", f"Sagewright does not implement {name} of alarms yet.", 501)
    for name in ("EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if name not in alarm:
            raise AwsError("MissingParameter", f"The parameter {name} is required.")
    if alarm["ComparisonOperator"] not in COMPARISONS:
        raise invalid("The comparison operators of bands are for anomaly detection models.")
    if alarm.get("TreatMissingData", "missing") not in _TREATMENTS:
        raise invalid(
            f"Option {alarm['TreatMissingData']} is not supported. Supported options for TreatMissingData are "
            f"[{', '.join(_TREATMENTS)}]."
        )
    if alarm.get("DatapointsToAlarm", 1) > alarm["EvaluationPeriods"]:
        raise invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    if "Metrics" in alarm:
        _check_metrics(alarm)
    else:
        _check_metric(alarm)


def _check_metrics(alarm: Mapping[str, Any]) -> None:
    given = [name for name in _OF_ONE_METRIC if name in alarm]
    if given:
        raise invalid(f"Metrics list and {given[0]} are mutually exclusive and you have specified both.")
    check_queries(alarm["Metrics"])
    if sum(one.get("ReturnData", True) for one in alarm["Metrics"]) != 1:
        raise invalid("Exactly one element of the metrics list should return data.")


def _check_metric(alarm: Mapping[str, Any]) -> None:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in alarm:
            raise AwsError("MissingParameter", f"The parameter {name} is required.")
    if ("Statistic" in alarm) == ("ExtendedStatistic" in alarm):
        raise invalid("Exactly one of the parameters Statistic and ExtendedStatistic must be specified.")
    if statistic(alarm.get("Statistic") or alarm["ExtendedStatistic"]) is None:
        raise invalid(f"The value {alarm['ExtendedStatistic']} for parameter ExtendedStatistic is not supported.")
    period = alarm["Period"]
    if period not in (10, 20, 30) and period % 60:
        raise invalid("Period must be 10, 20, 30 or a multiple of 60.")
    if period * alarm["EvaluationPeriods"] > (7 * _DAY if period >= 3_600 else _DAY):
        raise invalid("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
