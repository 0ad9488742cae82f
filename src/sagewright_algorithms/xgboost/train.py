"""Trains one model, or one a fold, from the job's channels into its model folder."""

from __future__ import annotations

from typing import Any

import xgboost

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.formats.examples import Examples
from sagewright_algorithms.xgboost import artifacts, checkpoints, cross_validation, faults, matrices
from sagewright_algorithms.xgboost import team as teams
from sagewright_algorithms.xgboost.training import Plan, Training


def train(job: TrainingJob) -> None:
    """Raises ClientError or AlgorithmError."""
    environment = job.environment
    plan = Plan.of(job)
    _check_instances(job, plan)
    data = matrices.read(job)
    log.info(f"Determined {environment.gpus} GPU(s) available on the instance.")
    team = teams.of(job.collective, has_data=bool(data))
    matrices.fit_to_others(data, job)
    if team.trains:
        if team.several and job.hyperparameters.get("use_dask_gpu_training") == "true":
            data = matrices.share_of(data, team.number, len(team.members))
        log.info(f"Train matrix has {data['train'].rows} rows and {data['train'].features.shape[1]} columns")
        if "validation" in data:
            log.info(f"Validation matrix has {data['validation'].rows} rows")
    training = Training(plan, team)
    job.stop.graceful = True
    before = team.of_master(*(checkpoints.latest(training.checkpoint_dir) if team.master else (None, 0)))
    booster = None
    try:
        with team.connected():
            if "_kfold" in job.hyperparameters:
                cross_validation.run(plan, data, team)
            elif team.trains:
                booster = _train_one(training, data, before)
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise faults.blame(error, job, data) from error
    if booster is not None and team.master:
        artifacts.write(booster, training.model_file, environment.version)


def _train_one(training: Training, data: dict[str, Examples], before: tuple[Any, int]) -> Any:
    """The booster. before: the checkpoint to go on from."""
    plan, team = training.plan, training.team
    if before[0] is None and plan.parameters.get("process_type") == "update":
        raise ClientError("process_type 'update' needs a model to update: a checkpoint of an earlier job")
    quantize = matrices.should_quantize(data["train"], plan.parameters, resumed=before[0] is not None)
    quantize = team.any(value=quantize)
    # Examples are dropped as soon as libxgboost has its own copy: together they would double the memory.
    matrix = matrices.matrix(data["train"], plan.parameters, quantize=quantize)
    evals = [(matrix, "train")]
    if "validation" in data:
        other = matrices.matrix(data["validation"], plan.parameters, matrix, quantize=quantize)
        evals.append((other, "validation"))
    data.clear()
    return training.run(evals, before)


def _check_instances(job: TrainingJob, plan: Plan) -> None:
    """What several instances, and use_dask_gpu_training with its conditions on AWS, do not go with.

    Here one process an instance trains on what it has, without Dask.
    """
    several = len(job.environment.hosts) > 1
    if several and "_kfold" in job.hyperparameters:
        raise ClientError("_kfold: cross validation needs a job with one instance")
    if job.hyperparameters.get("use_dask_gpu_training") != "true":
        if several and plan.parameters.get("device") == "cuda":
            raise ClientError("GPU training on several instances needs use_dask_gpu_training=true")
        return
    faults = []
    if job.hyperparameters.get("tree_method") not in ("gpu_hist", "hist"):
        faults.append("tree_method must be gpu_hist or hist")
    if job.channels["train"].format not in ("csv", "parquet"):
        faults.append("the content type must be csv or parquet")
    if job.channels["train"].pipe:
        faults.append("the input mode must not be Pipe")
    types = [config.get("S3DistributionType") for config in job.environment.input_data.values()]
    if several and any(kind not in (None, "FullyReplicated") for kind in types):
        faults.append("the channels must be FullyReplicated, for the instances share out the rows")
    if faults:
        raise ClientError(f"use_dask_gpu_training cannot be used: {'; '.join(faults)}")
    log.warning("use_dask_gpu_training: Dask is not used; one process trains on each instance.")
