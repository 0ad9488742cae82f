"""Made-up parameters and results of any operation, and what botocore makes of them: the other end of the wire."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from sagewright.wire import models, protocols
from sagewright.wire.http import Body, Headers, HttpRequest, HttpResponse
from sagewright.wire.paths import paths
from sagewright.wire.route import Route

_DEPTH = 5
_TEXT = "abcXYZ019-_. &<>'/é☃\U0001f600\"+%=?#,;:@"
_PLAIN = "abcXYZ019-_."


class Sampler:
    """Values of shapes from a seed. rich: text with characters that need escaping. millis: timestamps with
    milliseconds, which older botocores do not send.
    """

    def __init__(self, seed: str, rich: bool = True, millis: bool = False) -> None:
        self._random = random.Random(seed)
        self._rich = rich
        self._millis = millis

    def members(self, shape: Any, *, everything: bool) -> dict[str, Any]:
        """A structure: all its members, or those required and some others."""
        if shape is None:
            return {}
        return self._structure(shape, 0, everything)

    def _structure(self, shape: Any, depth: int, everything: bool = False) -> Any:
        if shape.is_document_type:
            return {"any": ["thing", 1, None]}
        names = list(shape.members)
        if shape.is_tagged_union:
            names = [self._random.choice(names)] if names else []
        made = {}
        for name in names:
            member = shape.members[name]
            if member.serialization.get("eventstream"):
                continue
            needed = name in shape.required_members or shape.is_tagged_union
            if needed or everything or (depth < _DEPTH and self._random.random() < (0.9 if depth < 2 else 0.4)):
                value = self._value(member, depth + 1)
                if value is not None:
                    made[name] = value
        return made

    def _value(self, shape: Any, depth: int) -> Any:
        if depth > 3 * _DEPTH:
            return None
        location = shape.serialization.get("location")
        if location == "statusCode":
            return 200
        if shape.serialization.get("jsonvalue") and location == "header":
            return {"a": [1, "b"]}
        match shape.type_name:
            case "structure":
                return self._structure(shape, depth) or None
            case "list":
                items = [
                    self._value(self._located(shape.member, location), depth + 1) for _ in range(self._count(depth))
                ]
                return [item for item in items if item is not None] or None
            case "map":
                return self._map(shape, depth)
        return self._scalar(shape, location)

    def _located(self, shape: Any, location: str | None) -> Any:
        if location == "header" and shape.type_name == "string":
            shape.serialization["location"] = "header"
        return shape

    def _count(self, depth: int) -> int:
        return 1 if depth > _DEPTH else self._random.randint(1, 3)

    def _map(self, shape: Any, depth: int) -> dict[str, Any] | None:
        plain = bool(shape.serialization.get("location"))
        made = {}
        for _ in range(self._count(depth)):
            value = (
                self._text(_PLAIN) if plain and shape.value.type_name == "string" else self._value(shape.value, depth)
            )
            if value is not None:
                made[self._text(_PLAIN).lower() if plain else self._text()] = value
        return made or None

    def _scalar(self, shape: Any, location: str | None) -> Any:
        match shape.type_name:
            case "string":
                if shape.metadata.get("enum"):
                    return self._random.choice(shape.metadata["enum"])
                return self._text(_PLAIN if location == "header" or shape.serialization.get("hostLabel") else None)
            case "integer":
                return self._random.choice([0, 1, -1, 2**31 - 1, self._random.randint(-1000, 1000)])
            case "long":
                return self._random.choice([0, -1, 2**53, self._random.randint(-(2**40), 2**40)])
            case "float" | "double":
                return self._random.choice([0.5, -2.25, 1.0, 1e10, self._random.randint(-1000, 1000) / 8])
            case "boolean":
                return self._random.random() < 0.5
            case "timestamp":
                whole = (
                    not self._millis or location == "header" or shape.serialization.get("timestampFormat") == "rfc822"
                )
                millis = 0 if whole or self._random.random() < 0.5 else self._random.randint(0, 999)
                return datetime(2024, 2, 29, 23, 59, 1, tzinfo=UTC) + timedelta(
                    days=self._random.randint(0, 999), milliseconds=millis
                )
            case "blob":
                return self._text(_PLAIN).encode() + b"\x00\x7f"
        raise AssertionError(shape.type_name)

    def _text(self, alphabet: str | None = None) -> str:
        if alphabet is None:
            alphabet = _TEXT if self._rich else _PLAIN
        middle = "".join(self._random.choice(alphabet) for _ in range(self._random.randint(0, 10)))
        return f"k{middle}{self._random.randint(0, 10**6)}"


def request_of(service: str, operation: str, params: dict[str, Any], protocol: str = "") -> tuple[HttpRequest, bytes]:
    """What botocore would send, unsigned, and its body."""
    op = models.operation(service, operation)
    serializer = create_serializer(protocol or models.protocol_of(service), include_validation=False)
    described = serializer.serialize_to_request(params, op)
    described.setdefault("context", {})
    prepare_request_dict(described, "https://host.test", described["context"])
    sent = create_request_object(described).prepare()
    return to_request(sent)


def to_request(sent: Any) -> tuple[HttpRequest, bytes]:
    """botocore's prepared request as ours."""
    url = urlsplit(sent.url)
    headers = Headers(
        [("host", url.netloc)]
        + [
            (name, value.decode("latin-1") if isinstance(value, bytes) else str(value))
            for name, value in sent.headers.items()
            if name.lower() != "host"
        ]
    )
    body = sent.body or b""
    if isinstance(body, str):
        body = body.encode()
    elif hasattr(body, "read"):
        body = body.read()
    return HttpRequest(sent.method, url.path or "/", url.query, headers, Body.of(body)), body


def parsed(service: str, operation: str, request: HttpRequest, body: bytes, protocol: str = "") -> dict[str, Any]:
    """What our side reads, bodies read whole."""
    op = models.operation(service, operation)
    protocol = protocol or models.protocol_of(service)
    labels: dict[str, str] = {}
    if protocol.startswith("rest"):
        found = paths(service).match(request.method, request.path, request.query, request.headers)
        assert found is not None, (request.method, request.path)
        labels = found[1]
    route = Route(service, operation, protocol, "000000000000", "us-east-1", "", labels, False)
    members = protocols.codec(protocol).parse(op, request, route, body)
    return {name: asyncio.run(v.read(10**6)) if isinstance(v, Body) else v for name, v in members.items()}


def read_response(service: str, response: HttpResponse, shape: Any, protocol: str = "") -> dict[str, Any]:
    """What botocore reads from our response."""
    parser = create_parser(protocol or models.protocol_of(service))
    described = {
        "headers": HeadersDict(response.headers),
        "status_code": response.status,
        "body": response.body,
        "context": {},
    }
    result: dict[str, Any] = parser.parse(described, shape)
    return result


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where two values differ; bytes and text alike, since botocore reads raw payloads as text."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() | found.keys():
            if key not in expected or key not in found:
                if expected.get(key, found.get(key)) == {}:
                    continue  # an empty structure and none look alike in some protocols
                yield f"{path}.{key}: {'unexpected' if key not in expected else 'missing'}"
            else:
                yield from differences(expected[key], found[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    else:
        if isinstance(expected, bytes) and isinstance(found, str):
            found = found.encode()
        if expected != found or (isinstance(expected, bool) != isinstance(found, bool)):
            yield f"{path}: {expected!r} became {found!r}"
