"""The protobuf message ``aialgs.data.Record``, built at run time: no generated code to keep in step with a runtime.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html#td-serialization
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "aialgs.data"
_TENSORS = {"Float32Tensor": "TYPE_FLOAT", "Float64Tensor": "TYPE_DOUBLE", "Int32Tensor": "TYPE_INT32"}
_VALUES = {
    "float32_tensor": (2, "Float32Tensor"),
    "float64_tensor": (3, "Float64Tensor"),
    "int32_tensor": (7, "Int32Tensor"),
}


@cache
def record_class() -> Any:
    """The class Record: features and label (maps of name to Value), uid, metadata, configuration."""
    file = descriptor_pb2.FileDescriptorProto(name="aialgs/data/record.proto", package=_PACKAGE, syntax="proto2")
    for name, kind in _TENSORS.items():
        tensor = file.message_type.add(name=name)
        for number, (member, of) in enumerate((("values", kind), ("keys", "TYPE_UINT64"), ("shape", "TYPE_UINT64")), 1):
            _add(tensor, member, number, of, repeated=True).options.packed = True
    blob = file.message_type.add(name="Bytes")
    _add(blob, "value", 1, "TYPE_BYTES", repeated=True)
    _add(blob, "content_type", 2, "TYPE_STRING")
    value = file.message_type.add(name="Value")
    value.oneof_decl.add(name="value")
    for member, (number, kind) in {**_VALUES, "bytes": (9, "Bytes")}.items():
        _add(value, member, number, "TYPE_MESSAGE", message=kind).oneof_index = 0
    record = file.message_type.add(name="Record")
    for number, member in enumerate(("features", "label"), 1):
        _add_map(record, member, number)
    for number, member in enumerate(("uid", "metadata", "configuration"), 3):
        _add(record, member, number, "TYPE_STRING")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Record"))


def _add(parent: Any, name: str, number: int, kind: str, *, repeated: bool = False, message: str = "") -> Any:
    proto = descriptor_pb2.FieldDescriptorProto
    field = parent.field.add(name=name, number=number, type=getattr(proto, kind))
    field.label = proto.LABEL_REPEATED if repeated else proto.LABEL_OPTIONAL
    if message:
        field.type_name = f".{_PACKAGE}.{message}"
    return field


def _add_map(parent: Any, name: str, number: int) -> None:
    entry = parent.nested_type.add(name=f"{name.capitalize()}Entry")
    entry.options.map_entry = True
    _add(entry, "key", 1, "TYPE_STRING")
    _add(entry, "value", 2, "TYPE_MESSAGE", message="Value")
    _add(parent, name, number, "TYPE_MESSAGE", repeated=True, message=f"Record.{entry.name}")


def tensor_of(value: Any) -> Any:
    """The tensor that a Value holds, with its values, keys and shape; None where it holds none."""
    name = value.WhichOneof("value")
    return getattr(value, name) if name in _VALUES else None
