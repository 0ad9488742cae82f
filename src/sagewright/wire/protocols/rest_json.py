"""rest-json: HTTP bindings around JSON bodies (SageMaker Runtime, Lambda, Bedrock ...).

Protocol: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire.http import Body, HttpRequest, HttpResponse
from sagewright.wire.protocols import faults, json, rest

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from sagewright.wire.route import Route

_JSON = "application/json"
_ARTICLES = {"integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double"}


def parse(op: OperationModel, request: HttpRequest, route: Route, body: bytes | Body) -> dict[str, Any]:
    """The input of an operation. Raises AwsError SerializationException."""
    members = rest.parse_bindings(op, request, route, _refuse)
    plan = rest.inputs(op)
    if plan.payload:
        shape = op.input_shape.members[plan.payload]
        if rest.is_stream(shape):
            members[plan.payload] = rest.parse_stream(shape, body, json.EVENTS)
        elif rest.is_raw(shape):
            if plan.streaming or isinstance(body, Body) or body or plan.payload in op.input_shape.required_members:
                members[plan.payload] = _raw(shape, plan.streaming, body)
        elif data := faults.whole(request, body):
            value = json.loads(data)
            if value or plan.payload in op.input_shape.required_members:  # SDKs send {} for none
                members[plan.payload] = json.decoder(shape)(value)
    elif plan.body:
        members.update(json.decode_body(op.input_shape, faults.whole(request, body)))
    return members


def serialize(op: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    """A response. Raises TypeError where the result does not fit the output shape."""
    headers = {"x-amzn-RequestId": request_id}
    shape = op.output_shape
    status = op.http.get("responseCode", 200)
    if shape is None:
        if result:
            raise TypeError(f"{op.name} has no output, and was given {', '.join(result)}")
        return HttpResponse(status, headers, b"")
    named, members = rest.split_result(shape, result, headers)
    status = named or status
    plan = rest.outputs(shape)
    if plan.payload:
        payload = shape.members[plan.payload]
        value = members.get(plan.payload)
        if rest.is_stream(payload):
            return rest.stream_response(status, headers, payload, value, json.EVENTS)
        if rest.is_raw(payload):
            headers.setdefault("Content-Type", rest.raw_type(payload))
            return HttpResponse(status, headers, rest.payload_body(payload, value))
        headers.setdefault("Content-Type", _JSON)
        return HttpResponse(status, headers, json.dumps(json.encoder(payload)(value)) if value is not None else b"")
    headers.setdefault("Content-Type", _JSON)
    if not members and (status == 204 or not plan.members):
        return HttpResponse(status, headers, b"")
    if status == 204:  # some models give a body to what HTTP says has none
        status = 200
    return HttpResponse(status, headers, json.dumps(json.encoder(shape)(members)))


def serialize_error(op: OperationModel | None, error: AwsError, request_id: str) -> HttpResponse:
    """``x-amzn-errortype`` and a JSON body with the message and the error's members."""
    fault = faults.fault(op, error)
    headers = {
        "x-amzn-RequestId": request_id,
        "Content-Type": _JSON,
        "x-amzn-errortype": rest.header_text(fault.name),
        **fault.headers,
    }
    members = dict(fault.members)
    status = fault.status
    if fault.shape is not None:
        plan = rest.outputs(fault.shape)
        bound = {name for name in members if name in plan.headers or name in plan.header_maps or name == plan.status}
        named, _ = rest.split_result(fault.shape, {name: members.pop(name) for name in bound}, headers)
        status = named or status
    body = json.error_members(replace(fault, members=members))
    return HttpResponse(status, headers, b"" if status in (204, 304) else json.dumps(body))


def _raw(shape: Any, streaming: bool, body: bytes | Body) -> Any:
    try:
        return rest.parse_payload(shape, streaming, body)
    except UnicodeDecodeError:
        raise json.serialization_error("The request body is not UTF-8.") from None


def _refuse(name: str, text: str, kind: str) -> AwsError:
    return json.serialization_error(f"STRING_VALUE can not be converted to {_ARTICLES.get(kind, f'a {kind.title()}')}")
