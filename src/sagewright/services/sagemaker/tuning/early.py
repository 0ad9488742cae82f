"""Which running trials of a tuning job are to be stopped early. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sagewright.services.sagemaker.tuning import stopping, trials
from sagewright.services.sagemaker.tuning.jobs import maximizes
from sagewright.services.sagemaker.tuning.request import definitions
from sagewright.store import Document

_EPOCHS = ("epochs", "num_round", "num_epochs", "max_epochs", "n_epochs")
"""Hyperparameters that tell Hyperband's largest resource where its configuration does not."""


def behind(document: Document) -> list[str]:
    """The names of the training jobs."""
    config, found = document.body["request"]["HyperParameterTuningJobConfig"], document.body["state"]["Trials"]
    if config["Strategy"] == "Hyperband":
        return [found[position]["Name"] for position in _running(found) if _halved(document, position)]
    if config.get("TrainingJobEarlyStoppingType") != "Auto":
        return []
    return [found[position]["Name"] for position in _running(found) if _below_median(document, found[position])]


def _running(found: Sequence[trials.Trial]) -> Iterator[int]:
    """The positions of those that have told something."""
    for position, each in enumerate(found):
        if each["Status"] == "InProgress" and each.get("Series") and not each.get("Early"):
            yield position


def _below_median(document: Document, trial: trials.Trial) -> bool:
    others = [
        each["Series"]
        for each in document.body["state"]["Trials"]
        if each["Definition"] == trial["Definition"] and trials.succeeded(each) and each.get("Series")
    ]
    return stopping.below_median(trial["Series"], others, maximize=maximizes(document, trial["Definition"]))


def _halved(document: Document, position: int) -> bool:
    found = document.body["state"]["Trials"]
    trial = found[position]
    largest, smallest = _resources(document, trial["Definition"])
    if not largest:
        return False
    brackets = stopping.brackets(smallest, largest)
    own = stopping.bracket_of(position, len(brackets))
    series = {
        each["Name"]: each["Series"]
        for number, each in enumerate(found)
        if each.get("Series")
        and each["Definition"] == trial["Definition"]
        and stopping.bracket_of(number, len(brackets)) == own
    }
    return stopping.halved(trial["Name"], series, brackets[own], maximize=maximizes(document, trial["Definition"]))


def _resources(document: Document, definition: int) -> tuple[int, int]:
    """MaxResource, 0 where nothing tells it, and MinResource, in epochs."""
    request = document.body["request"]
    config = request["HyperParameterTuningJobConfig"].get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    static = definitions(request)[definition].get("StaticHyperParameters", {})
    told = next((int(static[name]) for name in _EPOCHS if static.get(name, "").isdigit()), 0)
    return config.get("MaxResource", told), config.get("MinResource", 1)
