"""One training by libxgboost: what a job's hyperparameters make of it, and what happens after each round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xgboost

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.xgboost import artifacts, callbacks, checkpoints
from sagewright_algorithms.xgboost.metrics import Metrics, is_maximized
from sagewright_algorithms.xgboost.parameters import for_libxgboost
from sagewright_algorithms.xgboost.team import Team


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
    team: Team
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
            custom_metric=plan.metrics.function(plan.objective, self.team.rows),
            callbacks=self._callbacks(start, validated=len(evals) > 1),
            xgb_model=model,
            evals_result=self.history,
            verbose_eval=False,
        )

    def _callbacks(self, start: int, *, validated: bool) -> list[Any]:
        job, values = self.plan.job, self.plan.job.hyperparameters
        found: list[Any] = []
        if self.team.master:
            found.append(callbacks.Report(start))
            if folder := self.checkpoint_dir:
                found.append(checkpoints.Save(folder, start))
            if values.get("save_model_on_termination") == "true":
                found.append(callbacks.SaveIntermediate(self.model_file, job.environment.version))
        if rounds := values.get("early_stopping_rounds"):
            if validated:
                found.append(self._early_stopping(rounds))
            else:
                log.warning("early_stopping_rounds has no effect: the job has no validation channel.")
        found.append(callbacks.StopWhenAsked(job.stop, self.team))
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
