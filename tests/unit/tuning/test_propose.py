"""What the optimiser proposes."""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

import pytest

from sagewright_tuning.__main__ import answer
from sagewright_tuning.propose import Task, Trial, propose
from sagewright_tuning.space import Range

ETA = Range("eta", "continuous", 0.001, 1.0)
DEPTH = Range("depth", "integer", 1, 10)
KIND = Range("kind", "categorical", values=("a", "b"))
DECAY = Range("decay", "continuous", 0.9, 0.999, scaling="ReverseLogarithmic")


def task(strategy: str, trials: list[Trial] | None = None, count: int = 3, **changes: Any) -> Task:
    members = {"ranges": [ETA, DEPTH, KIND, DECAY], "maximize": False, "seed": 5, **changes}
    return Task(strategy=strategy, trials=trials or [], count=count, **members)


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
def test_values_are_within_their_ranges(strategy: str) -> None:
    for values in propose(task(strategy, count=20)):
        assert 0.001 <= float(values["eta"]) <= 1
        assert 1 <= int(values["depth"]) <= 10
        assert values["kind"] in ("a", "b")
        assert 0.9 <= float(values["decay"]) <= 0.999


def test_automatic_and_reversed_scaling_spread_over_the_magnitudes() -> None:
    found = propose(task("Random", count=300))
    logs = [math.log10(float(values["eta"])) for values in found]
    assert statistics.median(logs) == pytest.approx(-1.5, abs=0.25)
    rests = [math.log10(1 - float(values["decay"])) for values in found]
    assert statistics.median(rests) == pytest.approx(-2, abs=0.2)


def test_random_values_depend_on_seed_and_number_alone() -> None:
    whole = propose(task("Random", count=4))
    ended = [Trial(values, objective=1.0, ended=True) for values in whole[:2]]
    assert propose(task("Random", ended, count=2)) == whole[2:]
    assert propose(task("Random", count=4, seed=6)) != whole


def test_bayesian_closes_in_on_the_best() -> None:
    trials: list[Trial] = []
    for _ in range(12):
        for values in propose(task("Bayesian", trials, count=3)):
            loss = abs(math.log10(float(values["eta"])) + 2) + abs(int(values["depth"]) - 4) + (values["kind"] == "b")
            trials.append(Trial(values, objective=loss, ended=True))
    early = statistics.fmean(trial.objective or 0 for trial in trials[:9])
    late = statistics.fmean(trial.objective or 0 for trial in trials[-9:])
    assert late < early / 2


def test_trials_still_running_are_kept_away_from() -> None:
    first = propose(task("Bayesian", count=6))
    assert len({json.dumps(values) for values in first}) == 6


def test_a_grid_gives_each_point_once_and_ends() -> None:
    ranges = [KIND, Range("depth", "categorical", values=("1", "2", "3"))]
    some = propose(task("Grid", count=4, ranges=ranges))
    rest = propose(task("Grid", [Trial(values) for values in some], count=4, ranges=ranges))
    assert len(some) == 4
    assert len(rest) == 2
    assert len({json.dumps(values) for values in some + rest}) == 6


def test_a_parents_trials_outside_of_the_ranges_are_left_out() -> None:
    parent = [Trial({"eta": "5", "depth": "3", "kind": "a", "decay": "0.95"}, 0.0, ended=True, parent="p")] * 10
    (values,) = propose(task("Bayesian", parent, count=1))
    assert float(values["eta"]) <= 1


def test_a_transferred_parent_counts_by_rank_and_not_by_value() -> None:
    """The parent's objectives are a thousand off; where its best was is still told."""
    parent = [
        Trial({"eta": repr(10 ** -(n / 10)), "depth": "5", "kind": "a", "decay": "0.95"}, 1000 + abs(n - 20), True, "p")
        for n in range(31)
    ]
    own = [Trial({"eta": "0.5", "depth": "5", "kind": "a", "decay": "0.95"}, 10.0, ended=True)]
    found = propose(task("Bayesian", parent + own, count=9, transfer=True))
    assert statistics.median(math.log10(float(values["eta"])) for values in found) == pytest.approx(-2, abs=0.7)


def test_what_cannot_be_answered_is_said() -> None:
    assert (
        "KeyError"
        in answer(
            json.dumps({"strategy": "Guess", "ranges": [], "trials": [], "count": 1, "maximize": True, "seed": 1})
        )["error"]
    )
    assert "error" in answer("no json")
