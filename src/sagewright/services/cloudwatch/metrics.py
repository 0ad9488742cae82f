"""Where metrics and their data are kept.

A metric is a namespace, a name and a set of dimensions; it is one document, whose key puts the three together. Its data
are entries: a unit with values and how often each occurred, or with a statistic set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.store import Space, Store

_SEPARATOR = "\x1f"
_TOUCH = 60.0
"""Seconds within which a metric's document is not written again for being active."""
_ALL = 1_000_000

Dimensions = Iterable[Mapping[str, str]]
"""``{"Name": ..., "Value": ...}`` each."""


def invalid_value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def invalid_combination(message: str) -> AwsError:
    return AwsError("InvalidParameterCombination", message)


class Sample(NamedTuple):
    """One datum. at: epoch seconds. values with counts; or, values empty, counts = (n, sum, minimum, maximum)."""

    at: float
    unit: str
    values: tuple[float, ...]
    counts: tuple[float, ...]


def metric_key(namespace: str, name: str, dimensions: Dimensions) -> str:
    """The same for dimensions in any order."""
    pairs = sorted((one["Name"], one["Value"]) for one in dimensions)
    return key_prefix(namespace, name) + json.dumps(pairs, separators=(",", ":"))


def key_prefix(namespace: str = "", name: str = "") -> str:
    """What the keys of a namespace's metrics, or of a name's in it, begin with."""
    if not namespace:
        return ""
    return namespace + _SEPARATOR + (name + _SEPARATOR if name else "")


@dataclass(frozen=True, slots=True)
class Metrics:
    store: Store
    clock: Clock

    def add(self, ctx: Context, namespace: str, data: Iterable[tuple[str, Dimensions, Sample]]) -> None:
        """Append data, all or none. data: metric name, dimensions, sample."""
        by_key: dict[str, tuple[str, list[Mapping[str, str]], list[Sample]]] = {}
        for name, dimensions, sample in data:
            pairs = sorted(dimensions, key=lambda one: one["Name"])
            by_key.setdefault(metric_key(namespace, name, pairs), (name, pairs, []))[2].append(sample)
        with self.store.transaction():
            for key, (name, pairs, samples) in by_key.items():
                self._touch(ctx, key, {"Namespace": namespace, "MetricName": name, "Dimensions": list(pairs)})
                rows = ((one.at, json.dumps(one[1:], separators=(",", ":"))) for one in samples)
                self.store.entries.append(_data_space(ctx, key), rows)

    def samples(self, ctx: Context, key: str, start: float, end: float) -> list[Sample]:
        """start <= at < end, by time."""
        rows = self.store.entries.read(_data_space(ctx, key), start=start, end=end, limit=_ALL)
        samples = []
        for row in rows:
            unit, values, counts = json.loads(row.body)
            samples.append(Sample(row.at, unit, tuple(values), tuple(counts)))
        return samples

    def known(self, ctx: Context, prefix: str, after: str, since: float) -> list[tuple[str, dict[str, Any]]]:
        """(key, Metric member) of the metrics with data put after since, by key."""
        found = self.store.documents.find(
            metric_space(ctx), prefix=prefix, after=after, modified=(since, None), limit=_ALL
        )
        return [(document.key, document.body) for document in found]

    def _touch(self, ctx: Context, key: str, body: dict[str, Any]) -> None:
        present = self.store.documents.get(metric_space(ctx), key)
        if present is None:
            self.store.documents.insert(metric_space(ctx), key, body)
        elif self.clock.now() - present.modified > _TOUCH:
            self.store.documents.update(present)


def metric_space(ctx: Context) -> Space:
    return Space("cloudwatch.metric", ctx.account, ctx.region)


def _data_space(ctx: Context, key: str) -> Space:
    return Space("cloudwatch.data", ctx.account, ctx.region, key)
