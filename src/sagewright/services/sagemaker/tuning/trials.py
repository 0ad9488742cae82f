"""A tuning job's trials, each a training job, as plain data; and what is read off all of them. Pure functions.

A trial: ``Name`` (the training job's), ``Definition`` (position), ``Values`` (tuned hyperparameters as text),
``Status`` (the training job's), ``Created``; once known ``Start``, ``End``, ``Reason``, ``Objective``, ``Series`` (the
objective's values, one an epoch), ``Early`` (stopped by the tuning job), ``Attempts``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Trial = Mapping[str, Any]

IN_MOTION = ("InProgress", "Stopping")

IMPROVEMENT = 0.01
"""A trial that is not better than the best by this part of it does not improve
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_BestObjectiveNotImproving.html)."""


def ended(trial: Trial) -> bool:
    return trial["Status"] not in IN_MOTION


def succeeded(trial: Trial) -> bool:
    """Whether its objective counts. That of a training job the user stopped does not."""
    return trial.get("Objective") is not None and (trial["Status"] == "Completed" or bool(trial.get("Early")))


def best(trials: Iterable[Trial], *, maximize: bool) -> Trial | None:
    """The first of the best."""
    counted = [trial for trial in trials if succeeded(trial)]
    if not counted:
        return None
    return (max if maximize else min)(counted, key=lambda trial: trial["Objective"])


def not_improving(trials: Iterable[Trial], *, maximize: bool) -> int:
    """How many trials ended since one last was better than the best before it by more than IMPROVEMENT."""
    best_value: float | None = None
    count = 0
    for trial in sorted(filter(ended, trials), key=lambda trial: (trial.get("End") or 0, trial["Name"])):
        value = trial.get("Objective") if succeeded(trial) else None
        if value is not None and _improves(value, best_value, maximize=maximize):
            best_value, count = value, 0
        else:
            count += 1
    return count


def _improves(value: float, before: float | None, *, maximize: bool) -> bool:
    if before is None:
        return True
    gain = value - before if maximize else before - value
    return gain > IMPROVEMENT * abs(before)


def status_counters(trials: Iterable[Trial]) -> dict[str, int]:
    """TrainingJobStatusCounters. What the tuning job stopped early has completed its purpose, but counts as stopped."""
    found = Counter(_counter(trial) for trial in trials)
    names = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
    return {name: found[name] for name in names}


def _counter(trial: Trial) -> str:
    if trial["Status"] in IN_MOTION:
        return "InProgress"
    if trial["Status"] == "Failed":
        return "RetryableError" if retryable(trial) else "NonRetryableError"
    return str(trial["Status"])


def retryable(trial: Trial) -> bool:
    """Whether the platform failed and not the user's job."""
    return str(trial.get("Reason", "")).startswith("InternalServerError")


def objective_status(trial: Trial) -> str:
    if not ended(trial):
        return "Pending"
    return "Succeeded" if succeeded(trial) else "Failed"


def objective_counters(trials: Iterable[Trial]) -> dict[str, int]:
    """ObjectiveStatusCounters."""
    found = Counter(objective_status(trial) for trial in trials)
    return {name: found[name] for name in ("Succeeded", "Pending", "Failed")}


def commonest_reason(trials: Sequence[Trial]) -> str:
    """Of the failures; a text of its own where none failed but none gave the objective either."""
    reasons = Counter(str(trial["Reason"]) for trial in trials if trial.get("Reason"))
    if not reasons:
        return ""
    reason, count = reasons.most_common(1)[0]
    return f"{count} of {len(trials)}: {reason}"
