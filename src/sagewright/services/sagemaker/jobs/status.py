"""A training job's state as plain data, and the only functions that change it; none reads a clock or a store.

Statuses and messages:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SecondaryStatusTransition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright.core.lifecycle import TRAINING_SECONDARY, TRAINING_STATUS, advance

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Pending": "Training job waiting for capacity",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}

IN_MOTION = ("InProgress", "Stopping")
"""Job statuses that still change by themselves."""

_REASON_LIMIT = 1024
"""Characters of a FailureReason."""


def begin(at: float) -> dict[str, Any]:
    """The state of a job just created; times are epoch seconds."""
    state: dict[str, Any] = {"SecondaryStatus": TRAINING_SECONDARY.initial, "SecondaryStatusTransitions": []}
    return enter(state, TRAINING_SECONDARY.initial, at, "Starting the training job")


def enter(state: Mapping[str, Any], secondary: str, at: float, message: str = "") -> dict[str, Any]:
    """The state after the job went into a secondary status; entering the present one changes at most its message.

    Raises IllegalTransition where the life cycle does not lead there.
    """
    transitions = [dict(transition) for transition in state["SecondaryStatusTransitions"]]
    message = message or MESSAGES[secondary]
    if transitions and transitions[-1]["Status"] == secondary:
        transitions[-1]["StatusMessage"] = message
        return {**state, "SecondaryStatusTransitions": transitions}
    advance(TRAINING_SECONDARY, state["SecondaryStatus"], secondary)
    if transitions:
        transitions[-1]["EndTime"] = at
    transitions.append({"Status": secondary, "StartTime": at, "StatusMessage": message})
    changed = {**state, "SecondaryStatus": secondary, "SecondaryStatusTransitions": transitions, "LastModifiedTime": at}
    if secondary == "Downloading" and "TrainingStartTime" not in state:
        changed["TrainingStartTime"] = at
    if secondary in TRAINING_SECONDARY.final:
        transitions[-1]["EndTime"] = at
        changed |= _ended(changed, at)
    return changed


def _ended(state: Mapping[str, Any], at: float) -> dict[str, Any]:
    """Without a start on an instance nothing is billed."""
    if "TrainingStartTime" not in state:
        return {"TrainingEndTime": at}
    seconds = max(1, round(at - state["TrainingStartTime"]))
    return {"TrainingEndTime": at, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}


def fail(state: Mapping[str, Any], reason: str, at: float) -> dict[str, Any]:
    """The state of a job that failed. reason: ``ClientError: ...``, ``AlgorithmError: ...`` ..., cut where too long."""
    return enter({**state, "FailureReason": reason[:_REASON_LIMIT]}, "Failed", at)


def job_status(state: Mapping[str, Any], before: str) -> str:
    """TrainingJobStatus for a state: a job being stopped stays Stopping while it uploads what it has."""
    status = TRAINING_STATUS[state["SecondaryStatus"]]
    return before if status == "InProgress" else status
