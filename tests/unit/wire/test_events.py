"""Event streams of every service that has any: our output in botocore's reader, plain frames into our input."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import EventStreamError
from botocore.parsers import create_parser
from samples import Sampler, differences

from sagewright.core.errors import AwsError
from sagewright.wire import events, models, protocols
from sagewright.wire.eventstream import Kind, Message, encode
from sagewright.wire.http import Body, ClientGone, Headers, HttpRequest
from sagewright.wire.protocols import json
from sagewright.wire.route import CBOR, Route
from sagewright.wire.validate import validate


def _streaming() -> list[tuple[str, str, bool, bool]]:
    found = []
    for service in models.catalog():
        model = models.service(service)
        if any(shape.get("eventstream") for shape in model._service_description["shapes"].values()):
            for name in model.operation_names:
                op = models.operation(service, name)
                if op.has_event_stream_input or op.has_event_stream_output:
                    found.append((service, name, op.has_event_stream_input, op.has_event_stream_output))
    return found


STREAMING = _streaming()
OUTPUTS = [
    (service, name, protocol)
    for service, name, _, output in STREAMING
    if output
    for protocol in [models.protocol_of(service), *([CBOR] if models.protocol_of(service) == "json" else [])]
]
INPUTS = [(service, name) for service, name, there, _ in STREAMING if there]


class _Raw:
    """A response's body as botocore's HTTP library gives it."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def stream(self) -> Any:
        return iter(self._chunks)


def sample_events(seed: str, shape: Any) -> list[dict[str, Any]]:
    return [
        {name: Sampler(seed + name, millis=True).members(member, everything=True)}
        for name, member in shape.members.items()
        if not member.metadata.get("exception")
    ]


async def iterate(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


async def collect(stream: Any) -> list[Any]:
    return [item async for item in stream]


def answered(service: str, name: str, protocol: str, items: list[Any]) -> tuple[dict[str, Any], Any]:
    """The members beside the stream, and what botocore reads: a result with its stream still to be iterated."""
    op = models.operation(service, name)
    shape = op.output_shape
    beside = Sampler(name, millis=True).members(shape, everything=True)
    response = protocols.codec(protocol).serialize(op, beside | {shape.event_stream_name: iterate(items)}, "id")
    assert response.headers["Content-Type"] in ("application/vnd.amazon.eventstream", *beside.values())
    described = {
        "headers": HeadersDict(response.headers),
        "status_code": response.status,
        "body": _Raw(asyncio.run(collect(response.body))),
        "context": {"operation_name": name},
    }
    return beside, create_parser(protocol).parse(described, shape)


@pytest.mark.parametrize(("service", "name", "protocol"), OUTPUTS)
def test_output(service: str, name: str, protocol: str) -> None:
    shape = models.operation(service, name).output_shape
    stream = shape.event_stream_name
    sent = sample_events(name, shape.members[stream])
    beside, found = answered(service, name, protocol, sent)
    found.pop("ResponseMetadata")
    received = list(found.pop(stream))
    assert not list(differences(beside, found))
    assert len(received) == len(sent)
    assert not [text for one, other in zip(sent, received, strict=True) for text in differences(one, other)]


@pytest.mark.parametrize(("service", "name", "protocol"), OUTPUTS)
def test_exceptions_in_the_middle(service: str, name: str, protocol: str) -> None:
    """As an event, as an error of the model, as one that it does not have, as a bug."""
    shape = models.operation(service, name).output_shape
    union = shape.members[shape.event_stream_name]
    first = sample_events(name, union)[0]
    for member, exception in union.members.items():
        if exception.metadata.get("exception"):
            for end in ({member: {}}, AwsError(exception.name, "what <is> wrong")):
                _, found = answered(service, name, protocol, [first, end, first])
                code, message = broken(found[shape.event_stream_name])
                assert code == member
                assert message == ("what <is> wrong" if isinstance(end, AwsError) else "")
    _, found = answered(service, name, protocol, [first, AwsError("SlowDown", "not so fast"), first])
    assert broken(found[shape.event_stream_name]) == ("SlowDown", "not so fast")


def broken(stream: Any) -> tuple[str, str]:
    """One event, and then an error: its code and message."""
    iterator = iter(stream)
    next(iterator)
    with pytest.raises(EventStreamError) as caught:
        next(iterator)
    assert list(iterator) == []
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_bug_says_no_more(caplog: pytest.LogCaptureFixture) -> None:
    event = {"sessionUpdate": {"sessionResults": []}}
    for wrong in (RuntimeError("secret"), {"nothing": {}}, {}, {"sessionUpdate": {"what": 1}}):
        _, found = answered("logs", "StartLiveTail", "json", [event, wrong])
        assert broken(found["responseStream"]) == ("SessionStreamingException", "An internal error occurred.")
    assert "secret" in caplog.text


def test_the_source_is_closed_with_the_stream() -> None:
    closed = []

    async def endless() -> AsyncIterator[dict[str, Any]]:
        try:
            while True:
                yield {"sessionUpdate": {}}
        finally:
            closed.append(True)

    shape = models.operation("logs", "StartLiveTail").output_shape.members["responseStream"]

    async def some() -> None:
        stream = events.written(shape, endless(), json.EVENTS)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(some())
    assert closed


# Input


def frames(shape: Any, event: dict[str, Any], form: events.Form) -> bytes:
    """As a client writes an event."""
    ((name, members),) = event.items()
    headers = {":message-type": (Kind.STRING, "event"), ":event-type": (Kind.STRING, name)}
    for key, member in shape.members[name].members.items():
        if member.serialization.get("eventpayload"):
            return encode(Message(headers, members[key]))
    return encode(Message(headers, form.write(shape.members[name], members)))


def signed(data: bytes) -> bytes:
    return encode(Message({":date": (Kind.TIMESTAMP, 1), ":chunk-signature": (Kind.BYTES, bytes(32))}, data))


def received(service: str, name: str, chunks: list[bytes]) -> list[dict[str, Any]]:
    """The events of a request whose body comes in chunks."""
    op = models.operation(service, name)
    request = HttpRequest("POST", "/", "", Headers(), Body(iterate(chunks), None))
    to = Route(service, name, "rest-json", "000000000000", "us-east-1", "", {}, False)
    members = protocols.codec("rest-json").parse(op, request, to, request.body)
    assert models.streams_input(op)
    return asyncio.run(collect(members[op.input_shape.event_stream_name]))


@pytest.mark.parametrize(("service", "name"), INPUTS)
@pytest.mark.parametrize("with_signature", [True, False])
def test_input(service: str, name: str, with_signature: bool) -> None:
    shape = models.operation(service, name).input_shape
    union = shape.members[shape.event_stream_name]
    sent = sample_events(name, union)
    assert sent
    data = [frames(union, one, json.EVENTS) for one in sent]
    whole = b"".join([signed(one) for one in [*data, b""]] if with_signature else data)
    found = received(service, name, [whole[at : at + 7] for at in range(0, len(whole), 7)])
    assert not [text for one, other in zip(sent, found, strict=True) for text in differences(one, other)]


def test_a_stream_is_no_wrong_value() -> None:
    validate(
        models.operation("lexv2-runtime", "StartConversation"),
        {
            "botId": "ABCDEFGHIJ",
            "botAliasId": "TSTALIASID",
            "localeId": "en_US",
            "sessionId": "session",
            "requestEventStream": iterate([]),
        },
    )


_EVENT = {":message-type": (Kind.STRING, "event"), ":event-type": (Kind.STRING, "DTMFInputEvent")}


@pytest.mark.parametrize(
    "data",
    [
        b"no frame at all, and longer than a prelude",
        encode(Message(_EVENT, b"{}"))[:-1],
        encode(Message(_EVENT, b"{")),
        encode(Message(_EVENT, b'{"inputCharacter":5}')),
        encode(Message(_EVENT | {":event-type": (Kind.STRING, "Other")})),
        encode(Message(_EVENT | {":event-type": (Kind.INTEGER, 5)})),
        encode(Message(_EVENT | {":message-type": (Kind.STRING, "exception")})),
        signed(b"no frame"),
        signed(encode(Message(_EVENT, b"{}")) * 2),
    ],
)
def test_malformed_input(data: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        received("lexv2-runtime", "StartConversation", [data])
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


def test_a_client_that_leaves() -> None:
    with pytest.raises(ClientGone):
        received("lexv2-runtime", "StartConversation", [encode(Message(_EVENT, b"{}")), ClientGone()])  # type: ignore[list-item]
