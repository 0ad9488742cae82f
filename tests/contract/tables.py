"""Rows as training files and requests of AWS's algorithms on tables have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class

Array = np.ndarray[Any, Any]


def csv(table: Array) -> bytes:
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table).encode()


def records(features: Array, labels: Array | None = None, *, sparse: bool = False) -> bytes:
    found = []
    for index, row in enumerate(features):
        record = record_class()()
        tensor = record.features["values"].float32_tensor
        columns = np.flatnonzero(row) if sparse else np.arange(len(row))
        tensor.values.extend(row[columns].tolist())
        if sparse:
            tensor.keys.extend(columns.tolist())
            tensor.shape.append(len(row))
        if labels is not None:
            record.label["values"].float32_tensor.values.append(float(labels[index]))
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


def requests(rows: Array) -> dict[str, bytes]:
    """Content type -> the rows as a request."""
    dense = [{"features": row} for row in rows.tolist()]
    return {
        "text/csv": csv(rows),
        "application/json": json.dumps({"instances": dense}).encode(),
        "application/jsonlines": "".join(f"{json.dumps(instance)}\n" for instance in dense).encode(),
        "application/x-recordio-protobuf": records(rows),
    }


def other_requests(rows: Array) -> list[tuple[str, bytes]]:
    """The same in the forms that are left: nested and sparse."""
    nested = [{"data": {"features": {"values": row}}} for row in rows.tolist()]
    sparse = [
        {"data": {"features": {"keys": list(range(len(row))), "shape": [len(row)], "values": row}}}
        for row in rows.tolist()
    ]
    found = [("application/json", json.dumps({"instances": some}).encode()) for some in (nested, sparse)]
    return [*found, ("application/x-recordio-protobuf", records(rows, sparse=True))]


def answered(body: bytes, names: Sequence[str]) -> list[list[list[float]]]:
    """What a recordio-protobuf response says: of each record, the values of the labels named."""
    labels = [record_class().FromString(payload).label for _, payload in recordio.records(body)]
    return [[list(label[name].float32_tensor.values) for name in names] for label in labels]
