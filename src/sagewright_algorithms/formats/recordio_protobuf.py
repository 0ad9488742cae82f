"""RecordIO of protobuf Records: features ``values`` dense or sparse, label ``values``.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html#td-serialization
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.examples import Columns, Examples, Features, Floats, FormatError, ReadOptions
from sagewright_algorithms.formats.record import record_class, tensor_of


def read(path: Path, options: ReadOptions) -> Examples:
    """path: a file, or a FIFO that is read once. Raises FormatError, which names record and byte offset."""
    if options.weights:
        raise FormatError("weights are for CSV only; set csv_weights to 0")
    examples = _examples(path.read_bytes())
    if not options.label_size:
        examples.labels = None
    examples.sources = [(path.name, examples.rows)]
    return examples


def decode(body: bytes) -> Features:
    """(records, d). Raises FormatError. Labels are passed over."""
    examples = _examples(body)
    if not examples.rows:
        raise FormatError("no records")
    return examples.features


def _examples(data: bytes) -> Examples:
    return _alike(data) or _one_by_one(data)


def _alike(data: bytes) -> Examples | None:
    """Dense float32 records of one size, all at once; None where the records are not all like the first.

    Their bytes differ only where the values are, so the file is a table of equal rows.
    """
    if len(data) < recordio.HEADER.size:
        return None
    _, payload = next(recordio.records(data))
    record = _parse(payload, 1, 0)
    features, label = record.features, record.label
    if len(features) != 1 or len(label) > 1 or record.uid or record.metadata or record.configuration:
        return None
    spans = [_span(payload, tensor_of(features["values"])) if "values" in features else None]
    if label:
        spans.append(_span(payload, tensor_of(label["values"])) if "values" in label else None)
    stride = recordio.HEADER.size + recordio.padded(len(payload))
    if None in spans or len(data) % stride:
        return None
    table = np.frombuffer(data, np.uint8).reshape(-1, stride)
    fixed = np.ones(stride, bool)
    found: list[Floats] = []
    for span in spans:
        assert span is not None
        fixed[span] = False
        found.append(table[:, span].copy().view("<f4").astype(np.float32, copy=False))
    edges = np.flatnonzero(np.diff(np.r_[False, fixed, False]))
    for begin, end in edges.reshape(-1, 2):
        if (table[:, begin:end] != table[0, begin:end]).any():
            return None
    return Examples(found[0], found[1][:, 0].copy() if label and found[1].shape[1] == 1 else None)


def _span(payload: bytes, tensor: Any) -> slice | None:
    """Where a dense float32 tensor's values lie in a framed record; None where they cannot be told."""
    if tensor is None or tensor.DESCRIPTOR.name != "Float32Tensor" or tensor.keys or tensor.shape or not tensor.values:
        return None
    raw = np.array(tensor.values, "<f4").tobytes()
    begin = payload.find(raw)
    if begin < 0 or payload.find(raw, begin + 1) >= 0:
        return None
    return slice(recordio.HEADER.size + begin, recordio.HEADER.size + begin + len(raw))


def _one_by_one(data: bytes) -> Examples:
    rows: list[tuple[Any, Any, Any]] = []
    labels: list[float] = []
    for number, (offset, payload) in enumerate(recordio.records(data), 1):
        record = _parse(payload, number, offset)
        tensor = tensor_of(record.features["values"]) if "values" in record.features else None
        if tensor is None:
            raise FormatError(f"record {number} at byte {offset}: no features named 'values'")
        rows.append((tensor.values, tensor.keys, tensor.shape))
        label = tensor_of(record.label["values"]) if "values" in record.label else None
        if label is not None and len(label.values):
            labels.append(label.values[0])
    if labels and len(labels) != len(rows):
        raise FormatError(f"{len(labels)} of {len(rows)} records have a label")
    sparse = any(len(keys) or len(shape) for _, keys, shape in rows)
    features = _sparse(rows) if sparse else _dense(rows)
    return Examples(features, np.array(labels, np.float32) if labels else None)


def _parse(payload: bytes, number: int, offset: int) -> Any:
    from google.protobuf.message import DecodeError

    record = record_class()()
    try:
        record.ParseFromString(payload)
    except DecodeError as error:
        raise FormatError(f"record {number} at byte {offset}: not a protobuf Record: {error}") from error
    return record


def _dense(rows: list[tuple[Any, Any, Any]]) -> Floats:
    width = len(rows[0][0]) if rows else 0
    for number, (values, _, _) in enumerate(rows, 1):
        if len(values) != width:
            raise FormatError(f"record {number}: expected {width} features as in record 1, found {len(values)}")
    return np.array([values for values, _, _ in rows], np.float32).reshape(len(rows), width)


def _sparse(rows: list[tuple[Any, Any, Any]]) -> scipy.sparse.csr_matrix:
    """A record without keys is dense, or empty where it has a shape only."""
    indptr, indices, data, width = [0], [], [], 0
    for number, (values, keys, shape) in enumerate(rows, 1):
        columns = np.array(keys, np.int64) if len(keys) else np.arange(len(values))
        if len(columns) != len(values):
            raise FormatError(f"record {number}: {len(columns)} keys for {len(values)} values")
        width = max(width, int(shape[-1]) if len(shape) else 0, int(columns.max()) + 1 if len(columns) else 0)
        indices.append(columns)
        data.append(np.array(values, np.float32))
        indptr.append(indptr[-1] + len(columns))
    return scipy.sparse.csr_matrix((np.concatenate(data), np.concatenate(indices), indptr), shape=(len(rows), width))


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
