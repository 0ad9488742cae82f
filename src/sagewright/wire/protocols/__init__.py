"""The codec of each protocol. A protocol is added with one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from sagewright.core.errors import AwsError
from sagewright.wire.http import Body, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from sagewright.wire.route import Route

_MODULES = {
    "json": "json",
    "rest-json": "rest_json",
    "rest-xml": "rest_xml",
    "query": "query",
    "ec2": "query",
    "smithy-rpc-v2-cbor": "cbor",
}


class Codec(Protocol):
    """One protocol, as three functions of a module."""

    def parse(self, op: OperationModel, request: HttpRequest, route: Route, body: bytes | Body) -> dict[str, Any]:
        """The operation's members. Raises AwsError, never with a status of 500 and above."""

    def serialize(self, op: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
        """The response for a result. Raises TypeError where it does not fit the output shape."""

    def serialize_error(self, op: OperationModel | None, error: AwsError, request_id: str) -> HttpResponse:
        """The response for an error."""


_codecs: dict[str, Codec] = {}


def codec(protocol: str) -> Codec:
    """The codec of a protocol, by botocore's name for it. Raises KeyError."""
    found = _codecs.get(protocol)
    if found is None:
        found = _codecs[protocol] = cast(Codec, import_module(f"sagewright.wire.protocols.{_MODULES[protocol]}"))
    return found
