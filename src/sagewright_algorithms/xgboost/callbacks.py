"""What happens after each round: the log line, the intermediate model, and whether to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xgboost

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.job import Stop
from sagewright_algorithms.xgboost import artifacts
from sagewright_algorithms.xgboost.team import Team


class Report(xgboost.callback.TrainingCallback):
    """``[round]<TAB>train-rmse:1.00000<TAB>validation-rmse:...``. start: rounds before this training."""

    def __init__(self, start: int) -> None:
        self._start = start

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        scores = [
            f"{data}-{metric}:{values[-1]:.5f}"
            for data, metrics in evals_log.items()
            for metric, values in metrics.items()
        ]
        log.write_line("\t".join([f"[{self._start + epoch}]", *scores]))
        return False


class SaveIntermediate(xgboost.callback.TrainingCallback):
    """save_model_on_termination: the model is on disk after every round, so even a killed job leaves one."""

    def __init__(self, path: Path, version: tuple[int, int] | None) -> None:
        self._path = path
        self._version = version

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        artifacts.write(model, self._path, self._version)
        return False


class StopWhenAsked(xgboost.callback.TrainingCallback):
    """Ends the training, as early stopping does, after the round in which SIGTERM came."""

    def __init__(self, stop: Stop, team: Team) -> None:
        self._stop = stop
        self._team = team

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        # The signal may come to one instance a round before it comes to another.
        return self._team.any(value=self._stop.requested)
