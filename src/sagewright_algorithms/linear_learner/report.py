"""What the job's log says, in the lines of AWS's container."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log, report
from sagewright_algorithms.linear_learner.scaling import Scaler

Array = NDArray[Any]

_MINIMISED = ("objective", "mse", "rmse", "absolute_loss")


class Report(report.Report):
    """host: this instance's name."""

    def __init__(self, host: str) -> None:
        super().__init__(host, "Linear Learner")

    def scaler(self, scaler: Scaler) -> None:
        log.info("Scaling model computed with parameters:")
        log.write_line(
            f" {{'stdev_label': {scaler.label_scale!r}, 'stdev_weight': {_short(scaler.factor, inverse=True)}, "
            f"'mean_label': {scaler.label_shift!r}, 'mean_weight': {_short(scaler.shift)}}}"
        )

    def losses(self, epoch: int, channel: str, objective: str, losses: Array) -> None:
        """Each model's, as a structured line; the epoch's line has model 0's."""
        for number, loss in enumerate(losses.tolist()):
            self.metrics({f"{channel}_{objective}": loss}, epoch=epoch, model=number)
        self.quality(f"epoch={epoch}, {channel} {objective}", float(losses[0]), loss=True)

    def criterion(self, epoch: int, name: str, value: float, *, improved: bool, waited: int) -> None:
        log.info(f"#early_stopping_criteria_metric: host={self.host}, epoch={epoch}, criteria={name}, value={value!r}")
        if improved:
            log.info(f"Epoch {epoch}: Loss improved. Updating best model")
        else:
            log.info(f"Epoch {epoch}: Loss has not improved for {waited} epochs.")

    def epoch_end(self, epoch: int, epochs: int, rows: int, seconds: float, *, improved: bool) -> None:
        if improved:
            log.info(f"Saving model for epoch: {epoch}")
        self.progress(epoch + 1, epochs)
        self.throughput(rows, seconds)

    def scores(self, channel: str, results: Sequence[tuple[str, float]]) -> None:
        for name, value in results:
            self.score(channel, name, value)
        for name, value in results:
            self.quality(f"{channel} {name}", value, loss=name.endswith(_MINIMISED))

    def model(self, settings: str) -> None:
        log.info(f"Best model found for hyperparameters: {settings}")

    def end(self, epochs: int) -> None:
        self.total(epochs=epochs)


def _short(array: Array | None, *, inverse: bool = False) -> str:
    if array is None:
        return "None"
    return np.array2string(1 / array if inverse else array, threshold=6)
