"""Trains one model, or one a fold, from the job's channels into its model folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xgboost

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import AlgorithmError, ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.xgboost import artifacts, callbacks, checkpoints, faults, matrices
from sagewright_algorithms.xgboost.metrics import Metrics, is_maximized
from sagewright_algorithms.xgboost.parameters import for_libxgboost


@dataclass(frozen=True)
class Plan:
    """One job's settings, shared by the trainings of its folds."""

    job: TrainingJob
    parameters: dict[str, Any]
    metrics: Metrics

    @classmethod
    def of(cls, job: TrainingJob) -> Plan:
        cuda = bool(xgboost.build_info().get("USE_CUDA"))
        parameters = for_libxgboost(job.hyperparameters, gpus=job.environment.gpus, cuda=cuda)
        metrics = Metrics.of(job.hyperparameters)
        if metrics.native:
            parameters["eval_metric"] = list(metrics.native)
        elif metrics.added:
            parameters["disable_default_eval_metric"] = True
        return cls(job, parameters, metrics)

    @property
    def objective(self) -> str:
        return str(self.parameters.get("objective", "reg:squarederror"))


@dataclass(frozen=True)
class Training:
    """Where one training starts and leaves its results. fold: of a cross validation."""

    plan: Plan
    fold: int | None = None
    history: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @property
    def model_file(self) -> Path:
        suffix = "" if self.fold is None else f"-{self.fold}"
        return self.plan.job.environment.model_dir / f"{artifacts.MODEL_NAME}{suffix}"

    @property
    def checkpoint_dir(self) -> Path | None:
        folder = self.plan.job.environment.checkpoint_dir
        return folder / f"model-{self.fold}" if folder and self.fold is not None else folder

    def run(self, evals: Sequence[tuple[Any, str]], before: tuple[Any, int]) -> Any:
        """The booster. evals: the training matrix, then what else to score. before: the checkpoint to go on from."""
        plan, (model, start) = self.plan, before
        return xgboost.train(
            plan.parameters,
            evals[0][0],
            num_boost_round=max(0, plan.job.hyperparameters["num_round"] - start),
            evals=list(evals),
            custom_metric=plan.metrics.function(plan.objective),
            callbacks=self._callbacks(start, validated=len(evals) > 1),
            xgb_model=model,
            evals_result=self.history,
            verbose_eval=False,
        )

    def _callbacks(self, start: int, *, validated: bool) -> list[Any]:
        job, values = self.plan.job, self.plan.job.hyperparameters
        found: list[Any] = [callbacks.Report(start)]
        if folder := self.checkpoint_dir:
            found.append(checkpoints.Save(folder, start))
        if values.get("save_model_on_termination") == "true":
            found.append(callbacks.SaveIntermediate(self.model_file, job.environment.version))
        if rounds := values.get("early_stopping_rounds"):
            if validated:
                found.append(self._early_stopping(rounds))
            else:
                log.warning("early_stopping_rounds has no effect: the job has no validation channel.")
        found.append(callbacks.StopWhenAsked(job.stop))
        return found

    def _early_stopping(self, rounds: int) -> Any:
        name = self.plan.metrics.stopping
        return xgboost.callback.EarlyStopping(
            rounds=rounds,
            data_name="validation",
            metric_name=name,
            maximize=is_maximized(name) if name else None,
            # A linear booster has no rounds to cut off.
            save_best=self.plan.parameters.get("booster") != "gblinear",
        )


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    environment = job.environment
    if len(environment.hosts) > 1:
        raise AlgorithmError(
            f"Training on several instances is not yet supported; the job has {len(environment.hosts)}."
        )
    plan = Plan.of(job)
    _check_gpu_training(job)
    data = matrices.read(job)
    log.info(f"Determined {environment.gpus} GPU(s) available on the instance.")
    log.info("Single node training.")
    log.info(f"Train matrix has {data['train'].rows} rows and {data['train'].features.shape[1]} columns")
    if "validation" in data:
        log.info(f"Validation matrix has {data['validation'].rows} rows")
    job.stop.graceful = True
    try:
        if "_kfold" in job.hyperparameters:
            from sagewright_algorithms.xgboost import cross_validation

            cross_validation.run(plan, data)
        else:
            _train_one(plan, data)
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise faults.blame(error, job, data) from error


def _train_one(plan: Plan, data: dict[str, Examples]) -> None:
    training = Training(plan)
    before = checkpoints.latest(training.checkpoint_dir)
    if before[0] is None and plan.parameters.get("process_type") == "update":
        raise ClientError("process_type 'update' needs a model to update: a checkpoint of an earlier job")
    quantize = matrices.should_quantize(data["train"], plan.parameters, resumed=before[0] is not None)
    # Examples are dropped as soon as libxgboost has its own copy: together they would double the memory.
    matrix = matrices.matrix(data["train"], plan.parameters, quantize=quantize)
    evals = [(matrix, "train")]
    if "validation" in data:
        other = matrices.matrix(data["validation"], plan.parameters, matrix, quantize=quantize)
        evals.append((other, "validation"))
    data.clear()
    booster = training.run(evals, before)
    artifacts.write(booster, training.model_file, plan.job.environment.version)


def _check_gpu_training(job: TrainingJob) -> None:
    """use_dask_gpu_training: the conditions that AWS documents; here one process trains on what the machine has."""
    if job.hyperparameters.get("use_dask_gpu_training") != "true":
        return
    faults = []
    if job.hyperparameters.get("tree_method") not in ("gpu_hist", "hist"):
        faults.append("tree_method must be gpu_hist or hist")
    if job.channels["train"].format not in ("csv", "parquet"):
        faults.append("the content type must be csv or parquet")
    if job.channels["train"].pipe:
        faults.append("the input mode must not be Pipe")
    if faults:
        raise ClientError(f"use_dask_gpu_training cannot be used: {'; '.join(faults)}")
    log.warning("use_dask_gpu_training: Dask is not used; one process trains on this instance.")
