"""A job's hyperparameters with their defaults, and what ``auto`` means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.kmeans.spec import DEFAULTS, EVAL_METRICS

_TRIALS = 10
_DISTANCES = 10_000_000
"""Of one iteration of all trials, up to which ``auto`` has the usual number of them; then it is smaller."""
_FACTOR, _LEAST_FACTOR = 10, 2
_CENTRES, _NUMBERS = 500, 1 << 26
"""Centres while training, and their numbers, up to which ``auto`` has the usual factor; then it is smaller."""


@dataclass(frozen=True, slots=True)
class Settings:
    """factor: centres while training for each of the k."""

    k: int
    width: int
    factor: int
    batch: int
    epochs: int
    half_life: int
    method: str
    lloyd_method: str
    trials: int
    iterations: int
    tolerance: float
    metrics: tuple[str, ...]
    dense: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """given: a job's hyperparameters, parsed."""
        values = {**DEFAULTS, **given}
        k, width = values["k"], values["feature_dim"]
        trials, factor = values["local_lloyd_num_trials"], values["extra_center_factor"]
        if factor == "auto":
            factor = max(_LEAST_FACTOR, min(_FACTOR, _CENTRES // k, _NUMBERS // (k * width)))
            log.info(f"'extra_center_factor' was set to 'auto', evaluated to {factor}.")
        if trials == "auto":
            trials = max(1, min(_TRIALS, _DISTANCES // (k * k * factor)))
        return cls(
            k=k,
            width=width,
            factor=factor,
            batch=values["mini_batch_size"],
            epochs=values["epochs"],
            half_life=values["half_life_time_size"],
            method=values["init_method"],
            lloyd_method=values["local_lloyd_init_method"],
            trials=trials,
            iterations=values["local_lloyd_max_iter"],
            tolerance=values["local_lloyd_tol"],
            metrics=tuple(name for name in EVAL_METRICS if name in values["eval_metrics"]),
            dense=values["force_dense"] == "true",
        )
