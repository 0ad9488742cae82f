"""What the two REST protocols share: members in the path, the query, the headers and the status; payloads.

Bindings: https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from sagewright.core.errors import AwsError
from sagewright.wire import events, models, shapes
from sagewright.wire.http import Body, HttpRequest, HttpResponse
from sagewright.wire.shapes import Decode, Encode

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

    from sagewright.wire.route import Route

Refuse = Callable[[str, str, str], AwsError]
"""The error for text that does not fit: (name on the wire, its text, the type wanted)."""

_Bound = tuple[str, Decode, str]
"""A member, its decoder, its type's name."""


@dataclass(slots=True)
class Inputs:
    """Where the members of an operation's input are, by their names on the wire."""

    uri: dict[str, _Bound] = field(default_factory=dict)
    query: dict[str, _Bound] = field(default_factory=dict)
    query_lists: dict[str, _Bound] = field(default_factory=dict)
    query_maps: list[tuple[str, bool]] = field(default_factory=list)
    """Members that take all other query parameters; whether as lists."""
    query_literals: frozenset[str] = frozenset()
    """Query parameters of the path template itself."""
    headers: dict[str, _Bound] = field(default_factory=dict)
    header_maps: list[tuple[str, str]] = field(default_factory=list)
    """Members and the prefix of their headers, in lower case."""
    payload: str = ""
    streaming: bool = False
    body: bool = False
    """Whether some members are in a structured body."""


@cache
def inputs(op: OperationModel) -> Inputs:
    """The bindings of an operation's input, compiled once."""
    plan = Inputs()
    shape = op.input_shape
    if shape is None:
        return plan
    plan.payload = shape.serialization.get("payload", "")
    plan.streaming = bool(plan.payload) and models.streams_input(op)
    plan.body = not plan.payload and any("location" not in member.serialization for member in shape.members.values())
    template = op.http["requestUri"].partition("?")[2]
    plan.query_literals = frozenset(part.partition("=")[0] for part in template.split("&"))
    for name, member in shape.members.items():
        _bind_input(plan, name, member)
    return plan


def _bind_input(plan: Inputs, name: str, shape: Shape) -> None:
    key = shapes.wire_name(shape, name)
    match shape.serialization.get("location"), shape.type_name:
        case "uri", kind:
            plan.uri[key] = (name, shapes.text_decoder(shape, shapes.ISO), kind)
        case "querystring", "map":
            plan.query_maps.append((name, shape.value.type_name == "list"))
        case "querystring", "list":
            plan.query_lists[key] = (name, shapes.text_decoder(shape.member, shapes.ISO), shape.member.type_name)
        case "querystring", kind:
            plan.query[key] = (name, shapes.text_decoder(shape, shapes.ISO), kind)
        case "header", kind:
            plan.headers[key.lower()] = (name, _header_decoder(shape), kind)
        case "headers", _:
            plan.header_maps.append((name, key.lower()))


def parse_bindings(op: OperationModel, request: HttpRequest, route: Route, refuse: Refuse) -> dict[str, Any]:
    """The members outside the body. Raises what refuse makes for text of the wrong type."""
    plan = inputs(op)
    members: dict[str, Any] = {}
    for label, text in route.uri_params.items():
        if label in plan.uri:
            _read(members, plan.uri[label], label, text, refuse)
    if request.query and (plan.query or plan.query_lists or plan.query_maps):
        _parse_query(plan, request.query, members, refuse)
    if plan.headers or plan.header_maps:
        _parse_headers(plan, request, members, refuse)
    return members


def _read(members: dict[str, Any], bound: _Bound, key: str, text: str, refuse: Refuse) -> None:
    name, decode, kind = bound
    try:
        members[name] = decode(text)
    except (ValueError, OverflowError):
        raise refuse(key, text, kind) from None


def _parse_query(plan: Inputs, query: str, members: dict[str, Any], refuse: Refuse) -> None:
    rest: dict[str, list[str]] = {}
    for raw in query.split("&"):
        key, text = _pair(raw, refuse)
        if key in plan.query:
            _read(members, plan.query[key], key, text, refuse)
        elif key in plan.query_lists:
            name, decode, kind = plan.query_lists[key]
            one: dict[str, Any] = {}
            _read(one, (name, decode, kind), key, text, refuse)
            members.setdefault(name, []).append(one[name])
        elif key not in plan.query_literals:
            rest.setdefault(key, []).append(text)
    for name, lists in plan.query_maps:
        if rest:
            members[name] = rest if lists else {key: texts[-1] for key, texts in rest.items()}


def _pair(raw: str, refuse: Refuse) -> tuple[str, str]:
    key, _, text = raw.partition("=")
    if "%" not in raw and "+" not in raw:
        return key, text
    try:
        return _unquote(key), _unquote(text)
    except UnicodeDecodeError:
        raise refuse(key, text, "string") from None


def _unquote(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")


def _parse_headers(plan: Inputs, request: HttpRequest, members: dict[str, Any], refuse: Refuse) -> None:
    for key, text in request.headers.items():
        bound = plan.headers.get(key)
        if bound is not None:
            if text or bound[2] == "string":
                _read(members, bound, key, text, refuse)
            continue
        for name, prefix in plan.header_maps:
            if key.startswith(prefix):
                members.setdefault(name, {})[key[len(prefix) :]] = _header_text(text)


def _header_decoder(shape: Shape) -> Decode:
    if shape.serialization.get("jsonvalue"):
        return _json_value
    if shape.type_name == "list":
        decode = shapes.text_decoder(shape.member, shapes.HTTP)
        split = _split_dates if shape.member.type_name == "timestamp" else _split_list
        return lambda text: [decode(item) for item in split(text)]
    if shape.type_name in ("string", "character"):
        return _header_text
    return shapes.text_decoder(shape, shapes.HTTP)


def _header_text(text: str) -> str:
    """Headers arrive as Latin-1; SDKs that send more than ASCII send UTF-8."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _json_value(text: str) -> Any:
    return json.loads(base64.b64decode(text))


_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*?))\s*(?:,|$)')


def _split_list(text: str) -> Iterator[str]:
    """``a, "b,c"`` as its items."""
    if '"' not in text:
        yield from (item.strip() for item in text.split(","))
        return
    at = 0
    while at < len(text):
        found = _LIST_ITEM.match(text, at)
        if found is None:
            raise ValueError("not a list")
        yield re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
        at = found.end()


def _split_dates(text: str) -> list[str]:
    """HTTP dates hold a comma each."""
    return [item.strip(" ,") for item in re.split(r"(?<=GMT)\s*,", text) if item.strip(" ,")]


# Results


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the members of an operation's output (or of an error) go."""

    headers: dict[str, tuple[str, Encode]]
    header_maps: dict[str, str]
    status: str
    payload: str
    members: frozenset[str]
    """Members of a structured body."""


@cache
def outputs(shape: Shape) -> Outputs:
    """The bindings of an output shape, compiled once."""
    headers: dict[str, tuple[str, Encode]] = {}
    header_maps: dict[str, str] = {}
    status = ""
    members = []
    for name, member in shape.members.items():
        match member.serialization.get("location"):
            case "header":
                headers[name] = (shapes.wire_name(member, name), _header_encoder(member))
            case "headers":
                header_maps[name] = shapes.wire_name(member, name)
            case "statusCode":
                status = name
            case _:
                members.append(name)
    return Outputs(headers, header_maps, status, shape.serialization.get("payload", ""), frozenset(members))


def split_result(shape: Shape, result: dict[str, Any], headers: dict[str, str]) -> tuple[int | None, dict[str, Any]]:
    """Put header members into headers; the modelled status, and the members left for the body. Raises TypeError."""
    plan = outputs(shape)
    body: dict[str, Any] = {}
    status = None
    for name, value in result.items():
        if value is None:
            continue
        try:
            if name in plan.members:
                body[name] = value
            elif name in plan.headers:
                key, encode = plan.headers[name]
                headers[key] = encode(value)
            elif name in plan.header_maps:
                prefix = plan.header_maps[name]
                headers.update({prefix + key: header_text(shapes.string(text)) for key, text in value.items()})
            elif name == plan.status:
                status = shapes.integer(value)
            else:
                raise KeyError(name)
        except (KeyError, TypeError, AttributeError) as error:
            raise shapes.misfit(shape, name, shape.members, error) from None
    return status, body


def payload_body(shape: Shape, value: Any) -> bytes | AsyncIterator[bytes]:
    """A blob or string payload as a body; a stream passes through."""
    if value is None:
        return b""
    if shape.type_name == "string":
        return shapes.string(value).encode("utf-8")
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Body) or hasattr(value, "__aiter__"):
        stream: AsyncIterator[bytes] = value.__aiter__()
        return stream
    raise TypeError(f"{shape.name}: not bytes: {value!r:.80}")


def parse_payload(shape: Shape, streaming: bool, body: bytes | Body) -> Any:
    """A blob or string payload; a streaming one, or one not read, stays a Body."""
    if streaming or isinstance(body, Body):
        return body if isinstance(body, Body) else Body.of(body)
    return body.decode("utf-8") if shape.type_name == "string" else body


def is_raw(shape: Shape) -> bool:
    """Whether a payload is the body itself, not a document in it."""
    return shape.type_name in ("blob", "string", "character")


def is_stream(shape: Shape) -> bool:
    """Whether a payload is an event stream."""
    return bool(shape.serialization.get("eventstream"))


def parse_stream(shape: Shape, body: bytes | Body, form: events.Form) -> AsyncIterator[events.Event]:
    """The events of a request's body, as they arrive."""
    return events.read(shape, body if isinstance(body, Body) else Body.of(body), form)


def stream_response(status: int, headers: dict[str, str], shape: Shape, value: Any, form: events.Form) -> HttpResponse:
    """A response whose body is an event stream. Raises TypeError where the result has none."""
    if not hasattr(value, "__aiter__"):
        raise TypeError(f"{shape.name}: not an async iterator of events: {value!r:.80}")
    headers.setdefault("Content-Type", events.CONTENT_TYPE)
    return HttpResponse(status, headers, events.written(shape, value, form))


def raw_type(shape: Shape) -> str:
    """The content type of a raw payload whose result names none."""
    return "application/octet-stream" if shape.type_name == "blob" else "application/json"


def _header_encoder(shape: Shape) -> Encode:
    if shape.serialization.get("jsonvalue"):
        return lambda value: base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
    if shape.type_name == "list":
        encode = shapes.text_encoder(shape.member, shapes.HTTP)
        return lambda value: header_text(",".join(encode(item) for item in value if item is not None))
    if shape.type_name in ("string", "character"):
        return lambda value: header_text(shapes.string(value))
    return shapes.text_encoder(shape, shapes.HTTP)


def header_text(text: str) -> str:
    """Text safe in a header: no line breaks, and more than ASCII as RFC 2047 has it, which is what S3 answers."""
    if text.isascii() and text.isprintable():
        return text
    text = "".join(" " if character < " " or character == "\x7f" else character for character in text)
    if text.isascii():
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode('utf-8', 'replace')).decode()}?="
