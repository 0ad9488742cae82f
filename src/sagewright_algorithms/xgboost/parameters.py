"""From SageMaker's hyperparameters to those of the installed libxgboost.

libxgboost 2 and 3 dropped what older containers had. Each is given its modern equivalent, and the log says so; what
cannot act any more is named in the log too, never passed over in silence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sagewright_algorithms.contract import log

_OURS = (
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "eval_metric",
    "save_model_on_termination",
    "use_dask_gpu_training",
    "_kfold",
    "_num_cv_round",
    "_tuning_objective_metric",
)
"""Acted on by this package, not by libxgboost."""

_GONE = {
    "lambda_bias": "libxgboost does not regularise the bias of gblinear",
    "single_precision_histogram": "libxgboost keeps histograms in double precision",
    "deterministic_histogram": "libxgboost's histograms are always deterministic",
    "dsplit": "data is split by rows over instances",
    "prob_buffer_row": "libxgboost samples without a buffer of rows",
}
_UPDATERS = {"distcol": "grow_colmaker", "grow_skmaker": "grow_histmaker", "sync": None}


def for_libxgboost(values: Mapping[str, Any], *, gpus: int, cuda: bool) -> dict[str, Any]:
    """values: checked hyperparameters. gpus: of this instance. cuda: whether libxgboost was built with it."""
    parameters = {name: value for name, value in values.items() if name not in _OURS}
    for name in _GONE.keys() & parameters.keys():
        log.warning(f"Hyperparameter {name}={parameters.pop(name)} has no effect: {_GONE[name]}.")
    if parameters.get("objective") == "reg:linear":
        log.warning("Objective reg:linear is now called reg:squarederror.")
        parameters["objective"] = "reg:squarederror"
    if silent := parameters.pop("silent", None):
        parameters.setdefault("verbosity", 0 if silent else 1)
    _set_device(parameters, gpus=gpus, cuda=cuda)
    _set_updaters(parameters)
    _set_bins(parameters)
    if "monotone_constraints" in parameters:
        parameters["monotone_constraints"] = str(tuple(parameters["monotone_constraints"]))
    if "interaction_constraints" in parameters:
        parameters["interaction_constraints"] = str(parameters["interaction_constraints"])
    return parameters


def _set_device(parameters: dict[str, Any], *, gpus: int, cuda: bool) -> None:
    asked = []
    if parameters.get("tree_method") == "gpu_hist":
        asked.append("tree_method=gpu_hist")
        parameters["tree_method"] = "hist"
    if parameters.pop("predictor", None) == "gpu_predictor":
        asked.append("predictor=gpu_predictor")
    on_gpu = bool(asked) and gpus > 0 and cuda
    if on_gpu:
        log.info(f"{', '.join(asked)}: training runs on the GPU (device=cuda).")
        parameters["device"] = "cuda"
    elif asked:
        reason = "the instance has no GPU" if not gpus else "the installed libxgboost was built without CUDA"
        log.warning(f"{', '.join(asked)}: {reason}; training runs on the CPU (tree_method=hist).")
    if parameters.get("sampling_method") == "gradient_based" and not on_gpu:
        log.warning("sampling_method=gradient_based needs a GPU; training samples uniformly.")
        parameters["sampling_method"] = "uniform"


def _set_updaters(parameters: dict[str, Any]) -> None:
    given = parameters.pop("updater", None)
    if given is None:
        return
    updaters = [_UPDATERS.get(name, name) for name in given]
    for name, updater in zip(given, updaters, strict=True):
        if updater != name:
            log.warning(
                f"Updater {name} is no longer in libxgboost: {f'{updater} is used' if updater else 'left out'}."
            )
    if chosen := [updater for updater in updaters if updater]:
        parameters["updater"] = ",".join(chosen)


def _set_bins(parameters: dict[str, Any]) -> None:
    """sketch_eps, the bins' inverse, became max_bin in libxgboost 1.6."""
    epsilon = parameters.pop("sketch_eps", None)
    if epsilon is None:
        return
    if parameters.get("tree_method") != "approx":
        log.warning("sketch_eps has no effect: it belongs to tree_method=approx.")
    elif "max_bin" not in parameters:
        parameters["max_bin"] = max(2, math.ceil(1 / epsilon))
        log.warning(f"sketch_eps={epsilon} is given to libxgboost as max_bin={parameters['max_bin']}.")
