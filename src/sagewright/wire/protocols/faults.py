"""What protocols share in errors and bodies: an AwsError as its service's model has it, and bodies read whole."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire.http import Body, HttpRequest

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel, Shape

_INFLATED = 16 * 2**20
"""Bytes that a compressed body may come to, as many as an uncompressed one may have."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error ready for the wire.

    code: as clients see it in the query protocols. name: its shape's name, as JSON protocols send it; the same where
    it has no shape. members: message included, under the shape's own spelling of it.
    """

    code: str
    name: str
    status: int
    members: dict[str, Any]
    headers: dict[str, str]
    shape: Shape | None
    message: str


def fault(op: OperationModel | None, error: AwsError) -> Fault:
    """The error under its model's names. A modelled status replaces AwsError's default of 400."""
    shape = _shapes(op).get(error.code) if op is not None else None
    headers = dict(error.headers)
    code = name = error.code
    status = error.status
    spelled = "message"
    if shape is not None:
        name = shape.name
        code = shape.error_code
        modelled = shape.metadata.get("error", {}).get("httpStatusCode")
        status = modelled if modelled and status == 400 else status
        spelled = next((member for member in shape.members if member.lower() == "message"), "message")
    if op is not None and "awsQueryCompatible" in op.metadata:
        headers.setdefault("x-amzn-query-error", f"{code};{'Receiver' if status >= 500 else 'Sender'}")
    return Fault(code, name, status, {spelled: error.message, **error.members}, headers, shape, error.message)


@cache
def _shapes(op: OperationModel) -> dict[str, Shape]:
    """Error shapes by name and by code on the wire, which in IAM and others differ; the operation's own go first."""
    found = dict(_service_shapes(op.service_model))
    for shape in op.error_shapes:
        found[shape.error_code] = found[shape.name] = shape
    return found


@cache
def _service_shapes(service: ServiceModel) -> dict[str, Shape]:
    found = {shape.error_code: shape for shape in service.error_shapes}
    return found | {shape.name: shape for shape in service.error_shapes}


def whole(request: HttpRequest, body: bytes | Body) -> bytes:
    """The body as bytes, inflated where the SDK has compressed it (CloudWatch's PutMetricData)."""
    if isinstance(body, Body):
        raise TypeError("this body must be read before it is parsed")
    if body and request.headers.get("content-encoding").lower() == "gzip":
        return inflate(body)
    return body


def inflate(body: bytes) -> bytes:
    """Gunzip a body. Raises AwsError for what is not gzip or grows beyond reason."""
    stream = zlib.decompressobj(wbits=31)
    try:
        data = stream.decompress(body, _INFLATED)
    except zlib.error:
        raise AwsError("SerializationException", "The request body is not gzip.") from None
    if not stream.eof and not stream.unconsumed_tail:
        raise AwsError("SerializationException", "The request body is not whole gzip.")
    if stream.unconsumed_tail:
        raise AwsError("RequestEntityTooLargeException", f"The request body inflates beyond {_INFLATED} bytes.", 413)
    return data
