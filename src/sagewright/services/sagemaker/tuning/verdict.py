"""Whether a tuning job is over, and how it ended. Pure functions.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-progress.html
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from sagewright.services.sagemaker.tuning import ranges, trials
from sagewright.services.sagemaker.tuning.jobs import maximizes
from sagewright.services.sagemaker.tuning.request import definitions
from sagewright.store import Document

_HOPELESS = 5
"""Trials that all end without an objective before no more are launched."""

_CONVERGED = 20
"""Trials in a row without an improvement that count as convergence; AWS does not say what its rule is."""

_AUTOTUNED = 50
"""Trials of an autotuned job whose number is left to the service."""


class Ending(NamedTuple):
    """status: what it becomes once nothing runs. reason: of a failure."""

    status: str
    reason: str = ""


def ending(document: Document, now: float) -> Ending | None:
    """None while it goes on; otherwise what still runs is to be stopped, or nothing does."""
    state = document.body["state"]
    found = state["Trials"]
    if "Broken" in state:
        return Ending("Failed", state["Broken"])
    if document.status == "Stopping":
        return Ending("Stopped")
    if _hopeless(document, found):
        return Ending("Failed", _complaint(found))
    if _satisfied(document, found):
        return Ending("Completed")
    longest = _config(document)["ResourceLimits"].get("MaxRuntimeInSeconds")
    if longest is not None and now - document.created >= longest:
        return Ending("Stopped")
    every = len(found) >= most_trials(document) or _exhausted(document)
    if every and all(map(trials.ended, found)) and not _retries(document, found):
        return Ending("Completed") if any(map(trials.succeeded, found)) else Ending("Failed", _complaint(found))
    return None


def most_trials(document: Document) -> int:
    """How many training jobs it may launch."""
    request = document.body["request"]
    most = _config(document)["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if most is not None:
        return int(most)
    if _config(document)["Strategy"] == "Grid":
        return sum(ranges.size(each.get("HyperParameterRanges", {})) for each in definitions(request))
    return _AUTOTUNED if "Autotune" in request else sys.maxsize


def converged(document: Document, found: Sequence[trials.Trial]) -> bool:
    return trials.not_improving(found, maximize=maximizes(document)) >= _CONVERGED


def _config(document: Document) -> dict[str, Any]:
    config: dict[str, Any] = document.body["request"]["HyperParameterTuningJobConfig"]
    return config


def _exhausted(document: Document) -> bool:
    return len(document.body["state"].get("Exhausted", ())) == len(definitions(document.body["request"]))


def _hopeless(document: Document, found: Sequence[trials.Trial]) -> bool:
    done = [trial for trial in found if trials.ended(trial)]
    if len(done) < max(_HOPELESS, _config(document)["ResourceLimits"]["MaxParallelTrainingJobs"]):
        return False
    return not any(map(trials.succeeded, done)) and not _retries(document, done)


def _complaint(found: Sequence[trials.Trial]) -> str:
    reason = trials.commonest_reason(found)
    if reason:
        return f"All training jobs failed. The most frequent reason, {reason}"
    return (
        f"No objective metrics found after running {len(found)} training jobs. Please ensure that the algorithm is "
        "emitting the objective metric as defined by the regular expression provided."
    )


def _retries(document: Document, found: Sequence[trials.Trial]) -> bool:
    """Whether a trial is still to be run again."""
    every = definitions(document.body["request"])
    return any(
        trial["Status"] == "Failed"
        and trials.retryable(trial)
        and trial["Attempts"] <= every[trial["Definition"]].get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        for trial in found
    )


def _satisfied(document: Document, found: Sequence[trials.Trial]) -> bool:
    """Whether a completion criterion is met.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TuningJobCompletionCriteria.html
    """
    criteria, maximize = _config(document).get("TuningJobCompletionCriteria", {}), maximizes(document)
    best, target = trials.best(found, maximize=maximize), criteria.get("TargetObjectiveMetricValue")
    if target is not None and best is not None:
        reached = best["Objective"] >= target if maximize else best["Objective"] <= target
        if reached:
            return True
    patience = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
    if patience is not None and best is not None and trials.not_improving(found, maximize=maximize) >= patience:
        return True
    asked = criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled"
    return asked and best is not None and converged(document, found)
