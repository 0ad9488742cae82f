"""AWS JSON 1.0 and 1.1: POST / with X-Amz-Target. Also the JSON bodies of rest-json.

Protocol: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire import faults, shapes
from sagewright.wire.http import Body, HttpRequest, HttpResponse
from sagewright.wire.shapes import Decode, Encode, Memo

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

    from sagewright.wire.route import Route

_DEPTH = 128
"""Levels of nesting beyond which a body is refused; no AWS shape comes near."""
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
    if shape.event_stream_name in result:
        return HttpResponse(200, headers | {"Content-Type": faults.EVENTS}, result[shape.event_stream_name])
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
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_constant)
        if _SURROGATE.search(data):
            _encode_check(value)
    except (ValueError, RecursionError):
        raise AwsError("SerializationException", "Unable to parse the request body as JSON.") from None
    if data.count(b"{") + data.count(b"[") > _DEPTH and _depth(value) > _DEPTH:
        raise AwsError("SerializationException", "The request body nests too deeply.")
    return value


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _encode_check(value: Any) -> None:
    """Refuse lone surrogates, which no later step could write out."""
    json.dumps(value, ensure_ascii=False).encode("utf-8")


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
        if depth > _DEPTH:
            break
    return depth


def serialization_error(message: str) -> AwsError:
    return AwsError("SerializationException", message)


# Decoding


@cache
def decoder(shape: Shape) -> Decode:
    """A decoder of JSON values of a shape, compiled once."""
    return Memo(_compile_decoder)(shape)


def decode_body(shape: Shape, data: bytes) -> dict[str, Any]:
    """A structure that is the whole body; an empty body is an empty structure."""
    if not data:
        return {}
    value = loads(data)
    if value is None:
        return {}
    decoded: dict[str, Any] = decoder(shape)(value)
    return decoded


def _compile_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    match shape.type_name:
        case "structure":
            return _document if shape.is_document_type else _structure_decoder(shape, memo)
        case "list":
            return _list_decoder(shape, memo)
        case "map":
            return _map_decoder(shape, memo)
        case "integer" | "long":
            return _integer_decoder(shape.type_name)
        case "timestamp":
            return _timestamp_decoder(shape)
        case kind:
            return _SCALARS[kind]


def _document(value: Any) -> Any:
    return value


def _structure_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    members: dict[str, tuple[str, Decode]] = {}

    def decode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise serialization_error(_unfit(value, "structure"))
        if not members:
            members.update({shapes.wire_name(m, name): (name, memo(m)) for name, m in shape.members.items()})
        decoded = {}
        for key, item in value.items():
            if item is not None and key in members:
                name, decode_member = members[key]
                decoded[name] = decode_member(item)
        return decoded

    return decode


def _list_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    plan: list[Decode] = []

    def decode(value: Any) -> list[Any]:
        if type(value) is not list:
            raise serialization_error(_unfit(value, "list"))
        if not plan:
            plan.append(memo(shape.member))
        decode_member = plan[0]
        return [None if item is None else decode_member(item) for item in value]

    return decode


def _map_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    plan: list[Decode] = []

    def decode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise serialization_error(_unfit(value, "map"))
        if not plan:
            plan.append(memo(shape.value))
        decode_value = plan[0]
        return {key: None if item is None else decode_value(item) for key, item in value.items()}

    return decode


def _integer_decoder(kind: str) -> Decode:
    low, high = shapes.LIMITS[kind]
    title = "Integer" if kind == "integer" else "Long"

    def decode(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise serialization_error(_unfit(value, title))
        return value

    return decode


def _timestamp_decoder(shape: Shape) -> Decode:
    form = shapes.timestamp_format(shape, shapes.EPOCH)

    def decode(value: Any) -> Any:
        try:
            if type(value) is str:
                return shapes.from_text(value, form)
            if type(value) in (int, float):
                return shapes.from_epoch(value)
        except ValueError:
            pass
        raise serialization_error(_unfit(value, "Timestamp"))

    return decode


def _string(value: Any) -> str:
    if type(value) is not str:
        raise serialization_error(_unfit(value, "String"))
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise serialization_error(_unfit(value, "Boolean"))
    return value


def _float(value: Any) -> float:
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if type(value) is not float:
        if type(value) is not int or abs(value) > 10**308:
            raise serialization_error(_unfit(value, "Double"))
        return float(value)
    return value


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise serialization_error(_unfit(value, "Blob"))
    try:
        return shapes.from_base64(value)
    except ValueError:
        raise serialization_error("Unable to decode a blob: it is not base64.") from None


_SCALARS: dict[str, Decode] = {
    "string": _string,
    "character": _string,
    "boolean": _boolean,
    "float": _float,
    "double": _float,
    "blob": _blob,
}
_TOKENS: dict[type, str] = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}


def _unfit(value: Any, wanted: str) -> str:
    """AWS's words for a JSON value of the wrong type."""
    if wanted in ("structure", "map"):
        return "Unexpected list found where a structure or map is expected." if isinstance(value, list) else _EXPECTED
    if wanted == "list":
        return "Expected list or null"
    if isinstance(value, dict):
        return "Start of structure or map found where not expected."
    if isinstance(value, list):
        return "Start of list found where not expected."
    token = str(value).upper() + "_VALUE" if isinstance(value, bool) else _TOKENS[type(value)]
    return f"{token} can not be converted to {'an' if wanted == 'Integer' else 'a'} {wanted}"


_EXPECTED = "Expected map or null"


# Encoding


@cache
def encoder(shape: Shape) -> Encode:
    """An encoder of results of a shape as JSON values, compiled once."""
    return Memo(_compile_encoder)(shape)


def _compile_encoder(shape: Shape, memo: Memo[Encode]) -> Encode:
    match shape.type_name:
        case "structure":
            return _document if shape.is_document_type else _structure_encoder(shape, memo)
        case "list":
            return _list_encoder(shape, memo)
        case "map":
            return _map_encoder(shape, memo)
        case "timestamp":
            form = shapes.timestamp_format(shape, shapes.EPOCH)
            return shapes.to_epoch if form == shapes.EPOCH else lambda value: shapes.to_text(value, form)
        case kind:
            return _PLAIN[kind]


def _structure_encoder(shape: Shape, memo: Memo[Encode]) -> Encode:
    members: dict[str, tuple[str, Encode]] = {}

    def encode(value: Any) -> dict[str, Any]:
        if not members:
            members.update({name: (shapes.wire_name(m, name), memo(m)) for name, m in shape.members.items()})
        encoded = {}
        key = ""
        try:
            for key, item in value.items():
                if item is not None:
                    name, encode_member = members[key]
                    encoded[name] = encode_member(item)
        except (KeyError, TypeError, AttributeError) as error:
            raise shapes.misfit(shape, key, members, error) from None
        return encoded

    return encode


def _list_encoder(shape: Shape, memo: Memo[Encode]) -> Encode:
    plan: list[Encode] = []

    def encode(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise TypeError(f"not a list: {value!r:.80}")
        if not plan:
            plan.append(memo(shape.member))
        encode_member = plan[0]
        return [None if item is None else encode_member(item) for item in value]

    return encode


def _map_encoder(shape: Shape, memo: Memo[Encode]) -> Encode:
    plan: list[Encode] = []

    def encode(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError(f"not a map: {value!r:.80}")
        if not plan:
            plan.append(memo(shape.value))
        encode_value = plan[0]
        return {shapes.string(key): None if item is None else encode_value(item) for key, item in value.items()}

    return encode


def _number(value: Any) -> Any:
    """JSON has no NaN: AWS sends its name."""
    shapes.number(value)
    if value != value or value in (float("inf"), float("-inf")):
        return shapes.float_text(value)
    return value


_PLAIN: dict[str, Encode] = {
    "string": shapes.string,
    "character": shapes.string,
    "integer": shapes.integer,
    "long": shapes.integer,
    "float": _number,
    "double": _number,
    "boolean": shapes.boolean,
    "blob": shapes.to_base64,
}
