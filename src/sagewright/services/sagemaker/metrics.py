"""Metrics read from a job's log by the regular expressions of its MetricDefinitions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


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
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        for definition in definitions:
            try:
                self._patterns.append((definition["Name"], re.compile(definition["Regex"])))
            except re.error:
                continue

    def samples(self, lines: Iterable[tuple[float, str]]) -> list[Sample]:
        """lines: (epoch seconds, text), in order."""
        found = []
        for at, text in lines:
            for name, pattern in self._patterns:
                match = pattern.search(text)
                value = _number(match) if match is not None else None
                if value is not None:
                    found.append(Sample(name, value, at))
        return found


def _number(match: re.Match[str]) -> float | None:
    text = match[1] if match.re.groups else match[0]
    try:
        value = float((text or "").rstrip(",;"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def latest(before: Mapping[str, Sequence[float]], samples: Iterable[Sample]) -> dict[str, list[float]]:
    """The last [value, at] of each metric, before brought up to date with samples."""
    return {**{name: list(pair) for name, pair in before.items()}, **{s.name: [s.value, s.at] for s in samples}}
