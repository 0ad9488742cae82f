"""Amazon CloudWatch metrics: data in, statistics, metric math and alarms out."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.cloudwatch.alarms import Alarms
from sagewright.services.cloudwatch.guard import cloudwatch_guard
from sagewright.services.cloudwatch.listing import Listing
from sagewright.services.cloudwatch.metrics import Metrics
from sagewright.services.cloudwatch.putting import Putting
from sagewright.services.cloudwatch.queries import Queries
from sagewright.services.cloudwatch.statistics import Statistics
from sagewright.store import Store


def cloudwatch(store: Store, clock: Clock) -> Service:
    metrics = Metrics(store, clock)
    parts = (Putting(metrics), Statistics(metrics), Queries(metrics), Listing(metrics), Alarms(metrics))
    return Service("cloudwatch", *parts, guard=cloudwatch_guard())
