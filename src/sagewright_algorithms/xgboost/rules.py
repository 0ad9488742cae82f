"""XGBoost's rules across hyperparameters, with the error texts of aws/sagemaker-xgboost-container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright_algorithms.contract.errors import ClientError

MAXIMIZED = (
    "accuracy",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "map",
    "ndcg",
    "precision",
    "r2",
    "recall",
    "precision_macro",
    "precision_micro",
    "recall_macro",
    "recall_micro",
)
MINIMIZED = (
    "aft-nloglik",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
)
_WITH_THRESHOLD = ("error", "ndcg", "map")

TREE_UPDATERS = (
    "grow_colmaker",
    "distcol",
    "grow_histmaker",
    "grow_skmaker",
    "grow_quantile_histmaker",
    "sync",
    "refresh",
    "prune",
)
LINEAR_UPDATERS = ("shotgun", "coord_descent")
_GROWERS = ("grow_colmaker", "distcol", "grow_histmaker", "grow_skmaker", "grow_quantile_histmaker")
_UPDATE_ONLY = ("refresh", "prune")
_MULTICLASS = ("multi:softmax", "multi:softprob")


def updater(values: Mapping[str, Any]) -> None:
    chosen = values.get("updater")
    if chosen is None:
        return
    if values.get("booster") == "gblinear":
        if len(chosen) != 1 or chosen[0] not in LINEAR_UPDATERS:
            raise ClientError("Linear updater should be one of these options: 'shotgun', 'coord_descent'.")
    elif values.get("process_type") == "update":
        if any(name not in _UPDATE_ONLY for name in chosen):
            raise ClientError("process_type 'update' can only be used with updater 'refresh' and 'prune'")
    elif any(name not in TREE_UPDATERS for name in chosen):
        raise ClientError(f"Tree updater should be selected from these options: {_quoted(TREE_UPDATERS)}.")
    elif sum(name in _GROWERS for name in chosen) > 1:
        raise ClientError(
            f"Only one tree grow plugin can be selected. Choose one from the following: {_quoted(_GROWERS)}"
        )


def objective(values: Mapping[str, Any]) -> None:
    chosen, classes = values.get("objective"), values.get("num_class")
    if chosen in _MULTICLASS and classes is None:
        raise ClientError("Require input for parameter 'num_class' for multi-classification")
    if chosen not in _MULTICLASS and classes is not None:
        raise ClientError(
            "Do not need to setup parameter 'num_class' for learning task other than multi-classification."
        )
    if chosen == "aft_loss_distribution":
        raise ClientError("Hyperparameter objective: aft_loss_distribution is no objective; use survival:aft")


def eval_metric(values: Mapping[str, Any]) -> None:
    names = values.get("eval_metric", [])
    for name in names:
        _check_metric(name, names)
    chosen = values.get("objective") or ""
    if "auc" in names and not chosen.startswith(("binary:", "rank:")):
        raise ClientError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in names and chosen != "survival:aft":
        raise ClientError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")


def _check_metric(name: str, names: list[str]) -> None:
    if "<function" in name:
        raise ClientError(f"User defined evaluation metric {name} is not supported yet.")
    base, at, threshold = name.partition("@")
    if not at:
        if name not in MAXIMIZED + MINIMIZED:
            raise ClientError(f"Hyperparameter eval_metric: value {names} not in range {sorted(MAXIMIZED + MINIMIZED)}")
        return
    if base.strip() not in _WITH_THRESHOLD:
        raise ClientError(
            f"Metric '{name}' is not supported. Parameter 'eval_metric' with customized threshold should be one of "
            f"these options: {_quoted(_WITH_THRESHOLD)}."
        )
    try:
        float(threshold)
    except ValueError:
        raise ClientError(f"Threshold value 't' in '{base.strip()}@t' expects float input.") from None


def constraints(values: Mapping[str, Any]) -> None:
    method = values.get("tree_method")
    if "monotone_constraints" in values and method not in ("exact", "hist"):
        raise ClientError(
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."
        )
    if "interaction_constraints" in values and method not in ("exact", "hist", "approx"):
        raise ClientError(
            "interaction_constraints can be used only when the tree_method parameter is set to either 'exact', 'hist' "
            "or 'approx'."
        )


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


RULES = (updater, objective, eval_metric, constraints)
