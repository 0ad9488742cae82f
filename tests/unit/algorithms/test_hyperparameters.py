"""Validation of hyperparameters: every row of XGBoost's table, and the rules across them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.hyperparameters import (
    Categorical,
    Continuous,
    Integer,
    Interval,
    validate,
)
from sagewright_algorithms.xgboost.spec import SPEC


def check(**given: Any) -> dict[str, Any]:
    return validate(SPEC.hyperparameters, SPEC.rules, {"num_round": "1", **given})


@pytest.mark.parametrize(
    ("interval", "inside", "outside", "text"),
    [
        (Interval(0, 1), (0, 0.5, 1), (-0.1, 1.1, math.nan), "[0, 1]"),
        (Interval(0, 1, open_minimum=True), (0.1, 1), (0, 2), "(0, 1]"),
        (Interval(0, 1, open_minimum=True, open_maximum=True), (0.5,), (0, 1), "(0, 1)"),
        (Interval(1), (1, math.inf), (0, -math.inf), "[1, +inf)"),
        (Interval(maximum=3), (-9, 3), (4,), "(-inf, 3]"),
    ],
)
def test_intervals(interval: Interval, inside: Any, outside: Any, text: str) -> None:
    assert all(value in interval for value in inside)
    assert not any(value in interval for value in outside)
    assert str(interval) == text


def test_values_are_parsed_and_aliases_resolved() -> None:
    assert check(
        eta="1e-1", max_depth="3", eval_metric="auc, error@0.7", objective="binary:logistic", reg_lambda="2"
    ) == {
        "num_round": 1,
        "eta": 0.1,
        "max_depth": 3,
        "eval_metric": ["auc", "error@0.7"],
        "objective": "binary:logistic",
        "lambda": 2.0,
    }
    assert check(tree_method="hist", monotone_constraints="(1,0,-1)")["monotone_constraints"] == (1, 0, -1)
    assert check(tree_method="hist", interaction_constraints="[[1,2],[3]]")["interaction_constraints"] == [[1, 2], [3]]
    assert check(max_depth=3, eta=0.5)["eta"] == 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nonsense": "1"}, "Extraneous hyperparameter found: nonsense"),
        ({"max_depth": "-1"}, "Hyperparameter max_depth: -1 is not in [0, +inf)"),
        ({"max_depth": "3.5"}, "Hyperparameter max_depth: could not parse value (caused by ValueError)"),
        ({"eta": "nan"}, "Hyperparameter eta: nan is not in [0, 1]"),
        ({"subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        ({"booster": "tree"}, "Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']"),
        ({"objective": "multi:softmax"}, "Require input for parameter 'num_class' for multi-classification"),
        ({"num_class": "3"}, "Do not need to setup parameter 'num_class'"),
        ({"eval_metric": "auc"}, "Metric 'auc' can only be applied for classification and ranking problems."),
        ({"eval_metric": "rmse,zzz"}, "Hyperparameter eval_metric: value ['rmse', 'zzz'] not in range"),
        ({"eval_metric": "rmse@3"}, "Metric 'rmse@3' is not supported."),
        ({"eval_metric": "ndcg@x"}, "Threshold value 't' in 'ndcg@t' expects float input."),
        ({"eval_metric": "aft-nloglik"}, "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective."),
        ({"monotone_constraints": "(1,0)"}, "monotone_constraints can be used only when the tree_method"),
        ({"monotone_constraints": "(2,0)", "tree_method": "hist"}, "Hyperparameter monotone_constraints: value (2, 0)"),
        ({"monotone_constraints": "__import__('os')", "tree_method": "hist"}, "monotone_constraints: could not parse"),
        ({"interaction_constraints": "[[1,2]]"}, "interaction_constraints can be used only when the tree_method"),
        (
            {"interaction_constraints": "[[0,2]]", "tree_method": "hist"},
            "Hyperparameter interaction_constraints: value",
        ),
        ({"updater": "bogus"}, "Hyperparameter updater: value ['bogus'] not in range"),
        ({"updater": "shotgun"}, "Tree updater should be selected"),
        ({"updater": "grow_colmaker,grow_histmaker"}, "Only one tree grow plugin can be selected."),
        ({"updater": "prune", "booster": "gblinear"}, "Linear updater should be one of these options: 'shotgun'"),
        ({"updater": "sync", "process_type": "update"}, "process_type 'update' can only be used with updater"),
        ({"_tuning_objective_metric": "train:auc"}, "Hyperparameter _tuning_objective_metric: train:auc is not in"),
        ({"_kfold": "1"}, "Hyperparameter _kfold: 1 is not in [2, +inf)"),
        ({"objective": "aft_loss_distribution"}, "use survival:aft"),
    ],
    ids=str,
)
def test_refusals(given: dict[str, str], message: str) -> None:
    with pytest.raises(ClientError) as caught:
        check(**given)
    assert str(caught.value).startswith("ClientError: ")
    assert message in str(caught.value)


def test_num_round_is_required() -> None:
    with pytest.raises(ClientError, match="Missing required hyperparameter: num_round"):
        validate(SPEC.hyperparameters, SPEC.rules, {"eta": "0.1"})


def test_the_bounds_of_every_row_are_kept() -> None:
    for row in SPEC.hyperparameters:
        if isinstance(row, Integer | Continuous):
            step = 1 if isinstance(row, Integer) else 1e-6
            low, high = row.range.minimum, row.range.maximum
            for value, allowed in (
                (low, not row.range.open_minimum),
                (None if low is None else low - step, False),
                (high, not row.range.open_maximum),
                (None if high is None else high + step, False),
            ):
                if value is not None:
                    assert accepted(row.name, value) is allowed, (row.name, value)
        elif isinstance(row, Categorical):
            assert not accepted(row.name, "nonsense")


def accepted(name: str, value: Any) -> bool:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    row = next(row for row in SPEC.hyperparameters if row.name == name)
    try:
        row.check(row.parse(text))
    except ClientError:
        return False
    return True


def test_the_description_is_plain_json_with_awss_shapes() -> None:
    described = json.loads(json.dumps(SPEC.describe()))
    assert described["command"]["train"] == ["-m", "sagewright_algorithms", "xgboost", "train"]
    rows = {row["Name"]: row for row in described["hyperparameters"]}
    assert rows["eta"]["Range"] == {"ContinuousParameterRangeSpecification": {"MinValue": "0", "MaxValue": "1"}}
    assert rows["num_round"]["IsRequired"] is True
    assert rows["num_round"]["Range"]["IntegerParameterRangeSpecification"]["MaxValue"] == str(2**31 - 1)
    assert {"Name": "validation:auc", "Direction": "Maximize"}.items() <= next(
        metric for metric in described["metrics"] if metric["Name"] == "validation:auc"
    ).items()
