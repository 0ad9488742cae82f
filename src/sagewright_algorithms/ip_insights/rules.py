"""IP Insights' rules across hyperparameters.

https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-hyperparameters.html
https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright_algorithms.contract.errors import ClientError

_MOST_NEGATIVES = 500
_LARGEST = 8_000_000_000
"""Bytes of a model."""


def negatives(values: Mapping[str, Any]) -> None:
    rates = [int(values.get(f"{kind}_negative_sampling_rate", 1)) for kind in ("random", "shuffled")]
    if not 1 <= sum(rates) <= _MOST_NEGATIVES:
        raise ClientError(
            "The sum of random_negative_sampling_rate and shuffled_negative_sampling_rate must be between 1 and "
            f"{_MOST_NEGATIVES}, found {sum(rates)}"
        )


def size(values: Mapping[str, Any]) -> None:
    found = 4 * int(values["num_entity_vectors"]) * int(values["vector_dim"])
    if found > _LARGEST:
        raise ClientError(
            f"num_entity_vectors = {values['num_entity_vectors']} and vector_dim = {values['vector_dim']} make a model "
            f"of {found / 1e9:.1f} GB; the maximum supported model size is {_LARGEST / 1e9:.0f} GB"
        )


RULES = (negatives, size)
