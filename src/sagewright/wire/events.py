"""Event streams by their models: dicts of one event each, to and from messages.

A service gives a member that is an event stream as an async iterator of ``{"EventName": {...}}``, and gets one of the
same form. An event that is an exception of the model ends the stream, and so does an AwsError: as the stream's own
exception where its model has one of that code, else as an error with code and message.

Source: https://smithy.io/2.0/spec/streaming.html and https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire import shapes
from sagewright.wire.eventstream import BadFrame, Decoder, Kind, Message, decode, encode
from sagewright.wire.http import ClientGone

if TYPE_CHECKING:
    from botocore.model import Shape

_log = logging.getLogger(__name__)

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_INTERNAL = ("internal", "sessionstreaming")
"""How unions begin the name of their exception for faults of the server; the second is CloudWatch Logs'."""

Event = dict[str, Any]
"""One event: its name, and its members."""

_KINDS = {
    "string": Kind.STRING,
    "blob": Kind.BYTES,
    "integer": Kind.INTEGER,
    "long": Kind.LONG,
    "timestamp": Kind.TIMESTAMP,
}


@dataclass(frozen=True, slots=True)
class Form:
    """How a protocol writes structures in payloads. read raises AwsError, write TypeError."""

    content_type: str
    write: Callable[[Any, Any], bytes]
    read: Callable[[Any, bytes], Any]


# Output


async def written(
    shape: Shape, events: AsyncIterable[Event], form: Form, initial: bytes | None = None
) -> AsyncIterator[bytes]:
    """The messages of a stream, one a chunk. initial: the members beside the stream, where a protocol sends them so.

    events is closed at the end, however that comes. A bug in it ends the stream with an InternalFailure.
    """
    iterator = aiter(events)
    try:
        if initial is not None:
            yield encode(_message("event", "initial-response", form.content_type, initial))
        async for event in iterator:
            message = _event(shape, event, form)
            yield encode(message)
            if message.text(":message-type") != "event":
                return
    except AwsError as error:
        yield encode(_failure(shape, error, form))
    except ClientGone:
        raise
    except Exception:
        _log.exception("the event stream %s broke", shape.name)
        yield encode(_failure(shape, AwsError(_internal(shape), "An internal error occurred.", 500), form))
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


def _message(kind: str, name: str, content_type: str, payload: bytes) -> Message:
    headers = {":message-type": (Kind.STRING, kind), f":{kind}-type": (Kind.STRING, name)}
    if content_type:
        headers[":content-type"] = (Kind.STRING, content_type)
    return Message(headers, payload)


def _event(shape: Shape, event: Event, form: Form) -> Message:
    """Raises TypeError for what the model does not have."""
    if len(event) != 1:
        raise TypeError(f"{shape.name}: an event has one name, not {', '.join(event) or 'none'}")
    ((name, members),) = event.items()
    if name not in shape.members:
        raise TypeError(f"{shape.name} has no event {name}")
    member = shape.members[name]
    if member.metadata.get("exception"):
        return _message("exception", name, form.content_type, form.write(member, members))
    plan = _plan(member)
    inside = {key: value for key, value in members.items() if key not in plan.headers and value is not None}
    if not plan.payload:
        empty = not plan.rest and form.content_type == "text/xml"  # S3's Cont and End
        payload = b"" if empty else form.write(member, inside)
        message = _message("event", name, "" if empty else form.content_type, payload)
    else:
        if inside.keys() - {plan.payload}:
            raise TypeError(f"{member.name} has no member {', '.join(inside.keys() - {plan.payload})}")
        message = _message("event", name, *_payload(member.members[plan.payload], inside.get(plan.payload), form))
    bound = {key: _header(member.members[key], members[key]) for key in plan.headers if members.get(key) is not None}
    return Message({**message.headers, **bound}, message.payload) if bound else message


def _payload(shape: Shape, value: Any, form: Form) -> tuple[str, bytes]:
    """A content type and the payload itself."""
    match shape.type_name:
        case "blob":
            if value is not None and not isinstance(value, bytes | bytearray | memoryview):
                raise TypeError(f"{shape.name}: not bytes: {value!r:.80}")
            return "application/octet-stream", bytes(value or b"")
        case "string":
            return "text/plain", shapes.string(value or "").encode("utf-8")
    return form.content_type, form.write(shape, value if value is not None else {})


def _header(shape: Shape, value: Any) -> tuple[Kind, Any]:
    match shape.type_name:
        case "boolean":
            return (Kind.TRUE if shapes.boolean(value) else Kind.FALSE), value
        case "timestamp":
            return Kind.TIMESTAMP, round(shapes.to_epoch(value) * 1000)
        case "string":
            shapes.string(value)
    return _KINDS[shape.type_name], value


def _failure(shape: Shape, error: AwsError, form: Form) -> Message:
    name = _exceptions(shape).get(error.code)
    if name is None:
        headers = {
            ":message-type": (Kind.STRING, "error"),
            ":error-code": (Kind.STRING, error.code),
            ":error-message": (Kind.STRING, error.message[:8_000]),
        }
        return Message(headers)
    member = shape.members[name]
    spelled = next((key for key in member.members if key.lower() == "message"), None)
    members = {key: value for key, value in error.members.items() if key in member.members}
    if spelled is not None:
        members[spelled] = error.message
    return _message("exception", name, form.content_type, form.write(member, members))


@cache
def _exceptions(shape: Shape) -> dict[str, str]:
    """The union's member for each error code that it knows."""
    return {
        code: name
        for name, member in shape.members.items()
        if member.metadata.get("exception")
        for code in (name, member.name, member.error_code)
    }


def _internal(shape: Shape) -> str:
    """The union's exception for a fault of the server."""
    names = _exceptions(shape).values()
    return next((name for name in names if name.lower().startswith(_INTERNAL)), "InternalFailure")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where an event's members are: in headers, in a payload of their own, or in the structure that is the payload."""

    headers: frozenset[str]
    payload: str
    rest: frozenset[str]


@cache
def _plan(shape: Shape) -> _Plan:
    traits = {name: member.serialization for name, member in shape.members.items()}
    headers = frozenset(name for name, trait in traits.items() if trait.get("eventheader"))
    payload = next((name for name, trait in traits.items() if trait.get("eventpayload")), "")
    return _Plan(headers, payload, frozenset(traits) - headers - {payload})


# Input


async def read(shape: Shape, body: AsyncIterable[bytes], form: Form) -> AsyncIterator[Event]:
    """The events of a request's body, signed frame by frame or not. Raises AwsError for a stream that is malformed.

    Signatures of frames are read over, not verified.
    """
    decoder = Decoder()
    try:
        async for data in body:
            for frame in decoder.feed(data):
                message = frame
                if ":chunk-signature" in frame.headers:
                    if not frame.payload:
                        return  # the empty frame that ends a signed stream
                    message = decode(frame.payload)
                yield _read_event(shape, message, form)
        decoder.finish()
    except BadFrame as error:
        raise _malformed(str(error)) from None


def _malformed(message: str) -> AwsError:
    return AwsError("SerializationException", f"The event stream is malformed: {message}.")


def _read_event(shape: Shape, message: Message, form: Form) -> Event:
    kind, name = message.text(":message-type"), message.text(":event-type")
    if kind != "event":
        raise _malformed(f"a message of type {kind!r:.80}")
    if name not in shape.members:
        raise _malformed(f"no event {name!r:.80}")
    member = shape.members[name]
    plan = _plan(member)
    members: dict[str, Any] = {}
    for key in plan.headers:
        if key in message.headers:
            members[key] = _read_header(member.members[key], key, message)
    if not plan.payload:
        if plan.rest and message.payload:
            members.update(form.read(member, message.payload))
    elif message.payload or member.members[plan.payload].type_name in ("blob", "string"):
        members[plan.payload] = _read_payload(member.members[plan.payload], message.payload, form)
    return {name: members}


def _read_header(shape: Shape, name: str, message: Message) -> Any:
    kind, value = message.headers[name]
    if shape.type_name == "boolean":
        fits = kind in (Kind.TRUE, Kind.FALSE)
    elif shape.type_name in ("integer", "long"):
        fits = kind in (Kind.BYTE, Kind.SHORT, Kind.INTEGER, Kind.LONG)
    else:
        fits = kind is _KINDS.get(shape.type_name)
    if not fits:
        raise _malformed(f"the header {name} is not a {shape.type_name}")
    try:
        return shapes.from_epoch(value / 1000) if kind is Kind.TIMESTAMP else value
    except ValueError:
        raise _malformed(f"the header {name} is not a time") from None


def _read_payload(shape: Shape, payload: bytes, form: Form) -> Any:
    if shape.type_name == "blob":
        return payload
    if shape.type_name == "string":
        try:
            return payload.decode("utf-8")
        except UnicodeDecodeError:
            raise _malformed("the payload is not UTF-8") from None
    return form.read(shape, payload)
