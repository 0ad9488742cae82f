"""Trains one model, or one a fold, from the job's channels into its model folder."""

from __future__ import annotations

import xgboost

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.xgboost import artifacts, checkpoints, cross_validation, faults, matrices
from sagewright_algorithms.xgboost.training import Plan, Training


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    environment = job.environment
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
