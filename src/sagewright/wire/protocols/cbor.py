"""Smithy RPC v2 CBOR (CloudWatch and others).

Protocol: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cbor2

from sagewright.core.errors import AwsError
from sagewright.wire import events, shapes
from sagewright.wire.http import Body, HttpRequest, HttpResponse
from sagewright.wire.protocols import faults, trees
from sagewright.wire.shapes import Decode, Encode

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

    from sagewright.wire.route import Route

_CBOR = "application/cbor"
_ACCEPTED = {"", "*/*", "application/*", _CBOR, events.CONTENT_TYPE}
_LARGEST = 2**20
"""Bytes of a body, as CloudWatch takes them: each of them may be a list."""
_EPOCH_TAG = 1
_UNDEFINED = b"\xf7"


def parse(op: OperationModel, request: HttpRequest, route: Route, body: bytes | Body) -> dict[str, Any]:
    """The input of an operation. Raises AwsError SerializationException; 415 and 406 for other content types."""
    shape = op.input_shape
    data = faults.whole(request, body)
    _check_types(request, bool(data))
    if shape is None or not data:
        return {}
    members: dict[str, Any] = _decoder(shape)(_loads(data))
    return members


def _check_types(request: HttpRequest, has_body: bool) -> None:
    given = request.headers.get("content-type").partition(";")[0].strip().lower()
    if has_body and given not in ("", _CBOR):
        raise AwsError("UnsupportedMediaTypeException", f"The content type of the body is not {_CBOR}.", 415)
    wanted = {item.partition(";")[0].strip().lower() for item in request.headers.get("accept").split(",")}
    if wanted.isdisjoint(_ACCEPTED):
        raise AwsError("NotAcceptableException", f"The answer is {_CBOR}, which the client does not accept.", 406)


def serialize(op: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    """A response. Raises TypeError where the result does not fit the output shape."""
    shape = op.output_shape
    if shape is None:
        if result:
            raise TypeError(f"{op.name} has no output, and was given {', '.join(result)}")
        headers = _headers(request_id)
        del headers["Content-Type"]
        return HttpResponse(200, headers, b"")
    name = shape.event_stream_name
    if name in result:
        initial = cbor2.dumps(_encoder(shape)({key: value for key, value in result.items() if key != name}))
        stream = events.written(shape.members[name], result[name], EVENTS, initial)
        return HttpResponse(200, _headers(request_id) | {"Content-Type": events.CONTENT_TYPE}, stream)
    return HttpResponse(200, _headers(request_id), cbor2.dumps(_encoder(shape)(result)))


def serialize_error(op: OperationModel | None, error: AwsError, request_id: str) -> HttpResponse:
    """``__type`` and message in the body; ``x-amzn-query-error`` for services that once spoke the query protocol."""
    fault = faults.fault(op, error)
    members = fault.members
    if fault.shape is not None:
        known = {name: value for name, value in members.items() if name in fault.shape.members}
        members = members | _encoder(fault.shape)(known)
    members = {name: value if _plain(value) else str(value) for name, value in members.items()}
    body = cbor2.dumps({"__type": fault.name, **members})
    return HttpResponse(fault.status, _headers(request_id) | fault.headers, body)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bytes | list | dict | cbor2.CBORTag)


def _headers(request_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id, "smithy-protocol": "rpc-v2-cbor", "Content-Type": _CBOR}


def _refuse(*_: Any) -> Any:
    raise ValueError("this tag is not Smithy's")


_TAGS = dict.fromkeys((0, *range(2, 64), 100, 256, 258, 260, 261, 1004, 43000, 55799), _refuse)
"""The tags that cbor2 knows beyond Smithy's one: shared references, regular expressions, decimals ..."""


def _loads(data: bytes) -> Any:
    if len(data) > _LARGEST:
        raise AwsError("RequestEntityTooLargeException", f"Request body above {_LARGEST} bytes.", 413)
    decoder = cbor2.CBORDecoder(
        BytesIO(data), tag_hook=_refuse, semantic_decoders=_TAGS, max_depth=trees.DEPTH, strict_hashable_types=True
    )
    try:
        value = decoder.decode()
    except Exception:  # decoders of tags raise what they like
        raise _not_cbor() from None
    try:
        decoder.decode()
    except cbor2.CBORDecodeEOF:
        return _without_undefined(value) if _UNDEFINED in data else value
    except Exception:
        raise _not_cbor() from None
    raise _not_cbor()


def _not_cbor() -> AwsError:
    return AwsError("SerializationException", "Unable to parse the request body as CBOR.")


def _without_undefined(value: Any) -> Any:
    """Undefined is null to Smithy."""
    if isinstance(value, dict):
        return {key: _without_undefined(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_undefined(item) for item in value]
    return None if value is cbor2.undefined else value


@cache
def _decoder(shape: Shape) -> Decode:
    return trees.decoder(shape, _scalar_decoder)


@cache
def _encoder(shape: Shape) -> Encode:
    return trees.encoder(shape, _scalar_encoder, _own_name)


EVENTS = events.Form(
    _CBOR,
    lambda shape, members: cbor2.dumps(_encoder(shape)(members)),
    lambda shape, data: _decoder(shape)(_loads(data)),
)
"""Payloads of event streams."""


def _own_name(_: Shape, name: str) -> str:
    return name


def _scalar_decoder(shape: Shape) -> Decode:
    match shape.type_name:
        case "integer" | "long":
            return trees.integer_decoder(shape.type_name)
        case kind:
            return _DECODERS[kind]


def _timestamp(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise trees.unfit(value, "Timestamp")
    return value


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int and abs(value) < 10**308:
        return float(value)
    raise trees.unfit(value, "Double")


def _blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise trees.unfit(value, "Blob")
    return value


_DECODERS: dict[str, Decode] = {
    "string": trees.string,
    "character": trees.string,
    "boolean": trees.boolean,
    "float": _float,
    "double": _float,
    "blob": _blob,
    "timestamp": _timestamp,
}


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"not bytes: {value!r:.80}")
    return bytes(value)


def _scalar_encoder(shape: Shape) -> Encode:
    return _ENCODERS[shape.type_name]


_ENCODERS: dict[str, Encode] = {
    "string": shapes.string,
    "character": shapes.string,
    "integer": shapes.integer,
    "long": shapes.integer,
    "float": lambda value: float(shapes.number(value)),
    "double": lambda value: float(shapes.number(value)),
    "boolean": shapes.boolean,
    "blob": _bytes,
    "timestamp": lambda value: cbor2.CBORTag(_EPOCH_TAG, float(shapes.to_epoch(value))),
}
