"""Amazon CloudWatch Logs: groups, streams and the events in them."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.logs.filtering import Filtering
from sagewright.services.logs.groups import Groups
from sagewright.services.logs.guard import logs_guard
from sagewright.services.logs.keeper import Keeper
from sagewright.services.logs.live import Live
from sagewright.services.logs.metric_filters import MetricFilters
from sagewright.services.logs.reading import Reading
from sagewright.services.logs.streams import Streams
from sagewright.services.logs.tagging import Tagging
from sagewright.services.logs.writing import Writing
from sagewright.store import Store


def logs(store: Store, clock: Clock) -> Service:
    keeper = Keeper(store, clock)
    live, filters = Live(keeper), MetricFilters(keeper)
    return Service(
        "logs",
        Groups(keeper),
        Streams(keeper),
        Writing(keeper, live, filters),
        live,
        filters,
        Reading(keeper),
        Filtering(keeper),
        Tagging(keeper),
        guard=logs_guard(),
    )
