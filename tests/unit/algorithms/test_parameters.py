"""Hyperparameters that libxgboost 3 no longer has: what becomes of them, and that the log says so."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright_algorithms.xgboost.metrics import Metrics
from sagewright_algorithms.xgboost.parameters import for_libxgboost


@pytest.mark.parametrize(
    ("given", "gpus", "expected", "says"),
    [
        ({"objective": "reg:linear"}, 0, {"objective": "reg:squarederror"}, "reg:linear is now called"),
        ({"tree_method": "gpu_hist"}, 0, {"tree_method": "hist"}, "the instance has no GPU; training runs on the CPU"),
        ({"tree_method": "gpu_hist"}, 1, {"tree_method": "hist", "device": "cuda"}, "on the GPU"),
        ({"predictor": "gpu_predictor"}, 0, {}, "training runs on the CPU"),
        ({"predictor": "cpu_predictor"}, 0, {}, ""),
        ({"silent": 1}, 0, {"verbosity": 0}, ""),
        ({"updater": ["distcol", "prune"]}, 0, {"updater": "grow_colmaker,prune"}, "distcol is no longer"),
        ({"updater": ["sync"]}, 0, {}, "sync is no longer in libxgboost: left out"),
        ({"tree_method": "approx", "sketch_eps": 0.03}, 0, {"tree_method": "approx", "max_bin": 34}, "max_bin=34"),
        ({"sketch_eps": 0.03}, 0, {}, "sketch_eps has no effect"),
        ({"lambda_bias": 0.5}, 0, {}, "lambda_bias=0.5 has no effect"),
        ({"single_precision_histogram": "true"}, 0, {}, "has no effect"),
        ({"deterministic_histogram": "true"}, 0, {}, "has no effect"),
        ({"dsplit": "row"}, 0, {}, "has no effect"),
        ({"prob_buffer_row": 2}, 0, {}, "has no effect"),
        ({"sampling_method": "gradient_based"}, 0, {"sampling_method": "uniform"}, "needs a GPU"),
        ({"monotone_constraints": (1, -1)}, 0, {"monotone_constraints": "(1, -1)"}, ""),
        ({"num_round": 3, "csv_weights": 1, "eval_metric": ["auc"], "_kfold": 2}, 0, {}, ""),
    ],
    ids=str,
)
def test_equivalents(
    given: dict[str, Any], gpus: int, expected: dict[str, Any], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert for_libxgboost(given, gpus=gpus, cuda=gpus > 0) == expected
    log = capfd.readouterr().out
    assert says in log
    assert bool(log) is bool(says)


def test_a_build_without_cuda_trains_on_the_cpu(capfd: pytest.CaptureFixture[str]) -> None:
    assert for_libxgboost({"tree_method": "gpu_hist"}, gpus=2, cuda=False) == {"tree_method": "hist"}
    assert "built without CUDA" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("given", "native", "added", "stopping"),
    [
        ({}, [], [], None),
        ({"eval_metric": ["f1", "auc"]}, ["auc"], ["f1"], "auc"),
        ({"_tuning_objective_metric": "validation:f1"}, [], ["f1"], "f1"),
        ({"eval_metric": ["logloss"], "_tuning_objective_metric": "validation:auc"}, ["auc", "logloss"], [], "auc"),
        ({"eval_metric": ["rmse", "mae", "mse", "r2"]}, ["rmse", "mae"], ["mse", "r2"], "r2"),
    ],
    ids=str,
)
def test_metrics(given: dict[str, Any], native: list[str], added: list[str], stopping: str | None) -> None:
    metrics = Metrics.of(given)
    assert (metrics.native, metrics.added, metrics.stopping) == (native, added, stopping)
