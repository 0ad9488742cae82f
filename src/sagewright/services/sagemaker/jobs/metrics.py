"""Metrics read from a job's log by the regular expressions of its MetricDefinitions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

_LONGEST = 4_096
"""Characters of a line that are looked at."""

_MOST = 10_000
"""Values of a series that are kept: epochs of a training job that is tuned."""


class Sample(NamedTuple):
    """One value of a metric; at is the log line's time in epoch seconds."""

    name: str
    value: float
    at: float


class Extractor:
    """Finds metrics in log lines.

    definitions: ``[{"Name": ..., "Regex": ...}]``; the value is the regex's first group (the whole match where it has
    none). A regex that does not compile is left out: AWS accepts it too and finds nothing.
    """

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        self._finders: list[tuple[str, Callable[[str], re.Match[str] | None]]] = []
        for definition in definitions:
            try:
                pattern = re.compile(definition["Regex"])
            except re.error:
                continue
            # what begins with .* is found at a line's start or not at all: a search would try every other place too
            finder = pattern.match if definition["Regex"].startswith(".*") else pattern.search
            self._finders.append((definition["Name"], finder))

    def samples(self, lines: Iterable[tuple[float, str]]) -> list[Sample]:
        """lines: (epoch seconds, text), in order."""
        found = []
        for at, text in lines:
            for name, find in self._finders:
                match = find(text[:_LONGEST])
                value = _number(match) if match is not None else None
                if value is not None:
                    found.append(Sample(name, value, at))
        return found


def _number(match: re.Match[str]) -> float | None:
    text = match[1] if match.re.groups else match[0]
    try:
        value = float((text or "").split("#011")[0].rstrip(",;"))  # an escaped tab ends a number too
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def latest(before: Mapping[str, Sequence[float]], samples: Iterable[Sample]) -> dict[str, list[float]]:
    """The last [value, at] of each metric, before brought up to date with samples."""
    return {**{name: list(pair) for name, pair in before.items()}, **{s.name: [s.value, s.at] for s in samples}}


def series(before: Sequence[float], samples: Iterable[Sample], name: str) -> list[float]:
    """Every value of one metric, in order, before gone on with by samples; no more than _MOST."""
    return [*before, *(each.value for each in samples if each.name == name)][:_MOST]
