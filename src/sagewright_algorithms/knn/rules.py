"""k-NN's rules across hyperparameters.

https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_hyperparameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright_algorithms.contract.errors import ClientError

INDEX_TYPES = ("faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ")
PARTS = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96)
"""Into which faiss encodes a vector."""


def neighbours(values: Mapping[str, Any]) -> None:
    if values["k"] > values["sample_size"]:
        raise ClientError(f"k must not be larger than sample_size = {values['sample_size']}, found {values['k']}")


def lists(values: Mapping[str, Any]) -> None:
    found = values.get("faiss_index_ivf_nlists", "auto")
    if values.get("index_type", "faiss.Flat") != "faiss.Flat" and found != "auto" and found > values["sample_size"]:
        raise ClientError(
            f"faiss_index_ivf_nlists must not be larger than sample_size = {values['sample_size']}, found {found}"
        )


def reduction(values: Mapping[str, Any]) -> None:
    target = values.get("dimension_reduction_target")
    if values.get("dimension_reduction_type", "none") == "none":
        if target is not None:
            raise ClientError("dimension_reduction_target should only be set when dimension_reduction_type is set")
        return
    if target is None:
        raise ClientError("dimension_reduction_target is required when dimension_reduction_type is set")
    if target >= values["feature_dim"]:
        raise ClientError(
            f"dimension_reduction_target must be less than feature_dim = {values['feature_dim']}, found {target}"
        )


def parts(values: Mapping[str, Any]) -> None:
    found = values.get("faiss_index_pq_m")
    if found is None:
        return
    if values.get("index_type") != "faiss.IVFPQ":
        raise ClientError("faiss_index_pq_m should only be set when index_type is faiss.IVFPQ")
    if found not in PARTS:
        raise ClientError(f"faiss_index_pq_m must be one of {', '.join(map(str, PARTS))}, found {found}")


def metric(values: Mapping[str, Any]) -> None:
    found = values.get("index_metric", "L2")
    if values.get("index_type") == "faiss.IVFPQ" and found != "L2":
        raise ClientError(f"index_metric {found} is not supported when index_type is faiss.IVFPQ; use L2")


RULES = (neighbours, lists, reduction, parts, metric)
