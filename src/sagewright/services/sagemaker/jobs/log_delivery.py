"""What workloads print and measure, brought to CloudWatch Logs and CloudWatch."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sagewright.core.clock import as_datetime
from sagewright.core.errors import AwsError
from sagewright.runtime.observation import LogLine
from sagewright.services.sagemaker.jobs.metrics import Sample
from sagewright.wire.client import Clients

_log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

_BATCH = 1_000
"""Events, or data points, of one call; both services take at least that many."""
_BATCH_BYTES = 1_000_000
_BATCH_SPAN = 80_000_000
"""Milliseconds between the first and the last event of a call; CloudWatch Logs takes 24 hours."""
_LONGEST = 250_000
"""Characters of one event; longer lines are split, as the CloudWatch agent does."""


def at_once(call: Awaitable[_Result]) -> _Result:
    """The result of an in-process call that does not wait for anything, so that it can be part of a transaction.

    Raises RuntimeError for one that waits: what it did is then rolled back with the transaction around it.
    """
    steps = call.__await__()
    try:
        next(steps)
    except StopIteration as done:
        result: _Result = done.value
        return result
    steps.close()
    raise RuntimeError("an in-process call waited inside a transaction")


class Delivery:
    """Puts log events and metric data of one account and region. Every method belongs inside a transaction."""

    def __init__(self, clients: Clients, account: str, region: str) -> None:
        self._logs = clients.client("logs", account, region)
        self._cloudwatch = clients.client("cloudwatch", account, region)

    def lines(self, group: str, stream: str, lines: Sequence[LogLine]) -> None:
        """The group and the stream are made where they are not there (yet, or any more)."""
        for batch in _log_batches(lines):
            put = {"logGroupName": group, "logStreamName": stream, "logEvents": batch}
            try:
                at_once(self._logs.put_log_events(**put))
            except AwsError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                _unless_there(self._logs.create_log_group, logGroupName=group)
                _unless_there(self._logs.create_log_stream, logGroupName=group, logStreamName=stream)
                at_once(self._logs.put_log_events(**put))

    def samples(self, namespace: str, dimensions: Mapping[str, str], samples: Iterable[Sample]) -> None:
        """What CloudWatch does not take (a time more than two weeks ago) is left out."""
        pairs = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        data = [
            {"MetricName": s.name, "Dimensions": pairs, "Timestamp": as_datetime(s.at), "Value": s.value}
            for s in samples
        ]
        for start in range(0, len(data), _BATCH):
            batch = data[start : start + _BATCH]
            try:
                at_once(self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=batch))
            except AwsError as error:
                _log.warning("metric data of %s were left out: %s", dimensions, error)


def _unless_there(create: Callable[..., Awaitable[Any]], **members: str) -> None:
    try:
        at_once(create(**members))
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise


def _pieces(text: str) -> Iterator[str]:
    """An event has at least one character, and no more than its limit."""
    text = text or " "
    for start in range(0, len(text), _LONGEST):
        yield text[start : start + _LONGEST]


def _log_batches(lines: Sequence[LogLine]) -> Iterator[list[dict[str, Any]]]:
    """Events in calls that CloudWatch Logs takes: in time order, and neither too many nor too big nor too long."""
    batch: list[dict[str, Any]] = []
    size, at = 0, 0
    for line in lines:
        at = max(at, line.at)  # a clock set back must not stop the log
        for text in _pieces(line.text):
            length = len(text.encode()) + 26
            if batch and (
                len(batch) >= _BATCH or size + length > _BATCH_BYTES or at - batch[0]["timestamp"] > _BATCH_SPAN
            ):
                yield batch
                batch, size = [], 0
            batch.append({"timestamp": at, "message": text})
            size += length
    if batch:
        yield batch
