"""The channels' data as libxgboost's matrices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.channels import Channel, warn_of_redundancy
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.formats.examples import Examples, ReadOptions, widen
from sagewright_algorithms.xgboost import labels

_RAW_ENTRY_BYTES = 8
"""Of a value in a DMatrix: its column and itself."""


def read(job: TrainingJob) -> dict[str, Examples]:
    """train and, where the job has it, validation; checked, and with the same width. Raises ClientError.

    Empty where one of them has no data on this instance of several.
    """
    channels = [job.channels[name] for name in ("train", "validation") if name in job.channels]
    found = [(channel, _read(channel, job.hyperparameters)) for channel in channels]
    data = {channel.name: examples for channel, examples in found if examples is not None}
    for channel in channels:
        if channel.name not in data:
            _miss(channel, job)
    if len(data) < len(channels):
        return {}
    if len(data) == 2:
        warn_of_redundancy([job.channels[name] for name in data])
        _fit_widths(data, job.channels["validation"])
    return data


def _miss(channel: Channel, job: TrainingJob) -> None:
    kind = "training" if channel.name == "train" else channel.name
    if job.collective.size == 1:
        raise ClientError(f"No data in {kind} channel path {channel.path}")
    log.warning(
        f"Host {job.environment.current_host} does not have {kind} data ({channel.name} channel). It will not be used "
        "in distributed training: divide the channel's objects over the instances, at least one each."
    )


def _read(channel: Channel, values: Mapping[str, Any]) -> Examples | None:
    label_size = channel.content_type.parameters.get("label_size", "1")
    if channel.format == "csv" and label_size != "1":
        raise ClientError(
            f"{channel.content_type.name};label_size={label_size} is not an accepted csv ContentType. "
            "Optional parameter label_size must be equal to 1"
        )
    weights = channel.format == "csv" and values.get("csv_weights") == 1
    examples = channel.read(ReadOptions(label_size=1, weights=weights))
    if examples is not None:
        labels.check(examples, channel, values)
    return examples


def _fit_widths(data: Mapping[str, Examples], validation: Channel) -> None:
    """libsvm and sparse records leave out trailing zeros, so that their widths may differ; dense data must agree."""
    train, other = data["train"].features, data["validation"].features
    if isinstance(train, np.ndarray) and isinstance(other, np.ndarray) and train.shape[1] != other.shape[1]:
        raise validation.fault(f"{other.shape[1]} features a row, but the train channel has {train.shape[1]}")
    width = max(train.shape[1], other.shape[1])
    for examples in data.values():
        if not isinstance(examples.features, np.ndarray):
            examples.features = widen(examples.features, width)


def fit_to_others(data: Mapping[str, Examples], job: TrainingJob) -> None:
    """Widens sparse rows to the widest of all instances. Raises ClientError where dense rows differ.

    data: empty on an instance without any.
    """
    own = int(data["train"].features.shape[1]) if data else 0
    width = int(np.concatenate(job.collective.gather(np.array([own]))).max())
    for name, examples in data.items():
        if not isinstance(examples.features, np.ndarray):
            examples.features = widen(examples.features, width)
        elif own != width:
            raise job.channels[name].fault(f"{own} features a row, but another instance has {width}")


def share_of(data: Mapping[str, Examples], number: int, count: int) -> dict[str, Examples]:
    """The part of replicated rows that is the instance's with this number."""
    return {
        name: examples.part(examples.rows * number // count, examples.rows * (number + 1) // count)
        for name, examples in data.items()
    }


def should_quantize(examples: Examples, parameters: Mapping[str, Any], *, resumed: bool) -> bool:
    """Whether to train on a quantised matrix: half the memory and the very same model, but slower to build.

    A resumed training predicts with trees whose cuts the quantised matrix may not have.
    """
    raw_bytes = examples.features.size * _RAW_ENTRY_BYTES
    return (
        raw_bytes > _free_memory() / 2
        and not resumed
        and parameters.get("booster", "gbtree") != "gblinear"
        and parameters.get("tree_method", "auto") in ("auto", "hist")
        and "updater" not in parameters
        and parameters.get("process_type", "default") == "default"
    )


def _free_memory() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def matrix(examples: Examples, parameters: Mapping[str, Any], like: Any = None, *, quantize: bool = False) -> Any:
    """A DMatrix. like: the quantised training matrix, whose cuts a validation matrix shares."""
    options: dict[str, Any] = {
        "label": examples.labels,
        "weight": examples.weights,
        "nthread": parameters.get("nthread"),
    }
    if parameters.get("objective") == "survival:aft":
        options |= _survival_bounds(options.pop("label"))
    if examples.groups is not None:
        options["group"] = _run_lengths(examples.groups)
    if not quantize:
        return xgboost.DMatrix(examples.features, **options)
    if "max_bin" in parameters:
        options["max_bin"] = parameters["max_bin"]
    return xgboost.QuantileDMatrix(examples.features, ref=like, **options)


def _survival_bounds(times: Any) -> dict[str, Any]:
    """A negative time is right-censored at its absolute value, the convention of survival:cox."""
    upper = np.where(times < 0, np.inf, times).astype(np.float32)
    return {"label": times, "label_lower_bound": np.abs(times), "label_upper_bound": upper}


def _run_lengths(groups: Any) -> Any:
    """Rows of a query stand together."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.diff(np.r_[starts, len(groups)])
