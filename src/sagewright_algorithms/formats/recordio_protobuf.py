"""RecordIO of protobuf Records: features ``values`` dense or sparse, label ``values``.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html#td-serialization
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.examples import (
    Columns,
    Examples,
    Features,
    Floats,
    FormatError,
    ReadOptions,
    concatenate,
    csr,
)
from sagewright_algorithms.formats.record import record_class, tensor_of
from sagewright_algorithms.formats.record_table import Spans, Table, Tensor, Unlike

_WIDEST = (1 << 31) - 1
"""Columns of a sparse matrix whose indices are 32 bits."""

_FEW = 16
"""Fewer records than these, as in a request, are read faster one by one."""


@dataclass(slots=True)
class _Form:
    """What all records of a file have in common. width: features; None where no record has said. labelled: so too."""

    wanted: bool
    width: int | None = None
    labelled: bool | None = None


def stream(file: BinaryIO, options: ReadOptions) -> Iterator[Examples]:
    """The records, block by block. Raises FormatError, which names record and byte offset."""
    if options.weights:
        raise FormatError("weights are for CSV only; set csv_weights to 0")
    form = _Form(wanted=options.label_size > 0)
    for block in recordio.blocks(file):
        few = len(block.starts) < _FEW
        yield (None if few else _side_by_side(block, form)) or _one_by_one(block, form)


def decode(body: bytes) -> Features:
    """(records, d). Raises FormatError. Labels are passed over."""
    examples = concatenate(stream(io.BytesIO(body), ReadOptions(label_size=0)))
    if examples is None:
        raise FormatError("no records")
    return examples.features


def _side_by_side(block: recordio.Block, form: _Form) -> Examples | None:
    """All of the block at once; None where protobuf itself must read it, or say what is wrong with it."""
    table = Table(block.data, Spans(block.starts, block.starts + block.lengths))
    try:
        features, label = table.tensors()
        labels = _labels(table, label) if form.wanted and label else None
        dense = features.keys.empty and not (features.values.empty and not features.shape.empty)
        matrix, width = _dense(table, features) if dense else _sparse(table, features)
    except Unlike:
        return None
    labelled = labels is not None
    if form.labelled not in (None, labelled) or (None not in (form.width, width) and form.width != width):
        return None
    form.labelled, form.width = labelled, width if form.width is None else form.width
    return Examples(matrix, labels)


def _labels(table: Table, tensor: Tensor) -> Floats:
    labels, counts = table.numbers(tensor)
    if not tensor.keys.empty or (counts != 1).any():
        raise Unlike
    return labels


def _dense(table: Table, tensor: Tensor) -> tuple[Floats, int]:
    values, counts = table.numbers(tensor)
    width = int(counts[0])
    if (counts != width).any() or _width(table, tensor) not in (None, width):
        raise Unlike
    return values.reshape(len(counts), width), width


def _width(table: Table, tensor: Tensor) -> int | None:
    """That the shape of every record says; None where none has a shape."""
    if tensor.shape.empty:
        return None
    shapes, dimensions = table.integers(tensor.shape)
    if (dimensions != 1).any() or (shapes != shapes[0]).any():
        raise Unlike
    return int(shapes[0])


def _sparse(table: Table, tensor: Tensor) -> tuple[Any, int | None]:
    """The width is None where the records have no shape."""
    values, counts = table.numbers(tensor)
    keys, key_counts = table.integers(tensor.keys)
    width = _width(table, tensor)
    if (counts != key_counts).any():
        raise Unlike
    largest = int(keys.max(initial=0))
    columns = width if width is not None else largest + 1
    if columns > _WIDEST or (len(keys) and largest >= columns):
        raise Unlike
    return _csr(values, keys, counts, columns), width


def _csr(values: Floats, keys: Any, counts: NDArray[Any], columns: int) -> Any:
    indptr = np.r_[0, np.cumsum(counts)]
    return csr((values, np.asarray(keys, np.int32), indptr), (len(counts), columns))


def _one_by_one(block: recordio.Block, form: _Form) -> Examples:
    rows: list[tuple[Floats, list[int] | None]] = []
    labels: list[float] = []
    for index in range(len(block.starts)):
        try:
            record = _parse(block.payload(index))
            tensor = tensor_of(record.features["values"]) if "values" in record.features else None
            if tensor is None:
                raise FormatError("no features named 'values'")
            rows.append(_row(tensor, form))
            if form.wanted:
                labels += _label(record, form)
        except FormatError as error:
            raise FormatError(f"{block.name(index)}: {error}") from error
    return Examples(_matrix(rows, form), _floats(labels) if labels else None)


def _parse(payload: bytes) -> Any:
    from google.protobuf.message import DecodeError

    record = record_class()()
    try:
        record.ParseFromString(payload)
    except DecodeError as error:
        raise FormatError(f"not a protobuf Record: {error}") from error
    return record


def _row(tensor: Any, form: _Form) -> tuple[Floats, list[int] | None]:
    """(values, keys) of a record; keys are None where it is dense. One without values but with a shape is empty."""
    values = _floats(tensor.values)
    shape, keys = list(tensor.shape), list(tensor.keys)
    width = math.prod(shape) if shape else None if keys else len(values)
    if width is not None:
        if width > _WIDEST:
            raise FormatError(f"a shape of {shape} has more than {_WIDEST} features")
        if form.width is None:
            form.width = width
        elif width != form.width:
            raise FormatError(f"expected {form.width} features as in the records before it, found {width}")
    if not keys and (not shape or len(values)):
        if len(values) != width:
            raise FormatError(f"{len(values)} values for a shape of {shape}")
        return values, None
    if len(keys) != len(values):
        raise FormatError(f"{len(keys)} keys for {len(values)} values")
    limit = _WIDEST if form.width is None else form.width
    for key in keys:
        if key >= limit:
            raise FormatError(f"the key {key} is out of range: a record has {limit} features")
    return values, keys


def _floats(values: Any) -> Floats:
    # A double beyond float32 is infinite to the algorithms' checks, and NaN of any kind is NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def _label(record: Any, form: _Form) -> list[float]:
    tensor = tensor_of(record.label["values"]) if "values" in record.label else None
    values = list(tensor.values) if tensor is not None else []
    if len(values) > 1:
        raise FormatError(f"expected one label, found {len(values)}")
    if form.labelled not in (None, bool(values)):
        raise FormatError("a label, but the records before it have none" if values else "no label")
    form.labelled = bool(values)
    return values


def _matrix(rows: list[tuple[Floats, list[int] | None]], form: _Form) -> Features:
    if all(found is None for _, found in rows):
        return np.stack([values for values, _ in rows])
    keys = [np.arange(len(values)) if found is None else np.array(found, np.int64) for values, found in rows]
    joined = np.concatenate(keys)
    columns = int(joined.max(initial=-1)) + 1 if form.width is None else form.width
    return _csr(
        np.concatenate([values for values, _ in rows]), joined, np.array([len(found) for found in keys]), columns
    )


def encode(columns: Columns) -> bytes:
    """One Record a prediction; each column is a float32 tensor of its label map."""
    lists = {name: column.reshape(len(column), -1).tolist() for name, column in columns.items()}
    found = []
    for row in zip(*lists.values(), strict=True):
        record = record_class()()
        for name, values in zip(lists, row, strict=True):
            record.label[name].float32_tensor.values.extend(values)
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)
