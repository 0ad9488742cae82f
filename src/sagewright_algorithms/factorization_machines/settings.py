"""A job's hyperparameters, as training uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagewright_algorithms.factorization_machines.hyperparameters import DEFAULTS, TERMS

_ADAM_EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Term:
    """Of the bias, the linear terms or the factors. present: whether the model has it.

    method: how it begins. spread: its standard deviation, reach or value.
    """

    rate: float
    decay: float
    method: str
    spread: float
    present: bool


@dataclass(frozen=True)
class Settings:
    """width: features. batch: records of a mini-batch. clip: infinite where any gradient is taken as it is.

    rescale: what a mini-batch's summed gradient is multiplied by; None: its mean is taken. interval: mini-batches from
    one line of metrics to the next.
    """

    kind: str
    width: int
    factors: int
    epochs: int
    batch: int
    clip: float
    epsilon: float
    rescale: float | None
    interval: int
    terms: Mapping[str, Term]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """given: parsed and checked."""
        values = {**DEFAULTS, **given}
        clip = values.get("clip_gradient", 0.0)
        return cls(
            kind=values["predictor_type"],
            width=values["feature_dim"],
            factors=values["num_factors"],
            epochs=values["epochs"],
            batch=values["mini_batch_size"],
            clip=clip if clip > 0 else float("inf"),
            epsilon=values.get("eps", _ADAM_EPSILON),
            rescale=values.get("rescale_grad"),
            interval=values["batch_metrics_publish_interval"],
            terms={name: _term(values, name) for name in TERMS},
        )

    @property
    def memory(self) -> int:
        """Bytes of the parameters, of Adam's two moments of them, and of the file that they become."""
        return 20 * self.width * (self.factors + 1)


def _term(values: Mapping[str, Any], name: str) -> Term:
    method = values[f"{name}_init_method"]
    spread = {"normal": "sigma", "uniform": "scale", "constant": "value"}[method]
    return Term(
        rate=values["_learning_rate"] * values[f"{name}_lr"],
        decay=values["_wd"] * values[f"{name}_wd"],
        method=method,
        spread=values[f"{name}_init_{spread}"],
        present=values.get(f"use_{name}", "true") == "true",
    )
