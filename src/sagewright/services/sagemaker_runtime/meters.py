"""Invocation metrics: summed up in memory, brought to CloudWatch once a minute.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

from sagewright.core.clock import Clock, as_datetime
from sagewright.core.errors import AwsError
from sagewright.wire.client import Clients

_log = logging.getLogger(__name__)

_NAMESPACE = "AWS/SageMaker"
_PERIOD = 60
"""Seconds between two deliveries."""


class _Sum:
    """A CloudWatch StatisticSet in the making."""

    __slots__ = ("count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = self.maximum = 0.0
        self.minimum = float("inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        if value < self.minimum:
            self.minimum = value
        if value > self.maximum:
            self.maximum = value

    def statistics(self) -> dict[str, float]:
        return {"SampleCount": self.count, "Sum": self.total, "Minimum": self.minimum, "Maximum": self.maximum}


class VariantId(NamedTuple):
    """Whose metrics."""

    account: str
    region: str
    endpoint: str
    variant: str


_UNITS = {
    "Invocations": "None",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "InvocationModelErrors": "None",
    "ModelLatency": "Microseconds",
    "OverheadLatency": "Microseconds",
}


class Meters:
    """Counts invocations by variant."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._sums: dict[VariantId, dict[str, _Sum]] = {}

    def count(self, variant: VariantId, status: int, model_latency: float, overhead: float) -> None:
        """One invocation. status: the container's, 0 where it gave none. The latencies are in seconds."""
        sums = self._sums.get(variant)
        if sums is None:
            sums = self._sums[variant] = {name: _Sum() for name in _UNITS}
        failed = not 200 <= status < 300
        sums["Invocations"].add(1)
        sums["Invocation4XXErrors"].add(400 <= status < 500)
        sums["Invocation5XXErrors"].add(failed and not 400 <= status < 500)
        sums["InvocationModelErrors"].add(failed)
        sums["ModelLatency"].add(model_latency * 1e6)
        sums["OverheadLatency"].add(overhead * 1e6)

    async def run(self) -> None:
        """Deliver once a minute, until cancelled."""
        while True:
            await asyncio.sleep(_PERIOD)
            await self.flush()

    async def flush(self) -> None:
        """Deliver what there is. What CloudWatch does not take is logged and dropped."""
        sums, self._sums = self._sums, {}
        now = as_datetime(self._clock.now())
        for variant, metrics in sums.items():
            dimensions = [
                {"Name": "EndpointName", "Value": variant.endpoint},
                {"Name": "VariantName", "Value": variant.variant},
            ]
            data: list[dict[str, Any]] = [
                {
                    "MetricName": name,
                    "Dimensions": dimensions,
                    "Timestamp": now,
                    "StatisticValues": metric.statistics(),
                    "Unit": _UNITS[name],
                }
                for name, metric in metrics.items()
            ]
            client = self._clients.client("cloudwatch", variant.account, variant.region)
            try:
                await client.put_metric_data(Namespace=_NAMESPACE, MetricData=data)
            except AwsError as error:
                _log.warning("metrics of endpoint %s were dropped: %s", variant.endpoint, error)
