"""Tuning: Bayesian against Random and against Optuna's default sampler, and the platform's own CPU time."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import client, server
from sagewright_tuning.propose import Task, Trial, propose
from sagewright_tuning.space import Range

_SEEDS, _TRIALS, _PARALLEL = 10, 30, 3
Values = dict[str, str]
Loss = Callable[[Values], float]


def _support_vectors() -> tuple[list[Range], Loss]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.svm import SVC

    features, labels = load_digits(return_X_y=True)
    parts = train_test_split(features[:900] / 16, labels[:900], test_size=0.5, random_state=0)

    def loss(values: Values) -> float:
        model = SVC(C=float(values["C"]), gamma=float(values["gamma"])).fit(parts[0], parts[2])
        return float(1 - model.score(parts[1], parts[3]))

    return [Range("C", "continuous", 1e-3, 1e3), Range("gamma", "continuous", 1e-5, 10.0)], loss


def _boosted(load: Callable[..., Any], objective: str, metric: str) -> tuple[list[Range], Loss]:
    import xgboost
    from sklearn.model_selection import train_test_split

    parts = train_test_split(*load(return_X_y=True), test_size=0.4, random_state=0)
    train, test = xgboost.DMatrix(parts[0], parts[2]), xgboost.DMatrix(parts[1], parts[3])
    fixed = {"nthread": 1, "seed": 0, "objective": objective, "eval_metric": metric}

    def loss(values: Values) -> float:
        named = {name: value for name, value in values.items() if name != "num_round"}
        booster = xgboost.train({**fixed, **named}, train, int(values["num_round"]))
        return float(booster.eval(test).rpartition(":")[2])

    ranges = [
        Range("eta", "continuous", 0.005, 0.5),
        Range("max_depth", "integer", 1, 10),
        Range("min_child_weight", "continuous", 0.1, 50.0),
        Range("subsample", "continuous", 0.3, 1.0),
        Range("lambda", "continuous", 0.01, 100.0),
        Range("num_round", "integer", 5, 100),
    ]
    return ranges, loss


def _problems() -> Iterator[tuple[str, list[Range], Loss]]:
    from sklearn.datasets import load_breast_cancer, load_diabetes

    yield "SVC on digits, error", *_support_vectors()
    yield "XGBoost on diabetes, RMSE", *_boosted(load_diabetes, "reg:squarederror", "rmse")
    yield "XGBoost on breast cancer, log loss", *_boosted(load_breast_cancer, "binary:logistic", "logloss")


def _best(strategy: str, ranges: list[Range], loss: Loss, seed: int) -> float:
    """Of _TRIALS trials, _PARALLEL at a time: the next one is asked for while the others run."""
    ended: list[Trial] = []
    running: list[Values] = []
    while len(ended) < _TRIALS:
        count = min(_PARALLEL, _TRIALS - len(ended)) - len(running)
        asked = Task(strategy, ranges, [*ended, *map(Trial, running)], count, maximize=False, seed=seed)
        running += propose(asked) if count else []
        values = running.pop(0)
        ended.append(Trial(values, loss(values), ended=True))
    return min(trial.objective for trial in ended if trial.objective is not None)


def _optunas_best(ranges: list[Range], loss: Loss, seed: int) -> float:
    """The same with Optuna's default sampler."""
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    running = []
    for _ in range(_TRIALS):
        while len(running) < _PARALLEL and len(study.trials) < _TRIALS:
            running.append(study.ask({each.name: each.distribution() for each in ranges}))
        trial = running.pop(0)
        study.tell(trial, loss({each.name: each.outside(trial.params[each.name]) for each in ranges}))
    return float(study.best_value)


def _objectives() -> Iterator[str]:
    for title, ranges, loss in _problems():
        found = {
            "Bayesian": [_best("Bayesian", ranges, loss, seed) for seed in range(_SEEDS)],
            "Random": [_best("Random", ranges, loss, seed) for seed in range(_SEEDS)],
            "Optuna's default": [_optunas_best(ranges, loss, seed) for seed in range(_SEEDS)],
        }
        shown = ", ".join(f"{name} {statistics.median(values):.5g}" for name, values in found.items())
        yield f"{title}, median best of {_TRIALS} over {_SEEDS} seeds: {shown} (reach: Bayesian the least)"


def _request(name: str, strategy: str, jobs: int) -> dict[str, Any]:
    tuned = {
        "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5"}],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "3", "MaxValue": "8"}],
    }
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/train"}}
    channels = [
        {"ChannelName": channel, "ContentType": "text/csv", "DataSource": source} for channel in ("train", "validation")
    ]
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:rmse"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": _PARALLEL},
            "ParameterRanges": tuned,
        },
        "TrainingJobDefinition": {
            "RoleArn": "arn:aws:iam::000000000000:role/bench",
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "StaticHyperParameters": {"num_round": "100"},
            "InputDataConfig": channels,
            "OutputDataConfig": {"S3OutputPath": "s3://bench/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }


def _cpu(pid: int) -> float:
    """Seconds of a process; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _watch(seconds: dict[int, float]) -> None:
    """Bring the CPU seconds of the algorithms' processes up to date, by process id."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"sagewright_algorithms" in path.read_bytes():
                pid = int(path.parent.name)
                seconds[pid] = max(seconds.get(pid, 0.0), _cpu(pid))


def _overhead() -> Iterator[str]:
    rows = np.random.default_rng(0).normal(size=(20_000, 20))
    rows[:, 0] = rows[:, 1:] @ np.arange(19) / 19
    body = "".join(",".join(f"{value:.4g}" for value in row) + "\n" for row in rows).encode()
    with server() as handle:
        client("s3", handle.url).create_bucket(Bucket="bench")
        client("s3", handle.url).put_object(Bucket="bench", Key="train/rows.csv", Body=body)
        sagemaker = client("sagemaker", handle.url)
        before = _cpu(handle.process.pid)
        trials: dict[int, float] = {}
        sagemaker.create_hyper_parameter_tuning_job(**_request("bench", "Bayesian", 50))
        looks = 0
        while looks % 20 or not _ended(sagemaker):  # a look a second: describing costs the server time too
            _watch(trials)
            time.sleep(0.05)
            looks += 1
        own, theirs = _cpu(handle.process.pid) - before, sum(trials.values())
    yield (
        f"50 trials of XGBoost: the server's CPU time {own:.1f} s, the trials' {theirs:.1f} s, {own / theirs:.1%} "
        "(reach < 5%)"
    )


def _ended(sagemaker: Any) -> bool:
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="bench")
    return str(job["HyperParameterTuningJobStatus"]) == "Completed"


def run() -> Iterator[str]:
    yield from _objectives()
    yield from _overhead()
