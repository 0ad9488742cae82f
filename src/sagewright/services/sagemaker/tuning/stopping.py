"""Which running training jobs to stop early, from the objective's values of all of them, one an epoch. Pure functions.

The median rule: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
Hyperband's: asynchronous successive halving (Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

REDUCTION = 3
"""Of the training jobs at a rung one in so many goes on to the next."""

_COMPARED = 3
"""Training jobs that must have come as far before any is compared with them."""


def below_median(series: Sequence[float], others: Iterable[Sequence[float]], *, maximize: bool) -> bool:
    """Whether its value is worse than the median of the others' running averages up to the same epoch.

    others: of the training jobs that have ended.
    """
    epoch = len(series)
    averages = [statistics.fmean(other[:epoch]) for other in others if len(other) >= epoch]
    if not series or len(averages) < _COMPARED:
        return False
    middle = statistics.median(averages)
    return series[-1] < middle if maximize else series[-1] > middle


def rungs(smallest: int, largest: int) -> list[int]:
    """Epochs after which training jobs are compared, ascending, all below largest."""
    found, at = [], max(1, smallest)
    while at < largest:
        found.append(at)
        at *= REDUCTION
    return found


def brackets(smallest: int, largest: int) -> list[list[int]]:
    """Hyperband's: the rungs of each bracket, from the one that stops most to the one that stops none."""
    every = rungs(smallest, largest)
    return [every[start:] for start in range(len(every) + 1)]


@cache
def bracket_of(position: int, count: int) -> int:
    """Which of count brackets the training job of that position, from 0, belongs to.

    Each has the share of them that Hyperband gives it (Li et al., Hyperband, 2018, algorithm 1), evenly spread: most
    are in the bracket that stops most.
    """
    shares = [math.ceil(count / (left + 1) * REDUCTION**left) for left in reversed(range(count))]
    given = [0] * count
    chosen = 0
    for number in range(1, position + 2):
        due = [number * share / sum(shares) - has for share, has in zip(shares, given, strict=True)]
        chosen = due.index(max(due))
        given[chosen] += 1
    return chosen


def halved(name: str, series: Mapping[str, Sequence[float]], bracket: Sequence[int], *, maximize: bool) -> bool:
    """Whether it falls behind at one of its bracket's rungs. series: by name, of all that ever were in the bracket."""
    for rung in bracket:
        if len(series[name]) < rung:
            return False
        there = sorted((each[rung - 1] for each in series.values() if len(each) >= rung), reverse=maximize)
        going_on = max(1, len(there) // REDUCTION)
        last = there[going_on - 1]
        behind = series[name][rung - 1] < last if maximize else series[name][rung - 1] > last
        if behind and len(there) >= REDUCTION:
            return True
    return False
