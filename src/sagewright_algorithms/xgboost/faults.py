"""libxgboost's errors: what they say, and whose fault they are."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sagewright_algorithms.contract.errors import AlgorithmError, AlgorithmFailure, ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.xgboost import labels

_USERS_FAULT = re.compile(
    r"label must be|base_score must be in|feature_names mismatch|Target is multiclass but average='binary'|"
    r"preds\.[sS]ize\(\) == info\.labels|only contains pos or neg samples|label_correct|"
    r"for Parameter|Parameter \w+ should be|Invalid Parameter format|Unknown metric|must have the same|"
    r"monotone constraint|"
    r"query group|interaction_constraints|Number of columns|label and prediction size not match|"
    r"can only be used with|max_bin|distributed training"
)
_INFINITE = re.compile(r"contains `?inf")


def message_of(error: Exception) -> str:
    """Without libxgboost's C++ stack trace."""
    return str(error).split("\nStack trace:")[0].strip()


def blame(error: Exception, job: TrainingJob, data: Mapping[str, Examples]) -> AlgorithmFailure:
    """The error of a training as the user's or as ours. data: what libxgboost may not have taken over yet.

    Raises ClientError itself where it finds the row at fault.
    """
    text = message_of(error)
    if _INFINITE.search(text):
        for name, examples in data.items():
            labels.check_features(examples, job.channels[name])
    if _USERS_FAULT.search(text) or _INFINITE.search(text):
        return ClientError(text)
    return AlgorithmError(f"XGB train call failed with exception:\n {text}")
