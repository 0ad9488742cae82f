"""Which operation of which service a request is for, by headers, path and, for AWS's query protocol, its form.

Any service that botocore knows is found, so that one that is not there gets an answer that names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from sagewright.core.errors import AwsError
from sagewright.wire import hosts, models
from sagewright.wire.http import HttpRequest
from sagewright.wire.paths import paths
from sagewright.wire.signing import credentials

PREFLIGHT = "Preflight"
"""The operation of a browser's OPTIONS request; AWS's models lack it. uri_params has Bucket and, for an object, Key."""
POST_OBJECT = "PostObject"
"""S3's upload by an HTML form (``generate_presigned_post``), which AWS's models lack too."""

CBOR = "smithy-rpc-v2-cbor"
_ACCOUNT = "000000000000"
_REGION = "us-east-1"
_FORM = "application/x-www-form-urlencoded"
_CLIENT = re.compile(r"\bapi/([a-z0-9-]+)#")
"""The service's client in an SDK's User-Agent (``api/sagemaker-runtime#1.44.5``)."""
_UPLOAD = re.compile(r"(?:^|&)uploadId(?:=|&|$)")
"""What makes a POST to a key one of S3's: the model gives the plain POST to CompleteMultipartUpload."""
_RPC = re.compile(r"/service/([^/]+)/operation/([^/]+)/?")

# The usual services, so that their requests do not wait for a look through all of botocore's models. tests/unit/wire
# compares these tables with the models.
HOT_TARGETS = {
    "AmazonAthena": "athena",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "AWSGlue": "glue",
    "AWSSimbaAPIService_v20180301": "fsx",
    "AWSStepFunctions": "stepfunctions",
    "DynamoDB_20120810": "dynamodb",
    "Firehose_20150804": "firehose",
    "GraniteServiceVersion20100801": "cloudwatch",
    "Kinesis_20131202": "kinesis",
    "Logs_20140328": "logs",
    "SageMaker": "sagemaker",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
HOT_REST: dict[str, tuple[str, ...]] = {
    "elasticfilesystem": ("efs",),
    "lambda": ("lambda", "lambda-core", "lambda-microvms", "lambda-web"),
    "s3-outposts": ("s3outposts", "s3control", "s3"),
    "sagemaker": (
        "sagemaker-runtime",
        "sagemaker-featurestore-runtime",
        "sagemaker-metrics",
        "sagemaker-a2i-runtime",
        "sagemaker-edge",
        "sagemaker-inference-router-runtime",
        "sagemakerjobruntime",
        "sagemakertrainingsessionruntime",
    ),
}
HOT_QUERY = {
    "cloudformation": ("cloudformation",),
    "ec2": ("ec2",),
    "iam": ("iam",),
    "monitoring": ("cloudwatch",),
    "sns": ("sns",),
    "sqs": ("sqs",),
    "sts": ("sts",),
}
HOT_VERSIONS = {"2010-05-08": ("iam",), "2011-06-15": ("sts",), "2016-11-15": ("ec2",)}
_memo = lru_cache(maxsize=512)  # bounded: the keys come from outside
_S3_ELSEWHERE = re.compile(r"\.(?:s3-accesspoint|accesspoint|s3-object-lambda|s3-outposts)\..+\.amazonaws\.com", re.I)
"""Hosts whose paths are keys of a bucket that the host does not name."""
_S3_SIGNING = frozenset({"", "s3", "s3express", "s3-object-lambda"})


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. account: 12 digits. uri_params: path labels, decoded, by their names on the wire."""

    service: str
    operation: str
    protocol: str
    account: str
    region: str
    access_key: str
    uri_params: dict[str, str]
    presigned: bool


class RoutingError(AwsError):
    """No operation fits. protocol: the one to answer in."""

    def __init__(self, protocol: str, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)
        self.protocol = protocol


def needs_body(request: HttpRequest) -> bool:
    """Whether route() needs the form: a POST of AWS's query protocol, rather than say a form put into S3."""
    if request.method != "POST" or not request.headers.get("content-type").startswith(_FORM):
        return False
    if "x-amz-target" in request.headers or "smithy-protocol" in request.headers:
        return False
    scope = credentials.scope(request)
    if scope is not None:
        return scope[2] not in _S3_SIGNING and bool(_query_services(scope[2]))
    return hosts.parse(request.host).service != "s3"


def route(request: HttpRequest, form: Mapping[str, str] | None = None) -> Route:
    """The route of a request; form: its body, parsed, where needs_body() says so. Raises AwsError."""
    access_key, region, signing, presigned = credentials.scope(request) or ("", "", "", False)
    host = hosts.parse(request.host)
    if not region:
        chosen = request.headers.get("x-amz-region-set").partition(",")[0].strip()
        region = chosen if chosen and "*" not in chosen else host.region or _REGION
    if request.method == "OPTIONS":
        service, operation, protocol, params = "s3", PREFLIGHT, "rest-xml", _s3_names(request, host)
    else:
        service, operation, protocol, params = _decide(request, form, signing, host)
    account = access_key if len(access_key) == 12 and access_key.isascii() and access_key.isdecimal() else _ACCOUNT
    return Route(service, operation, protocol, account, region, access_key, params, presigned)


_Found = tuple[str, str, str, dict[str, str]]


def _decide(request: HttpRequest, form: Mapping[str, str] | None, signing: str, host: hosts.Host) -> _Found:
    target = request.headers.get("x-amz-target")
    if target:
        return _json(request, target)
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _cbor(request)
    if form is not None and "Action" in form:
        return _query(request, form, signing, host)
    if "Action=" in request.query and (signing or host.service) not in _S3_SIGNING:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if "Action" in query:
            return _query(request, query, signing, host)
    if _S3_ELSEWHERE.search(request.host):
        message = "Sagewright does not implement S3 access points and S3 on Outposts yet."
        raise RoutingError("rest-xml", "NotImplemented", message, 501)
    if signing not in _S3_SIGNING:
        found = _rest(request, _likely(request, _rest_services(signing), host.service), signing)
    elif host.service and host.service != "s3" and not signing:
        found = _rest(request, (host.service,), host.service)
    else:
        found = None
    return found or _s3(request, host, signing)


def _json(request: HttpRequest, target: str) -> _Found:
    prefix, _, operation = target.rpartition(".")
    for service in _likely(request, _json_services(prefix)):
        if _has(service, operation):
            return service, operation, "json", {}
    raise RoutingError("json", "UnknownOperationException", f"AWS has no operation {target}.")


def _cbor(request: HttpRequest) -> _Found:
    found = _RPC.search(request.path)
    if found is not None:
        for service in _json_services(found[1]) or _by_service_id(found[1]):
            if _has(service, found[2]):
                return service, found[2], CBOR, {}
    raise RoutingError(CBOR, "UnknownOperationException", f"AWS has no operation at {request.path}.", 404)


def _query(request: HttpRequest, form: Mapping[str, str], signing: str, host: hosts.Host) -> _Found:
    action, version = form["Action"], form.get("Version", "")
    services = _query_services(signing) or ((host.service,) if host.service else ()) or _query_versions(version)
    fitting = [service for service in _likely(request, services) if _has(service, action)]
    same = [service for service in fitting if models.service(service).api_version == version]
    for service in same or fitting:
        return service, action, "ec2" if models.protocol_of(service) == "ec2" else "query", {}
    raise RoutingError("query", "InvalidAction", f"Could not find operation {action} for version {version}")


def _rest(request: HttpRequest, services: tuple[str, ...], named: str) -> _Found | None:
    for service in services:
        found = _match(service, request, request.path)
        if found is not None:
            return service, found[0], models.protocol_of(service), found[1]
    if not services and not _known(named):
        return None
    if named == "sagemaker" and request.path.endswith("/invocations-bidirectional-stream"):
        message = "Sagewright does not implement InvokeEndpointWithBidirectionalStream: it does not speak HTTP/2."
        raise RoutingError("rest-json", "NotImplemented", message, 501)
    protocol = models.protocol_of(services[0]) if services else "json"
    message = f"AWS has no operation at {request.method} {request.path} for {named}."
    raise RoutingError(protocol, "UnknownOperationException", message, 404)


def _s3(request: HttpRequest, host: hosts.Host, signing: str) -> _Found:
    if request.path.startswith("/v20180820/") and ("x-amz-account-id" in request.headers or host.service != "s3"):
        found = _match("s3control", request, request.path)
        if found is not None:
            return "s3control", found[0], "rest-xml", found[1]
    path = host.s3_path(request.path)
    found = _match("s3", request, path)
    names = found[1] if found is not None else {}
    if request.method == "POST" and request.headers.get("content-type").startswith("multipart/form-data"):
        names = names or _s3_names(request, host)
        if "Key" not in names:
            return "s3", POST_OBJECT, "rest-xml", names
    if found is None or (found[0] == "CompleteMultipartUpload" and not _UPLOAD.search(request.query)):
        message = "The specified method is not allowed against this resource."
        raise RoutingError("rest-xml", "MethodNotAllowed", message, 405)
    operation = found[0]
    if operation == "ListBuckets" and signing == "s3express":
        operation = "ListDirectoryBuckets"
    return "s3", operation, "rest-xml", names


def _match(service: str, request: HttpRequest, path: str) -> tuple[str, dict[str, str]] | None:
    try:
        return paths(service).match(request.method, path, request.query, request.headers)
    except UnicodeDecodeError:
        protocol = models.protocol_of(service)
        code = "InvalidURI" if protocol == "rest-xml" else "SerializationException"
        raise RoutingError(protocol, code, "Couldn't parse the specified URI.") from None


def _s3_names(request: HttpRequest, host: hosts.Host) -> dict[str, str]:
    bucket, _, key = host.s3_path(request.path).lstrip("/").partition("/")
    found = _match("s3", HttpRequest("GET", request.path, "", request.headers, request.body), f"/{bucket}/{key}")
    return found[1] if found is not None else {}


def _likely(request: HttpRequest, services: tuple[str, ...], host_service: str = "") -> tuple[str, ...]:
    """The services with the one first that the host names or whose client sent the request: some share paths."""
    if len(services) < 2:
        return services
    found = _CLIENT.search(request.headers.get("user-agent"))
    first = _client_names(services).get(found[1]) if found is not None else None
    if first is None and host_service in services:
        first = host_service
    return services if first is None else (first, *services)


@_memo
def _client_names(services: tuple[str, ...]) -> dict[str, str]:
    """Services by the names of their clients, unless two share one."""
    names = [models.entry(service).service_id.lower().replace(" ", "-") for service in services]
    return {name: service for name, service in zip(names, services, strict=True) if names.count(name) == 1}


def _has(service: str, operation: str) -> bool:
    try:
        models.operation(service, operation)
    except KeyError:
        return False
    return True


@_memo
def _json_services(prefix: str) -> tuple[str, ...]:
    """Services of an X-Amz-Target prefix; two share Timestream's."""
    hot = HOT_TARGETS.get(prefix)
    if hot is not None:
        return (hot,)
    return tuple(entry.name for entry in models.catalog().values() if prefix and entry.target_prefix == prefix)


@_memo
def _by_service_id(service_id: str) -> tuple[str, ...]:
    return tuple(e.name for e in models.catalog().values() if e.service_id.replace(" ", "") == service_id)


@_memo
def _rest_services(signing: str) -> tuple[str, ...]:
    """REST services that sign with a name, the likeliest first."""
    hot = HOT_REST.get(signing)
    if hot is not None:
        return tuple(name for name in hot if models.exists(name))
    entries = [e for e in models.catalog().values() if e.signing_name == signing and e.protocol.startswith("rest")]
    return tuple(entry.name for entry in sorted(entries, key=lambda entry: (len(entry.name), entry.name)))


@_memo
def _query_services(signing: str) -> tuple[str, ...]:
    """Services of a signing name that speak the query protocol, or did so before they moved to JSON or CBOR."""
    hot = HOT_QUERY.get(signing)
    if hot is not None:
        return hot
    entries = [e for e in models.catalog().values() if e.signing_name == signing]
    entries.sort(key=lambda entry: (entry.name != signing, entry.name))
    return tuple(e.name for e in entries if {"query", "ec2"} & {e.protocol, *e.protocols} or e.query_compatible)


@_memo
def _query_versions(version: str) -> tuple[str, ...]:
    hot = HOT_VERSIONS.get(version)
    if hot is not None:
        return hot
    entries = [e for e in models.catalog().values() if e.api_version == version]
    return tuple(e.name for e in entries if {"query", "ec2"} & {e.protocol, *e.protocols} or e.query_compatible)


@_memo
def _known(signing: str) -> bool:
    return any(signing in (entry.signing_name, entry.name) for entry in models.catalog().values())
