"""The query protocols: a form with Action in, XML out (STS, IAM, CloudFormation; EC2 with its own dialect).

Protocol: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from sagewright.core.errors import AwsError
from sagewright.wire import shapes
from sagewright.wire.http import Body, HttpRequest, HttpResponse
from sagewright.wire.protocols import faults, xml
from sagewright.wire.shapes import Memo

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

    from sagewright.wire.route import Route

_DEPTH = 64
"""Dots in a parameter's name beyond which a form is refused."""

_MOST_FIELDS = 100_000
"""PutMetricData with all that it may have comes to 64,000."""

Tree = dict[str, Any]
"""A form as a tree by the dots in its names; a node's own value is under the empty name."""

Decode = Callable[[Tree], Any]


def parse(op: OperationModel, request: HttpRequest, route: Route, body: bytes | Body) -> dict[str, Any]:
    """The input of an operation. Raises AwsError MalformedInput or MalformedQueryString."""
    data = faults.whole(request, body)
    form = form_of(data) if data else form_of(request.query.encode("latin-1"))
    shape = op.input_shape
    if shape is None:
        return {}
    members: dict[str, Any] = _decoder(shape, _is_ec2(op))(_tree(form))
    return members


def serialize(op: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    """A response. Raises TypeError where the result does not fit the output shape."""
    shape = op.output_shape
    parts = [_open(op)]
    if shape is None:
        if result:
            raise TypeError(f"{op.name} has no output, and was given {', '.join(result)}")
    else:
        inside: list[str] = []
        xml.writer(shape)(inside, _result_name(op), result)
        parts += inside if _wrapped(op) else inside[1:-1]
    if _is_ec2(op):
        parts.append(f"<requestId>{request_id}</requestId>")
    else:
        parts.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>")
    parts.append(f"</{op.wire_name}Response>")
    return HttpResponse(200, _headers(request_id), xml.document(parts))


def serialize_error(op: OperationModel | None, error: AwsError, request_id: str) -> HttpResponse:
    """``<ErrorResponse>`` with Type, Code and Message; ``<Response><Errors>`` for EC2."""
    fault = faults.fault(op, error)
    inside = "".join(xml.error_parts(fault))
    if op is not None and _is_ec2(op):
        document = f"<Response><Errors><Error>{inside}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        namespace = _namespace(op)
        start = f'<ErrorResponse xmlns="{namespace}">' if namespace else "<ErrorResponse>"
        document = f"{start}<Error>{inside}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    return HttpResponse(fault.status, _headers(request_id) | fault.headers, xml.document([document]))


def _headers(request_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id, "Content-Type": "text/xml"}


def _namespace(op: OperationModel | None) -> str:
    namespace = op.metadata.get("xmlNamespace", "") if op is not None else ""
    return str(namespace["uri"]) if isinstance(namespace, dict) else str(namespace)


def _open(op: OperationModel) -> str:
    namespace = _namespace(op)
    return f'<{op.wire_name}Response xmlns="{namespace}">' if namespace else f"<{op.wire_name}Response>"


def _result_name(op: OperationModel) -> str:
    return str(op.output_shape.serialization.get("resultWrapper", f"{op.wire_name}Result"))


def _wrapped(op: OperationModel) -> bool:
    """Whether members are in ``<XResult>``; services that left the query protocol lost the trait that says so."""
    if "resultWrapper" in op.output_shape.serialization:
        return True
    return op.metadata["protocol"] not in ("query", "ec2")


def _is_ec2(op: OperationModel) -> bool:
    return bool(op.metadata["protocol"] == "ec2")


# Forms


def form_of(data: bytes) -> dict[str, str]:
    """A form's fields. Raises AwsError where it is not UTF-8, or has too many."""
    form: dict[str, str] = {}
    if data.count(b"&") > _MOST_FIELDS:
        raise AwsError("MalformedQueryString", f"The query string has more than {_MOST_FIELDS} parameters.")
    try:
        for pair in data.split(b"&"):
            name, _, value = pair.partition(b"=")
            form[_unquote(name)] = _unquote(value)
    except UnicodeDecodeError:
        raise AwsError("MalformedQueryString", "The query string is not UTF-8.") from None
    return form


def _unquote(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")


def _tree(form: dict[str, str]) -> Tree:
    root: Tree = {}
    for name, value in form.items():
        node = root
        steps = name.split(".")
        if len(steps) > _DEPTH:
            raise AwsError("MalformedInput", f"The parameter {name[:80]} nests too deeply.")
        for step in steps:
            node = node.setdefault(step or ".", {})
        node[""] = value
    return root


# Decoding


@cache
def _decoder(shape: Shape, ec2: bool) -> Decode:
    def compile_(inner: Shape, memo: Memo[Decode]) -> Decode:
        match inner.type_name:
            case "structure":
                return _structure(inner, memo, ec2)
            case "list":
                return _list(inner, memo, ec2)
            case "map":
                return _map(inner, memo)
            case _:
                return _scalar(inner)

    return Memo(compile_)(shape)


def _structure(shape: Shape, memo: Memo[Decode], ec2: bool) -> Decode:
    members: dict[str, tuple[str, Decode]] = {}

    def decode(node: Tree) -> dict[str, Any]:
        if not members:
            for name, member in shape.members.items():
                for key in _names(member, name, ec2):
                    members.setdefault(key, (name, memo(member)))
        decoded = {}
        for key, child in node.items():
            if key in members:
                name, decode_member = members[key]
                decoded[name] = decode_member(child)
        return decoded

    return decode


def _names(shape: Shape, name: str, ec2: bool) -> list[str]:
    """The names a member may have on the wire, the right one first."""
    traits = shape.serialization
    if ec2:
        located = traits.get("name", name)
        return [traits.get("queryName", located[0].upper() + located[1:])]
    named = shapes.wire_name(shape, name)
    if shape.type_name == "list" and traits.get("flattened"):
        return [shapes.wire_name(shape.member, named), named]
    return [named]


def _list(shape: Shape, memo: Memo[Decode], ec2: bool) -> Decode:
    flattened = ec2 or shape.serialization.get("flattened")
    item_name = shapes.wire_name(shape.member, "member")

    def decode(node: Tree) -> list[Any]:
        decode_item = memo(shape.member)
        items = node if flattened or item_name not in node else node[item_name]
        return [decode_item(child) for _, child in _numbered(items)]

    return decode


def _map(shape: Shape, memo: Memo[Decode]) -> Decode:
    flattened = shape.serialization.get("flattened")
    key_name = shapes.wire_name(shape.key, "key")
    value_name = shapes.wire_name(shape.value, "value")

    def decode(node: Tree) -> dict[str, Any]:
        decode_key, decode_value = memo(shape.key), memo(shape.value)
        decoded = {}
        for _, entry in _numbered(node if flattened else node.get("entry", {})):
            if key_name not in entry or value_name not in entry:
                raise AwsError("MalformedInput", "A map entry lacks its key or its value.")
            decoded[decode_key(entry[key_name])] = decode_value(entry[value_name])
        return decoded

    return decode


def _numbered(node: Tree) -> list[tuple[int, Tree]]:
    """Children ``1``, ``2`` ... in order; other names are refused."""
    items = []
    for key, child in node.items():
        if key == "":
            if child:
                raise AwsError("MalformedInput", "Start of list expected, found a value.")
        elif key.isascii() and key.isdecimal() and len(key) < 10:
            items.append((int(key), child))
        else:
            raise AwsError("MalformedInput", f"Key {key[:80]} is not an index of a list.")
    return sorted(items, key=lambda item: item[0])


def _scalar(shape: Shape) -> Decode:
    decode_text = shapes.text_decoder(shape)
    kind = shape.type_name

    def decode(node: Tree) -> Any:
        text = node.get("")
        if text is None:
            raise AwsError("MalformedInput", "Unexpected complex element where a value is expected.")
        try:
            return decode_text(text)
        except (ValueError, OverflowError):
            raise AwsError("MalformedInput", f"{text[:200]!r} can not be converted to a {kind.title()}") from None

    return decode
