"""Hyperband against Random with the same number of epochs to spend: linear learner on adult."""

from __future__ import annotations

import contextlib
import json
import os
import re
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import adult
from sagewright.services.sagemaker.tuning import stopping
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run as job
from sagewright_algorithms.linear_learner.spec import SPEC
from sagewright_tuning.propose import Task, Trial, propose
from sagewright_tuning.space import Range

_SEEDS, _TRIALS, _PARALLEL, _EPOCHS, _ROWS = 10, 49, 3, 27, 6000
_RANGES = [
    Range("learning_rate", "continuous", 1e-5, 1.0, "Logarithmic"),
    Range("wd", "continuous", 1e-7, 1.0, "Logarithmic"),
    Range("mini_batch_size", "integer", 20, 2000, "Logarithmic"),
]
_LOSS = re.compile(r"epoch=\d+, validation binary_classification_cross_entropy_objective <loss>=(\S+)")
Values = Mapping[str, str]


def run() -> Iterator[str]:
    if not adult.there():
        yield "not run: there is no adult data set in ../shared/data"
        return
    channels = _channels()

    @cache
    def curve(values: tuple[tuple[str, str], ...]) -> list[float]:
        return _curve(channels, dict(values))

    best: dict[str, list[float]] = {"Hyperband": [], "Random": []}
    epochs = []
    for seed in range(_SEEDS):
        found, spent = _hyperband(curve, seed)
        best["Hyperband"].append(found)
        best["Random"].append(_random(curve, seed, spent))
        epochs.append(spent)
    shown = ", ".join(f"{name} {statistics.median(losses):.5f}" for name, losses in best.items())
    better = sum(a < b for a, b in zip(*best.values(), strict=True))
    yield (
        f"adult, validation loss, median best over {_SEEDS} seeds of {statistics.median(epochs):g} epochs: {shown} "
        f"(reach: Hyperband the least); Hyperband the better in {better}"
    )


def _hyperband(curve: Any, seed: int) -> tuple[float, int]:
    """The best loss of _TRIALS trials, _PARALLEL at a time an epoch each, and the epochs that they took.

    As the service does it: those that fall behind in their bracket are stopped.
    """
    brackets = stopping.brackets(1, _EPOCHS)
    bracket = cache(lambda number: stopping.bracket_of(number, len(brackets)))
    chosen = propose(Task("Hyperband", _RANGES, [], _TRIALS, maximize=False, seed=seed))
    series: dict[str, list[float]] = {}
    waiting, running = list(range(_TRIALS)), []
    while waiting or running:
        while waiting and len(running) < _PARALLEL:
            running.append(waiting.pop(0))
        for number in list(running):
            told = series.setdefault(str(number), [])
            told.append(curve(tuple(chosen[number].items()))[len(told)])
            own = bracket(number)
            others = {name: each for name, each in series.items() if bracket(int(name)) == own}
            if len(told) == _EPOCHS or stopping.halved(str(number), others, brackets[own], maximize=False):
                running.remove(number)
    return min(min(each) for each in series.values()), sum(map(len, series.values()))


def _random(curve: Any, seed: int, budget: int) -> float:
    """The best loss of as many whole trials as the epochs allow; the last one has what is left."""
    trials: list[Trial] = []
    best = float("inf")
    while budget > 0:
        (values,) = propose(Task("Random", _RANGES, trials, 1, maximize=False, seed=seed))
        trials.append(Trial(values, ended=True))
        best = min(best, *curve(tuple(values.items()))[:budget])
        budget -= _EPOCHS
    return best


def _curve(channels: Mapping[str, bytes], values: Values) -> list[float]:
    """The validation loss after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        config = base / "input" / "config"
        config.mkdir(parents=True)
        given = {"predictor_type": "binary_classifier", "epochs": str(_EPOCHS), "num_models": "1", **values}
        given |= {"early_stopping_patience": str(_EPOCHS)}
        for name, table in channels.items():
            place = base / "input" / "data" / name
            place.mkdir(parents=True)
            (place / "rows.csv").write_bytes(table)
        (config / "hyperparameters.json").write_text(json.dumps(given))
        (config / "inputdataconfig.json").write_text(
            json.dumps({name: {"ContentType": "text/csv"} for name in channels})
        )
        with _logged(base / "log"):
            status = job(SPEC, Environment(base))
        said = (base / "log").read_text()
    assert status == 0, said
    losses = [float(each) for each in _LOSS.findall(said)]
    return [each if np.isfinite(each) else 1e9 for each in losses]


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """A job writes to the file descriptor of stdout itself."""
    own = os.dup(1)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 1)
            yield
    finally:
        os.dup2(own, 1)
        os.close(own)


def _channels() -> dict[str, bytes]:
    """Some rows of adult, the label first."""
    (features, labels), _ = adult.tables()
    chosen = np.random.default_rng(0).permutation(len(labels))[:_ROWS]
    rows = np.column_stack([labels[chosen], features[chosen]])
    cut = _ROWS * 2 // 3
    return {"train": _csv(rows[:cut]), "validation": _csv(rows[cut:])}


def _csv(rows: Any) -> bytes:
    return "".join(",".join(f"{value:.5g}" for value in row) + "\n" for row in rows).encode()
