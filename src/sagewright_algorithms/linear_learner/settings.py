"""What a job's hyperparameters mean: defaults, the meaning of ``auto``, and the settings of each model.

``num_models`` models are trained at once. Model 0 has the values that were given, and the usual ones for those left to
``auto``; the others have the given values too, and values drawn around the usual ones for the rest. The draws are the
same in every job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.linear_learner.rules import AUTO_LOSSES

Array = NDArray[Any]

_AUTO_MODELS = 32
_AUTO_CALIBRATION = 10_000_000
_SEED = 20171129
_BUFFERS = 6
"""Arrays as large as the parameters, and as a mini-batch's scores, that training holds."""

_USUAL: Mapping[str, Mapping[str, float]] = {
    "adam": {"learning_rate": 0.05},
    "rmsprop": {"learning_rate": 0.01},
    "sgd": {"learning_rate": 0.1},
}
_SHARED = {
    "wd": 1e-5,
    "l1": 0.0,
    "lr_scheduler_step": 10,
    "lr_scheduler_factor": 0.99,
    "lr_scheduler_minimum_lr": 1e-5,
    "momentum": 0.9,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "bias_lr_mult": 1.0,
    "bias_wd_mult": 0.0,
}
_REPORTED = ("learning_rate", "l1", "wd", "lr_scheduler_step", "lr_scheduler_factor", "lr_scheduler_minimum_lr")
_REPORTED_OF: Mapping[str, tuple[str, ...]] = {"sgd": ("momentum",), "adam": (), "rmsprop": ()}


@dataclass(frozen=True, slots=True)
class Settings:
    """values: every hyperparameter but those in columns, none of them ``auto``. columns: (models,) each."""

    values: Mapping[str, Any]
    columns: Mapping[str, Array]

    @property
    def models(self) -> int:
        return len(self.columns["learning_rate"])

    @property
    def classes(self) -> int:
        """Scores a row of one model."""
        return int(self.values["num_classes"]) if self.kind == "multiclass_classifier" else 1

    @property
    def kind(self) -> str:
        return str(self.values["predictor_type"])

    def describe(self, model: int) -> str:
        """One model's settings, as the log shows them."""
        optimizer = self.values["optimizer"]
        names = (*_REPORTED, *_REPORTED_OF[optimizer])
        return json.dumps({"optimizer": optimizer, **{name: self.columns[name][model].item() for name in names}})


def resolve(given: Mapping[str, Any], defaults: Mapping[str, Any], *, width: int, memory: int) -> Settings:
    """given: the job's hyperparameters, parsed. defaults: those of the rest. width: features. memory: bytes to use.

    num_models=auto is 32, or fewer where so many would not fit. Raises ClientError where one model is far too large.
    """
    values: dict[str, Any] = {**defaults, **given}
    kind, bias = values["predictor_type"], values["use_bias"] == "true"
    if values["loss"] == "auto":
        values["loss"] = AUTO_LOSSES[kind]
    if values["optimizer"] == "auto":
        values["optimizer"] = "adam"
    values["use_bias"] = bias
    values["normalize_data"] = values["normalize_data"] != "false"
    values["unbias_data"] = _flag(values["unbias_data"], auto=bias)
    regressor = kind == "regressor"
    values["normalize_label"] = regressor and _flag(values["normalize_label"], auto=True)
    values["unbias_label"] = regressor and bias and _flag(values["unbias_label"], auto=True)
    values["use_lr_scheduler"] = values["use_lr_scheduler"] == "true"
    values["balance_multiclass_weights"] = values["balance_multiclass_weights"] == "true"
    if values["num_calibration_samples"] == "auto":
        values["num_calibration_samples"] = _AUTO_CALIBRATION
    if values.get("_tuning_objective_metric"):
        values["num_models"] = 1
    if values["num_models"] == "auto":
        affordable = memory // _bytes_of_one(values, width + int(values["mini_batch_size"]))
        values["num_models"] = int(max(1, min(_AUTO_MODELS, affordable)))
    needed = _bytes_of_one(values, width) * values["num_models"]
    if needed > 2 * memory:
        raise ClientError(
            f"{values['num_models']} models of {width} features need {needed / 1e9:.1f} GB of memory. Please use a "
            "larger instance, or check the number of features of the training data."
        )
    names = ("learning_rate", *_SHARED)
    columns = _columns({name: values.pop(name) for name in names}, values["optimizer"], values["num_models"])
    return Settings(values, columns)


def _flag(text: str, *, auto: bool) -> bool:
    return auto if text == "auto" else text == "true"


def _bytes_of_one(values: Mapping[str, Any], rows: int) -> int:
    """What a model takes. rows: of its parameters, and of the scores of a mini-batch where they count."""
    classes = int(values["num_classes"]) if values["predictor_type"] == "multiclass_classifier" else 1
    return 4 * _BUFFERS * classes * (rows + 1)


def _columns(given: Mapping[str, Any], optimizer: str, models: int) -> dict[str, Array]:
    usual = {**_SHARED, **_USUAL[optimizer]}
    drawn = _drawn(usual["learning_rate"], models)
    found = {}
    for name, value in given.items():
        if value != "auto":
            column = np.full(models, float(value))
        else:
            column = drawn.get(name, np.full(models, usual[name]))
            column[0] = usual[name]
        found[name] = column.astype(np.int64) if name == "lr_scheduler_step" else column
    return found


def _drawn(rate: float, models: int) -> dict[str, Array]:
    """Values around the usual ones: each range is cut in as many parts as there are models, with a value in each."""
    random = np.random.default_rng(_SEED)

    def spread() -> Array:
        return (random.permutation(models) + random.random(models)) / models

    def logarithmic(low: float, high: float) -> Array:
        return low * (high / low) ** spread()

    return {
        "learning_rate": logarithmic(rate / 10, rate * 10),
        "wd": logarithmic(1e-7, 1e-2),
        # Half of the models without.
        "l1": np.where(spread() < 0.5, 0.0, logarithmic(1e-7, 1e-3)),
        "lr_scheduler_step": np.where(spread() < 0.5, 10, 100).astype(np.float64),
        "lr_scheduler_factor": np.where(spread() < 0.5, 0.99, 0.98),
    }
