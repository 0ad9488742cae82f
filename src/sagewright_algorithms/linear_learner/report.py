"""What the job's log says, in the lines of AWS's container."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.linear_learner.scaling import Scaler

Array = NDArray[Any]

_MINIMISED = ("objective", "mse", "rmse", "absolute_loss")


class Report:
    """host: this instance's name."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._begin = time.time()

    def scaler(self, scaler: Scaler) -> None:
        log.info("Scaling model computed with parameters:")
        log.write_line(
            f" {{'stdev_label': {scaler.label_scale!r}, 'stdev_weight': {_short(scaler.factor, inverse=True)}, "
            f"'mean_label': {scaler.label_shift!r}, 'mean_weight': {_short(scaler.shift)}}}"
        )

    def losses(self, epoch: int, channel: str, objective: str, losses: Array) -> None:
        """Each model's, as a structured line; the epoch's line has model 0's."""
        for number, loss in enumerate(losses.tolist()):
            self._metrics({f"{channel}_{objective}": loss}, {"epoch": epoch, "model": number})
        self._quality(f"epoch={epoch}, {channel} {objective}", float(losses[0]))

    def criterion(self, epoch: int, name: str, value: float, *, improved: bool, waited: int) -> None:
        log.info(f"#early_stopping_criteria_metric: host={self._host}, epoch={epoch}, criteria={name}, value={value!r}")
        if improved:
            log.info(f"Epoch {epoch}: Loss improved. Updating best model")
        else:
            log.info(f"Epoch {epoch}: Loss has not improved for {waited} epochs.")

    def epoch_end(self, epoch: int, epochs: int, rows: int, seconds: float, *, improved: bool) -> None:
        if improved:
            log.info(f"Saving model for epoch: {epoch}")
        log.info(f"#progress_metric: host={self._host}, completed {100 * (epoch + 1) // epochs} % of epochs")
        log.info(
            f"#throughput_metric: host={self._host}, train throughput={rows / max(seconds, 1e-9)!r} records/second"
        )

    def scores(self, channel: str, results: Sequence[tuple[str, float]]) -> None:
        for name, value in results:
            log.info(f"#{channel}_score ({self._host}) : ({name!r}, {value!r})")
        for name, value in results:
            self._quality(f"{channel} {name}", value)

    def no_test(self) -> None:
        log.info("Test data is not provided.")

    def model(self, settings: str) -> None:
        log.info(f"Best model found for hyperparameters: {settings}")

    def end(self, epochs: int) -> None:
        self._metrics({"epochs": epochs, "totaltime": (time.time() - self._begin) * 1000}, {})

    def _quality(self, what: str, value: float) -> None:
        kind = "loss" if what.endswith(_MINIMISED) else "score"
        log.info(f"#quality_metric: host={self._host}, {what} <{kind}>={value!r}")

    def _metrics(self, values: dict[str, float], dimensions: dict[str, Any]) -> None:
        now = time.time()
        document = {
            "StartTime": now,
            "EndTime": now,
            "Dimensions": {"Algorithm": "Linear Learner", "Host": self._host, "Operation": "training", **dimensions},
            "Metrics": {name: {"sum": v, "count": 1, "min": v, "max": v} for name, v in values.items()},
        }
        log.write_line(f"#metrics {json.dumps(document)}")


def _short(array: Array | None, *, inverse: bool = False) -> str:
    if array is None:
        return "None"
    return np.array2string(1 / array if inverse else array, threshold=6)
