"""AWS JSON 1.0 and 1.1: POST / with X-Amz-Target. Also the JSON bodies of rest-json.

Protocol: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire import events, shapes
from sagewright.wire.http import Body, HttpRequest, HttpResponse
from sagewright.wire.protocols import faults, trees
from sagewright.wire.shapes import Decode, Encode

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

    from sagewright.wire.route import Route

_MOST_CONTAINERS = 1_000_000
"""Objects and lists of a body; each takes far more memory than it has bytes."""
_SURROGATE = re.compile(rb"\\u[dD]")

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode


def parse(op: OperationModel, request: HttpRequest, route: Route, body: bytes | Body) -> dict[str, Any]:
    """The input of an operation. Raises AwsError SerializationException."""
    shape = op.input_shape
    data = faults.whole(request, body)
    if shape is None:
        return {}
    return decode_body(shape, data)


def serialize(op: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    """A response. Raises TypeError where the result does not fit the output shape."""
    shape = op.output_shape
    headers = {"x-amzn-RequestId": request_id, "Content-Type": _content_type(op)}
    if shape is None:
        if result:
            raise TypeError(f"{op.name} has no output, and was given {', '.join(result)}")
        return HttpResponse(200, headers, b"{}" if op.input_shape is None else b"")
    name = shape.event_stream_name
    if name in result:
        initial = dumps(encoder(shape)({key: value for key, value in result.items() if key != name}))
        stream = events.written(shape.members[name], result[name], EVENTS, initial)
        return HttpResponse(200, headers | {"Content-Type": events.CONTENT_TYPE}, stream)
    return HttpResponse(200, headers, dumps(encoder(shape)(result)))


def serialize_error(op: OperationModel | None, error: AwsError, request_id: str) -> HttpResponse:
    """``__type`` and message in the body; ``x-amzn-query-error`` for services that once spoke the query protocol."""
    fault = faults.fault(op, error)
    body = {"__type": fault.name, **error_members(fault)}
    headers = {"x-amzn-RequestId": request_id, "Content-Type": _content_type(op), **fault.headers}
    return HttpResponse(fault.status, headers, dumps(body))


def error_members(fault: faults.Fault) -> dict[str, Any]:
    """The error's members as JSON; those that its shape lacks are passed on where JSON can hold them."""
    known: dict[str, Any] = {}
    if fault.shape is not None:
        known = {name: value for name, value in fault.members.items() if name in fault.shape.members}
        members: dict[str, Any] = encoder(fault.shape)(known)
    else:
        members = {}
    extra = {name: value for name, value in fault.members.items() if name not in known}
    return members | {name: value if _plain(value) else str(value) for name, value in extra.items()}


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _content_type(op: OperationModel | None) -> str:
    version = op.metadata.get("jsonVersion", "1.1") if op is not None else "1.1"
    return f"application/x-amz-json-{version}"


# JSON text


def dumps(value: Any) -> bytes:
    return _encode(value).encode("ascii")


def loads(data: bytes) -> Any:
    """Raises AwsError for what is not JSON, is not UTF-8, or nests beyond reason."""
    containers = data.count(b"{") + data.count(b"[")
    if containers > _MOST_CONTAINERS:
        raise AwsError("SerializationException", "The request body has too many objects and lists.")
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_constant)
        if _SURROGATE.search(data):
            _encode_check(value)
    except (ValueError, RecursionError):
        raise AwsError("SerializationException", "Unable to parse the request body as JSON.") from None
    if containers > trees.DEPTH and trees.depth(value) > trees.DEPTH:
        raise AwsError("SerializationException", "The request body nests too deeply.")
    return value


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _encode_check(value: Any) -> None:
    """Refuse lone surrogates, which no later step could write out."""
    json.dumps(value, ensure_ascii=False).encode("utf-8")


def serialization_error(message: str) -> AwsError:
    return AwsError("SerializationException", message)


# Shapes


@cache
def decoder(shape: Shape) -> Decode:
    """A decoder of JSON values of a shape, compiled once; it raises AwsError SerializationException."""
    return trees.decoder(shape, _scalar_decoder)


@cache
def encoder(shape: Shape) -> Encode:
    """An encoder of results of a shape as JSON values, compiled once; it raises TypeError."""
    return trees.encoder(shape, _scalar_encoder, shapes.wire_name)


def decode_body(shape: Shape, data: bytes) -> dict[str, Any]:
    """A structure that is the whole body; an empty body is an empty structure."""
    value = loads(data) if data else None
    if value is None:
        return {}
    decoded: dict[str, Any] = decoder(shape)(value)
    return decoded


EVENTS = events.Form(
    "application/json",
    lambda shape, members: dumps(encoder(shape)(members)),
    lambda shape, data: decode_body(shape, data),
)
"""Payloads of event streams."""


def _scalar_decoder(shape: Shape) -> Decode:
    match shape.type_name:
        case "integer" | "long":
            return trees.integer_decoder(shape.type_name)
        case "timestamp":
            form = shapes.timestamp_format(shape, shapes.EPOCH)
            return lambda value: _timestamp(value, form)
        case kind:
            return _DECODERS[kind]


def _timestamp(value: Any, form: str) -> datetime:
    try:
        if type(value) is str:
            return shapes.from_text(value, form)
        if type(value) in (int, float):
            return shapes.from_epoch(value)
    except ValueError:
        pass
    raise trees.unfit(value, "Timestamp")


def _float(value: Any) -> float:
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if type(value) is not float:
        if type(value) is not int or abs(value) > 10**308:
            raise trees.unfit(value, "Double")
        return float(value)
    return value


def _blob(value: Any) -> bytes:
    try:
        return shapes.from_base64(trees.string(value))
    except ValueError:
        raise serialization_error("Unable to decode a blob: it is not base64.") from None


_DECODERS: dict[str, Decode] = {
    "string": trees.string,
    "character": trees.string,
    "boolean": trees.boolean,
    "float": _float,
    "double": _float,
    "blob": _blob,
}


def _scalar_encoder(shape: Shape) -> Encode:
    if shape.type_name == "timestamp":
        form = shapes.timestamp_format(shape, shapes.EPOCH)
        return shapes.to_epoch if form == shapes.EPOCH else lambda value: shapes.to_text(value, form)
    return _ENCODERS[shape.type_name]


def _number(value: Any) -> Any:
    """JSON has no NaN: AWS sends its name."""
    shapes.number(value)
    if value != value or value in (float("inf"), float("-inf")):
        return shapes.float_text(value)
    return value


_ENCODERS: dict[str, Encode] = {
    "string": shapes.string,
    "character": shapes.string,
    "integer": shapes.integer,
    "long": shapes.integer,
    "float": _number,
    "double": _number,
    "boolean": shapes.boolean,
    "blob": shapes.to_base64,
}
