"""PutMetricData.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.cloudwatch.metrics import Metrics, Sample, invalid_combination, invalid_value

_MOST_DATA = 1_000
_MOST_DIMENSIONS = 30
_MOST_VALUES = 150
_OLDEST = 14 * 86_400
_NEWEST = 2 * 3_600
_LARGEST = 2.0**360


class Putting:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @operation()
    def put_metric_data(
        self,
        ctx: Context,
        namespace: str,
        metric_data: list[dict[str, Any]] | None = None,
        entity_metric_data: list[dict[str, Any]] | None = None,
        strict_entity_validation: bool = False,
    ) -> None:
        """Keep up to 1,000 data, all or none. A datum has a Value, Values with Counts, or StatisticValues; without a
        Timestamp it is of now. Data of standard resolution belong to their minute. Namespaces under ``AWS/`` are for
        services."""
        if ctx.http is not None and namespace.startswith("AWS/"):
            raise invalid_value(f"The value {namespace} for parameter Namespace is invalid.")
        data = [*(metric_data or ())]
        for of_entity in entity_metric_data or ():
            data += of_entity.get("MetricData", ())
        if not data:
            raise AwsError("MissingParameter", "The parameter MetricData is required.")
        if len(data) > _MOST_DATA:
            raise invalid_value(f"The collection MetricData must not have a size greater than {_MOST_DATA}.")
        now = self._metrics.clock.now()
        samples = [_Datum(datum, number).sample(now) for number, datum in enumerate(data, start=1)]
        self._metrics.add(
            ctx,
            namespace,
            (
                (datum["MetricName"], datum.get("Dimensions", ()), sample)
                for datum, sample in zip(data, samples, strict=True)
            ),
        )


class _Datum:
    """One member of MetricData, and how messages call it."""

    def __init__(self, datum: Mapping[str, Any], number: int) -> None:
        self._datum = datum
        self._name = f"MetricData.member.{number}"

    def sample(self, now: float) -> Sample:
        """Raises AwsError in CloudWatch's words."""
        datum = self._datum
        dimensions = datum.get("Dimensions", ())
        if len(dimensions) > _MOST_DIMENSIONS:
            message = f"The collection {self._name}.Dimensions must not have a size greater than {_MOST_DIMENSIONS}."
            raise invalid_value(message)
        resolution = datum.get("StorageResolution", 60)
        if resolution not in (1, 60):
            raise invalid_value(f"The value {resolution} for parameter {self._name}.StorageResolution is invalid.")
        values, counts = self._numbers()
        return Sample(self._time(now) // resolution * resolution, datum.get("Unit", "None"), values, counts)

    def _time(self, now: float) -> float:
        moment = self._datum.get("Timestamp")
        if moment is None:
            return now
        at = float(moment.timestamp()) if hasattr(moment, "timestamp") else float(moment)
        if at < now - _OLDEST:
            raise invalid_value(f"The parameter {self._name}.Timestamp must specify a time within the past two weeks.")
        if at > now + _NEWEST:
            message = f"The parameter {self._name}.Timestamp must specify a time no more than two hours in the future."
            raise invalid_value(message)
        return at

    def _numbers(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        given = [name for name in ("Value", "Values", "StatisticValues") if name in self._datum]
        if len(given) > 1:
            raise invalid_combination(
                f"The parameters {self._name}.{given[0]} and {self._name}.{given[1]} are mutually exclusive and you "
                "have specified both."
            )
        if not given:
            raise AwsError("MissingParameter", f"The parameter {self._name}.Value is required.")
        if given[0] == "Value":
            return (self._number("Value", self._datum["Value"]),), (1.0,)
        return self._values() if given[0] == "Values" else ((), self._statistics())

    def _values(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        values = tuple(self._number("Values", value) for value in self._datum["Values"])
        counts = tuple(self._number("Counts", count) for count in self._datum.get("Counts", [1.0] * len(values)))
        if len(values) != len(counts):
            message = f"The parameters {self._name}.Values and {self._name}.Counts must be of the same size."
            raise invalid_value(message)
        if not values:
            raise AwsError("MissingParameter", f"The parameter {self._name}.Values is required.")
        if len(values) > _MOST_VALUES:
            message = f"The collection {self._name}.Values must not have a size greater than {_MOST_VALUES}."
            raise invalid_value(message)
        if any(count <= 0 for count in counts):
            raise invalid_value(f"The parameter {self._name}.Counts must be greater than 0.")
        return values, counts

    def _statistics(self) -> tuple[float, ...]:
        names = ("SampleCount", "Sum", "Minimum", "Maximum")
        given = self._datum["StatisticValues"]
        count, total, low, high = (self._number(f"StatisticValues.{name}", given[name]) for name in names)
        if count <= 0:
            raise invalid_value(f"The parameter {self._name}.StatisticValues.SampleCount must be greater than 0.")
        if low > high:
            raise invalid_value(
                f"The parameter {self._name}.StatisticValues.Maximum must be greater than "
                f"{self._name}.StatisticValues.Minimum."
            )
        return count, total, low, high

    def _number(self, member: str, value: float) -> float:
        """CloudWatch takes numbers between -2^360 and 2^360 and neither NaN nor infinity."""
        if not math.isfinite(value) or abs(value) > _LARGEST:
            raise invalid_value(f"The value {value} for parameter {self._name}.{member} is invalid.")
        return float(value)
