"""A training job's state as plain data, and the only functions that change it; none reads a clock or a store.

Statuses and messages:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SecondaryStatusTransition.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    "Interrupted": "The instances of managed spot training were taken away",
    "Restarting": "Starting the training job again after an internal error",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}

IN_MOTION = ("InProgress", "Stopping")
"""Job statuses that still change by themselves."""

_IDLE = ("Starting", "Pending", "Interrupted", "Restarting")
"""Secondary statuses of a job that has no instances."""

_OF_AN_ATTEMPT = ("Launched", "Hosts", "Token", "Logs", "Steps", "Signalled", "Interrupting", "InterruptAt")

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
    """Without a start on an instance nothing is billed, nor is the time between two attempts."""
    if "TrainingStartTime" not in state:
        return {"TrainingEndTime": at}
    seconds = at - state["TrainingStartTime"]
    idle = _spent(state, _IDLE, state["TrainingStartTime"])
    return {
        "TrainingEndTime": at,
        "TrainingTimeInSeconds": max(1, round(seconds)),
        "BillableTimeInSeconds": max(1, round((seconds - idle) * state.get("SpotPrice", 1.0))),
    }


def trained(state: Mapping[str, Any]) -> float:
    """Seconds that a job's command has run in the attempts before this one."""
    return _spent(state, ("Training",), 0.0)


def _spent(state: Mapping[str, Any], statuses: Collection[str], since: float) -> float:
    """Seconds in secondary statuses that have ended."""
    found = (each for each in state["SecondaryStatusTransitions"] if each["Status"] in statuses and "EndTime" in each)
    return float(sum(each["EndTime"] - each["StartTime"] for each in found if each["StartTime"] >= since))


def again(state: Mapping[str, Any], secondary: str, at: float) -> dict[str, Any]:
    """The state of a job that is to begin once more, on other instances. secondary: why."""
    kept = {name: value for name, value in state.items() if name not in _OF_AN_ATTEMPT}
    return enter({**kept, "Attempt": state.get("Attempt", 0) + 1}, secondary, at)


def fail(state: Mapping[str, Any], reason: str, at: float) -> dict[str, Any]:
    """The state of a job that failed. reason: ``ClientError: ...``, ``AlgorithmError: ...`` ..., cut where too long."""
    return enter({**state, "FailureReason": reason[:_REASON_LIMIT]}, "Failed", at)


def job_status(state: Mapping[str, Any], before: str) -> str:
    """TrainingJobStatus for a state: a job being stopped stays Stopping while it uploads what it has."""
    status = TRAINING_STATUS[state["SecondaryStatus"]]
    return before if status == "InProgress" else status
