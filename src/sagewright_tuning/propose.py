"""The next hyperparameters to try, by strategy.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
Nothing is kept between calls: the same trials and seed give the same answer, also after a restart.
"""

from __future__ import annotations

import itertools
import statistics
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sagewright_tuning.space import Range

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler

Values = dict[str, str]

_STARTUP = 6
"""Random trials before the model takes over; of few trials in all, Optuna's ten would be a third."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A training job of the tuning job, or of a parent of it.

    values: its tuned hyperparameters. objective: None while it runs, and where it gave none. ended: whether it has.
    parent: the warm start's parent it comes from, empty for one of its own.
    """

    values: Mapping[str, str]
    objective: float | None = None
    ended: bool = False
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked for: count times values from ranges.

    transfer: the parents' objectives are of another task: only how their trials compare among each other counts.
    seed: of the whole tuning job.
    """

    strategy: str
    ranges: Sequence[Range]
    trials: Sequence[Trial]
    count: int
    maximize: bool
    seed: int
    transfer: bool = False


def propose(task: Task) -> list[Values]:
    """At most count of them: a grid comes to its end. Raises KeyError for a strategy that is none."""
    return _STRATEGIES[task.strategy](task)


def _random(task: Task) -> list[Values]:
    """The n-th depends on the seed and on n alone, whatever became of the trials before."""
    from optuna.samplers import RandomSampler

    begun = sum(not trial.parent for trial in task.trials)
    return [
        _asked(task, RandomSampler(seed=_seed(task.seed, number)), ()) for number in range(begun, begun + task.count)
    ]


def _bayesian(task: Task) -> list[Values]:
    """A multivariate tree-structured Parzen estimator (Bergstra et al. 2011; Falkner et al. 2018), which takes trials
    still running for bad ones, so that parallel ones differ."""
    from optuna.samplers import TPESampler

    known, found = list(_comparable(task)), []
    for _ in range(task.count):
        sampler = TPESampler(
            seed=_seed(task.seed, len(known)), multivariate=True, constant_liar=True, n_startup_trials=_STARTUP
        )
        values = _asked(task, sampler, known)
        found.append(values)
        known.append(Trial(values))
    return found


def _grid(task: Task) -> list[Values]:
    names = [each.name for each in task.ranges]
    used = {tuple(trial.values.get(name) for name in names) for trial in task.trials if not trial.parent}
    free = (choice for choice in itertools.product(*(each.values for each in task.ranges)) if choice not in used)
    return [dict(zip(names, choice, strict=True)) for choice in itertools.islice(free, task.count)]


_STRATEGIES: dict[str, Callable[[Task], list[Values]]] = {
    "Random": _random,
    "Hyperband": _random,  # what it does with them is to stop most of them early
    "Bayesian": _bayesian,
    "Grid": _grid,
}


def _seed(seed: int, number: int) -> int:
    return (seed * 1_000_003 + number) % 2**32


def _asked(task: Task, sampler: BaseSampler, known: Iterable[Trial]) -> Values:
    study = _study(task, sampler, known)
    trial = study.ask({each.name: each.distribution() for each in task.ranges})
    return {each.name: each.outside(trial.params[each.name]) for each in task.ranges}


def _study(task: Task, sampler: BaseSampler, known: Iterable[Trial]) -> Study:
    """A study of the known trials; those that are outside of the ranges, or gave nothing, are left out."""
    import optuna
    from optuna.trial import TrialState, create_trial

    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler, direction="maximize" if task.maximize else "minimize")
    distributions = {each.name: each.distribution() for each in task.ranges}
    for trial in known:
        if trial.ended and trial.objective is None:
            continue
        try:
            params = {each.name: each.inside(trial.values[each.name]) for each in task.ranges}
        except (KeyError, ValueError):
            continue
        state = TrialState.COMPLETE if trial.ended else TrialState.RUNNING
        study.add_trial(create_trial(state=state, value=trial.objective, params=params, distributions=distributions))
    return study


def _comparable(task: Task) -> Iterable[Trial]:
    """The trials, with a transferred parent's objectives moved to where the job's own are."""
    own = [trial.objective for trial in task.trials if not trial.parent and trial.objective is not None]
    for trial in task.trials:
        if not (task.transfer and trial.parent and trial.objective is not None and own):
            yield trial
            continue
        theirs = [t.objective for t in task.trials if t.parent == trial.parent and t.objective is not None]
        moved = trial.objective - statistics.median(theirs) + statistics.median(own)
        yield Trial(trial.values, moved, trial.ended, trial.parent)
