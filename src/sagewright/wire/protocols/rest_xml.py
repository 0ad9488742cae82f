"""rest-xml: HTTP bindings around XML bodies (S3; Route 53 and CloudFront have other error bodies).

Protocol: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire import events, shapes
from sagewright.wire.http import Body, HttpRequest, HttpResponse
from sagewright.wire.protocols import faults, rest, xml

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from sagewright.wire.route import Route

_XML = "application/xml"
_S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"

# Names of S3's root elements, which its model lacks; botocore does not look at them, other SDKs do.
_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationsResult",
    "ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}


def parse(op: OperationModel, request: HttpRequest, route: Route, body: bytes | Body) -> dict[str, Any]:
    """The input of an operation. Raises AwsError MalformedXML or InvalidArgument."""
    members = rest.parse_bindings(op, request, route, _refuse)
    plan = rest.inputs(op)
    if plan.payload:
        shape = op.input_shape.members[plan.payload]
        if rest.is_stream(shape):
            members[plan.payload] = rest.parse_stream(shape, body, _EVENTS)
        elif rest.is_raw(shape):
            if plan.streaming or isinstance(body, Body) or body:
                members[plan.payload] = _raw(shape, plan.streaming, body)
        elif data := faults.whole(request, body):
            root = shapes.wire_name(shape, shape.name) if _is_s3(op) else ""
            members[plan.payload] = _decode(shape, data, root)
    elif plan.body and (data := faults.whole(request, body)):
        members.update(_decode(op.input_shape, data, ""))
    return members


def serialize(op: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    """A response. Raises TypeError where the result does not fit the output shape.

    A result with ContentRange is partial content (206), which S3's model does not say.
    """
    headers = _ids(op, request_id)
    shape = op.output_shape
    status = op.http.get("responseCode", 200)
    if shape is None:
        if result:
            raise TypeError(f"{op.name} has no output, and was given {', '.join(result)}")
        return HttpResponse(status, headers, b"")
    named, members = rest.split_result(shape, result, headers)
    status = named or (206 if "Content-Range" in headers else status)
    if op.http["method"] == "HEAD" or status in (204, 304):
        return HttpResponse(status, headers, b"")
    plan = rest.outputs(shape)
    if plan.payload:
        return _payload_response(op, plan.payload, members.get(plan.payload), status, headers)
    if not plan.members:
        return HttpResponse(status, headers, b"")
    headers["Content-Type"] = _XML
    return HttpResponse(status, headers, _document(op, members))


def serialize_error(op: OperationModel | None, error: AwsError, request_id: str) -> HttpResponse:
    """S3's bare ``<Error>``, or other services' ``<ErrorResponse>``."""
    fault = faults.fault(op, error)
    headers = _ids(op, request_id) | fault.headers
    if fault.status in (204, 304) or (op is not None and op.http.get("method") == "HEAD"):
        return HttpResponse(fault.status, headers, b"")
    headers["Content-Type"] = _XML
    if op is None or _is_s3(op):
        parts = [f"<Error><Code>{xml.told(fault.code)}</Code><Message>{xml.told(fault.message)}</Message>"]
        for name, value in fault.members.items():
            if name not in ("message", "Message") and value is not None:
                parts.append(f"<{name}>{xml.told(str(value))}</{name}>")
        parts.append(f"<RequestId>{request_id}</RequestId><HostId>{_host_id(request_id)}</HostId></Error>")
    else:
        namespace = op.metadata.get("xmlNamespace", "")
        parts = [f'<ErrorResponse xmlns="{namespace}">' if namespace else "<ErrorResponse>", "<Error>"]
        parts += [*xml.error_parts(fault), f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"]
    return HttpResponse(fault.status, headers, xml.document(parts))


def _payload_response(op: OperationModel, name: str, value: Any, status: int, headers: dict[str, str]) -> HttpResponse:
    shape = op.output_shape.members[name]
    if rest.is_stream(shape):
        return rest.stream_response(status, headers, shape, value, _EVENTS)
    if rest.is_raw(shape):
        if value is not None:
            headers.setdefault("Content-Type", "binary/octet-stream" if _is_s3_blob(shape) else rest.raw_type(shape))
        return HttpResponse(status, headers, rest.payload_body(shape, value))
    if value is None:
        return HttpResponse(status, headers, b"")
    headers["Content-Type"] = _XML
    parts: list[str] = []
    _writer(op, shape)(parts, shapes.wire_name(shape, name), value)
    return HttpResponse(status, headers, xml.document(_in_namespace(op, parts)))


def _document(op: OperationModel, members: dict[str, Any]) -> bytes:
    parts: list[str] = []
    if op.name == "GetBucketLocation" and _is_s3(op):
        parts = ["<LocationConstraint>", xml.escape(members.get("LocationConstraint") or ""), "</LocationConstraint>"]
    else:
        root = _ROOTS.get(op.name) if _is_s3(op) else None
        _writer(op, op.output_shape)(parts, root or shapes.wire_name(op.output_shape, f"{op.name}Result"), members)
    return xml.document(_in_namespace(op, parts))


def _writer(op: OperationModel, shape: Any) -> xml.Write:
    return xml.writer(shape, _is_s3(op))


def _in_namespace(op: OperationModel, parts: list[str]) -> list[str]:
    """The parts, with the service's namespace on the root element."""
    namespace = _S3_NAMESPACE if _is_s3(op) else op.metadata.get("xmlNamespace", "")
    if isinstance(namespace, dict):
        namespace = namespace["uri"]
    if namespace and " xmlns=" not in parts[0]:
        parts[0] = f'{parts[0][:-1]} xmlns="{namespace}">'
    return parts


def _decode(shape: Any, data: bytes, root_name: str) -> Any:
    try:
        root = xml.parse(data)
        if root_name and xml.local_name(root.tag) != root_name:
            raise ValueError(f"the root element is not {root_name}")
        return xml.decoder(shape)(root)
    except (ValueError, OverflowError, RecursionError):
        raise AwsError("MalformedXML", _MALFORMED) from None


def _event_document(shape: Any, members: Any) -> bytes:
    parts: list[str] = []
    xml.writer(shape)(parts, shapes.wire_name(shape, shape.name), members)
    return xml.document(parts)


_EVENTS = events.Form("text/xml", _event_document, lambda shape, data: _decode(shape, data, ""))


def _raw(shape: Any, streaming: bool, body: bytes | Body) -> Any:
    try:
        return rest.parse_payload(shape, streaming, body)
    except UnicodeDecodeError:
        raise AwsError("InvalidRequest", "The request body is not UTF-8.") from None


def _refuse(name: str, text: str, kind: str) -> AwsError:
    wanted = "an integer or within integer range" if kind in shapes.LIMITS else f"a {kind}"
    members: dict[str, Any] = {"ArgumentName": name, "ArgumentValue": text}
    return AwsError("InvalidArgument", f"Provided {name} not {wanted}", **members)


def _is_s3(op: OperationModel) -> bool:
    return bool(op.service_model.service_name == "s3")


def _is_s3_blob(shape: Any) -> bool:
    return bool(shape.type_name == "blob")


def _ids(op: OperationModel | None, request_id: str) -> dict[str, str]:
    if op is not None and not _is_s3(op):
        return {"x-amzn-RequestId": request_id}
    return {"x-amz-request-id": request_id, "x-amz-id-2": _host_id(request_id)}


def _host_id(request_id: str) -> str:
    """S3's second id of a request, for looks: 64 bytes in base64."""
    return base64.b64encode(hashlib.sha512(request_id.encode()).digest()).decode()
