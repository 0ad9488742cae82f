"""Linear learner's rules across hyperparameters.

https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright_algorithms.contract.errors import ClientError

LOSSES: Mapping[str, tuple[str, ...]] = {
    "binary_classifier": ("logistic", "hinge_loss"),
    "multiclass_classifier": ("softmax_loss",),
    "regressor": (
        "squared_loss",
        "absolute_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
        "quantile_loss",
        "huber_loss",
    ),
}
AUTO_LOSSES = {kind: losses[0] for kind, losses in LOSSES.items()}

CRITERIA = ("accuracy", "f_beta", "precision_at_target_recall", "recall_at_target_precision", "loss_function")
OLD_CRITERIA = {"f1": "f_beta", "cross_entropy_loss": "loss_function"}
"""Names that the Python SDK still accepts."""

_FEWEST_CLASSES = 3


def classes(values: Mapping[str, Any]) -> None:
    if values.get("predictor_type") != "multiclass_classifier":
        return
    if values.get("num_classes", 1) < _FEWEST_CLASSES:
        raise ClientError(
            f"num_classes must be an integer from {_FEWEST_CLASSES} to 1000000 when predictor_type is "
            f"multiclass_classifier, found {values.get('num_classes', 'none')}"
        )


def loss(values: Mapping[str, Any]) -> None:
    kind, chosen = values["predictor_type"], values.get("loss", "auto")
    if chosen != "auto" and chosen not in LOSSES[kind]:
        raise ClientError(
            f"loss {chosen} is not supported when predictor_type is {kind}; use one of auto, {', '.join(LOSSES[kind])}"
        )


RULES = (classes, loss)
