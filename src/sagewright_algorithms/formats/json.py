"""JSON requests ``{"instances": [...]}`` and responses ``{"predictions": [...]}`` of the first-party algorithms.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sagewright_algorithms.formats.examples import Columns, Features, FormatError, csr


def decode(body: bytes) -> Features:
    """(instances, d). Raises FormatError, which names the instance."""
    return features_of(instances_of(body))


def instances_of(body: bytes) -> list[Any]:
    """A request's instances, one or more. Raises FormatError."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from error
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list) or not instances:
        raise FormatError('expected {"instances": [...]} with at least one instance')
    return instances


def features_of(instances: Sequence[Any]) -> Features:
    """Instances in AWS's forms: ``features`` as a list, or ``data.features.values`` dense or with keys and shape."""
    tensors = [tensor_of(instance, number) for number, instance in enumerate(instances, 1)]
    if any(isinstance(tensor, dict) and "keys" in tensor for tensor in tensors):
        from scipy.sparse import vstack

        matrices = [_sparse(tensor, number) for number, tensor in enumerate(tensors, 1)]
        _check_alike([matrix.shape[1] for matrix in matrices])
        return vstack(matrices, "csr")
    rows = [tensor["values"] if isinstance(tensor, dict) else tensor for tensor in tensors]
    _check_alike([len(row) for row in rows])
    try:
        return np.array(rows, np.float32)
    except (TypeError, ValueError) as error:
        raise FormatError(f"a feature is not a number: {error}") from error


def tensor_of(instance: Any, number: int) -> Any:
    """The features of an instance in AWS's forms: a list, or an object with a list of values. Raises FormatError."""
    if isinstance(instance, dict):
        found = instance.get("data", instance)
        found = found.get("features") if isinstance(found, dict) else None
        if isinstance(found, list) or (isinstance(found, dict) and isinstance(found.get("values"), list)):
            return found
    raise FormatError(f"instance {number}: no features")


def _check_alike(widths: Sequence[int]) -> None:
    for number, width in enumerate(widths, 1):
        if width != widths[0]:
            raise FormatError(f"instance {number}: expected {widths[0]} features as in instance 1, found {width}")


def _sparse(tensor: Any, number: int) -> Any:
    try:
        keys, values, width = tensor["keys"], tensor["values"], int(tensor["shape"][-1])
        for key in keys:
            # scipy does not check: it would read and write beyond the row.
            if not isinstance(key, int) or not 0 <= key < width:
                raise ValueError(f"the key {key} is out of range of {width} features")
        return csr((np.array(values, np.float32), keys, [0, len(keys)]), (1, width))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise FormatError(f"instance {number}: a sparse instance needs keys, values and shape: {error}") from error


def objects(columns: Columns) -> Iterator[dict[str, Any]]:
    """One object a prediction."""
    lists = {name: column.tolist() for name, column in columns.items()}
    for row in zip(*lists.values(), strict=True):
        yield dict(zip(lists, row, strict=True))


def encode(columns: Columns, root: str = "predictions") -> bytes:
    return json.dumps({root: list(objects(columns))}).encode()
