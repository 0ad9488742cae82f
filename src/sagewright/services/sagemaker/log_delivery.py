"""What workloads print and measure, brought to CloudWatch Logs and CloudWatch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sagewright.core.clock import as_datetime
from sagewright.core.errors import AwsError
from sagewright.runtime.observation import LogLine
from sagewright.services.sagemaker.metrics import Sample
from sagewright.wire.client import Clients

_Result = TypeVar("_Result")

_BATCH = 1_000
"""Events, and data points, of one call; both services take at least that many."""
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
    steps.close()  # type: ignore[attr-defined]
    raise RuntimeError("an in-process call waited inside a transaction")


class Delivery:
    """Puts log events and metric data of one account and region. Every method belongs inside a transaction."""

    def __init__(self, clients: Clients, account: str, region: str) -> None:
        self._logs = clients.client("logs", account, region)
        self._cloudwatch = clients.client("cloudwatch", account, region)

    def open(self, group: str, stream: str) -> None:
        """Make the log group and the stream where they are not there yet."""
        _unless_there(self._logs.create_log_group, logGroupName=group)
        _unless_there(self._logs.create_log_stream, logGroupName=group, logStreamName=stream)

    def lines(self, group: str, stream: str, lines: Sequence[LogLine]) -> None:
        events = [{"timestamp": line.at, "message": text} for line in lines for text in _pieces(line.text)]
        for batch in _batches(events):
            at_once(self._logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch))

    def samples(self, namespace: str, dimensions: Mapping[str, str], samples: Iterable[Sample]) -> None:
        pairs = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        data = [
            {"MetricName": s.name, "Dimensions": pairs, "Timestamp": as_datetime(s.at), "Value": s.value}
            for s in samples
        ]
        for batch in _batches(data):
            at_once(self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=batch))


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


def _batches(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
