"""Factorization machines' hyperparameters.

https://docs.aws.amazon.com/sagemaker/latest/dg/fact-machines-hyperparameters.html; defaults as AWS's container prints
them, and those that it alone knows, with an underscore or without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.hyperparameters import (
    Boolean,
    Categorical,
    Continuous,
    Hyperparameter,
    Integer,
    Interval,
    Tunable,
)

_POSITIVE = Interval(0)
_RANGE = Tunable(1e-8, 512)

TERMS: Mapping[str, tuple[str, str, str, str]] = {
    "bias": ("the bias", "0.1", "0.01", "0.01"),
    "linear": ("the linear terms", "0.001", "0.001", "0.01"),
    "factors": ("the factors", "0.0001", "0.00001", "0.001"),
}
"""Prefix -> words for people, and the defaults of learning rate, weight decay and standard deviation."""


def _of_term(term: str) -> Iterator[Hyperparameter]:
    words, rate, decay, sigma = TERMS[term]
    yield Continuous(f"{term}_lr", f"The learning rate of {words}", default=rate, tunable=_RANGE, range=_POSITIVE)
    yield Continuous(f"{term}_wd", f"The weight decay of {words}", default=decay, tunable=_RANGE, range=_POSITIVE)
    yield Categorical(
        f"{term}_init_method", f"How {words} begin", default="normal", values=("normal", "uniform", "constant")
    )
    yield Continuous(
        f"{term}_init_scale", "How far from zero a uniform beginning reaches", tunable=_RANGE, range=_POSITIVE
    )
    yield Continuous(
        f"{term}_init_sigma",
        "The standard deviation of a normal beginning",
        default=sigma,
        tunable=_RANGE,
        range=_POSITIVE,
    )
    yield Continuous(f"{term}_init_value", "The value of a constant beginning", tunable=_RANGE)


HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Integer("feature_dim", "The number of features", required=True, range=Interval(1)),
    Integer("num_factors", "The factors of a feature", required=True, range=Interval(1)),
    Categorical(
        "predictor_type",
        "Whether labels are classes or numbers",
        required=True,
        values=("binary_classifier", "regressor"),
    ),
    Integer("epochs", "The passes over the training data", default="1", tunable=Tunable(1, 1000), range=Interval(1)),
    Integer(
        "mini_batch_size",
        "The records of a mini-batch",
        default="1000",
        tunable=Tunable(100, 10_000),
        range=Interval(1),
    ),
    Continuous("clip_gradient", "The largest magnitude of a gradient; zero or less: any"),
    Continuous("eps", "What Adam adds to its divisors"),
    Continuous("rescale_grad", "What gradients, sums over a mini-batch, are multiplied by"),
    *(row for term in TERMS for row in _of_term(term)),
    Boolean("use_bias", "Whether there is a bias", default="true"),
    Boolean("use_linear", "Whether there are linear terms", default="true"),
    Integer(
        "batch_metrics_publish_interval",
        "The mini-batches from one line of metrics to the next",
        default="500",
        range=Interval(1),
    ),
    Categorical("_data_format", default="record", values=("record",)),
    Continuous("_learning_rate", "Multiplies all learning rates", default="1.0", range=_POSITIVE),
    Categorical("_optimizer", default="adam", values=("adam",)),
    Boolean("_use_full_symbolic", default="true"),
    Continuous("_wd", "Multiplies all weight decays", default="1.0", range=_POSITIVE),
)

DEFAULTS: dict[str, Any] = {row.name: row.parse(row.default) for row in HYPERPARAMETERS if row.default is not None}
"""What an unset hyperparameter is, parsed."""

_NEEDED = {"uniform": "init_scale", "constant": "init_value"}


def _a_beginning_is_complete(values: Mapping[str, Any]) -> None:
    for term in TERMS:
        method = values.get(f"{term}_init_method")
        if method not in _NEEDED:
            continue
        needed = f"{term}_{_NEEDED[method]}"
        if needed not in values:
            raise ClientError(f"{needed} is required where {term}_init_method is '{method}'")


RULES = (_a_beginning_is_complete,)
