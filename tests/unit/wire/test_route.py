from typing import Any

import pytest
from caught import client, sent
from samples import Sampler

from sagewright.core.errors import AwsError
from sagewright.wire import hosts, models
from sagewright.wire import route as routing
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.protocols.query import form_of
from sagewright.wire.route import RoutingError, needs_body, route

# Deprecated operations share their path and query with the ones that replaced them.
REPLACED = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
}
# Their clients need more than made-up parameters: an object lambda's route, directory buckets' own endpoint.
SPECIAL = {"WriteGetObjectResponse", "ListDirectoryBuckets", "CreateSession"}


def made(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> HttpRequest:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpRequest(method, path, query, Headers(named), Body.of(body))


def scoped(service: str, region: str = "eu-west-1", access_key: str = "test") -> str:
    credential = f"{access_key}/20240101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=0123"


def routed(request: HttpRequest, body: bytes = b"") -> Any:
    return route(request, form_of(body) if needs_body(request) else None)


def sample(service: str, operation: str) -> dict[str, Any]:
    op = models.operation(service, operation)
    members = Sampler(f"{service}.{operation}", rich=False).members(op.input_shape, everything=False)
    if service == "s3":
        members |= {"Bucket": "my-bucket"} if "Bucket" in members else {}
        members |= {"CopySource": "my-bucket/key"} if "CopySource" in members else {}
        members.pop("SSECustomerKey", None)
        members.pop("CopySourceSSECustomerKey", None)
        members.pop("ChecksumAlgorithm", None)
        if "AnnotationPayload" in members:
            members["AnnotationPayload"] = b"x"
    return members


@pytest.mark.parametrize(
    "service", ["sagemaker", "sagemaker-runtime", "sagemaker-featurestore-runtime", "sagemaker-metrics", "sts", "iam"]
)
def test_operations_of_boto3_route_to_themselves(service: str) -> None:
    for name in models.operation_names(service):
        request, body = sent(client(service), models.snake_case(name), **sample(service, name))
        found = routed(request, body)
        assert (found.service, found.operation) == (service, name)
        if service.startswith("sagemaker"):  # some of STS is unsigned, and IAM has one region
            assert (found.account, found.region, found.presigned) == ("123456789012", "eu-west-1", False)


@pytest.mark.parametrize("addressing", ["path", "virtual"])
def test_operations_of_s3_route_to_themselves(addressing: str) -> None:
    s3 = client("s3", None, addressing=addressing)
    for name in models.operation_names("s3"):
        if name in SPECIAL:
            continue
        request, body = sent(s3, models.snake_case(name), **sample("s3", name))
        found = routed(request, body)
        assert (found.service, found.operation) == ("s3", REPLACED.get(name, name)), request.path
        if name != "ListBuckets":
            assert found.uri_params["Bucket"] == "my-bucket"


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("cloudformation", "DescribeStacks"),
        ("cloudwatch", "PutMetricData"),
        ("ec2", "DescribeInstances"),
        ("kinesis", "ListStreams"),
        ("lambda", "ListFunctions"),
        ("logs", "PutLogEvents"),
        ("route53", "ListHostedZones"),
        ("s3control", "ListJobs"),
        ("sqs", "SendMessage"),
        ("apigatewayv2", "GetApis"),
        ("bedrock-runtime", "InvokeModel"),
        ("rds", "DescribeDBInstances"),
    ],
)
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4566"])
def test_any_service_is_found(service: str, operation: str, endpoint: str | None) -> None:
    members = sample(service, operation)
    if service == "s3control":
        members["AccountId"] = "123456789012"
    request, body = sent(client(service, endpoint), models.snake_case(operation), **members)
    found = routed(request, body)
    assert (found.service, found.operation) == (service, operation)


def test_the_tables_of_usual_services_are_the_models() -> None:
    entries = models.catalog()
    for prefix, service in routing.HOT_TARGETS.items():
        assert [name for name, entry in entries.items() if entry.target_prefix == prefix] == [service]
    for prefix, service in hosts.HOT.items():
        assert entries[service].endpoint_prefix == prefix
    for signing in ("sagemaker", "lambda"):
        rest = {n for n, e in entries.items() if e.signing_name == signing and e.protocol.startswith("rest")}
        assert rest == {name for name in routing.HOT_REST[signing] if models.exists(name)}
    for signing, services in routing.HOT_QUERY.items():
        found = [e for e in entries.values() if e.signing_name == signing and not e.protocol.startswith("rest")]
        assert tuple(entry.name for entry in found) == services
    for version, services in routing.HOT_VERSIONS.items():
        found = [e for e in entries.values() if e.api_version == version and e.protocol in ("query", "ec2")]
        assert tuple(entry.name for entry in found) == services


@pytest.mark.parametrize(
    ("host", "service", "region", "bucket", "local"),
    [
        ("127.0.0.1:4566", "", "", "", ""),
        ("localhost:4566", "", "", "", ""),
        ("[::1]:4566", "", "", "", ""),
        ("sts.us-east-1.amazonaws.com", "sts", "us-east-1", "", ""),
        ("sts.amazonaws.com", "sts", "", "", ""),
        ("iam.amazonaws.com:443", "iam", "", "", ""),
        ("runtime.sagemaker.eu-west-1.amazonaws.com", "sagemaker-runtime", "eu-west-1", "", ""),
        ("api.sagemaker.cn-north-1.amazonaws.com.cn", "sagemaker", "cn-north-1", "", ""),
        ("api.sagemaker-fips.us-gov-west-1.amazonaws.com", "sagemaker", "us-gov-west-1", "", ""),
        ("monitoring.eu-west-1.amazonaws.com", "cloudwatch", "eu-west-1", "", ""),
        ("s3.amazonaws.com", "s3", "", "", ""),
        ("s3.eu-west-1.amazonaws.com", "s3", "eu-west-1", "", ""),
        ("s3-eu-west-1.amazonaws.com", "s3", "eu-west-1", "", ""),
        ("bkt.s3.amazonaws.com", "s3", "", "bkt", ""),
        ("my.dotted.bkt.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1", "my.dotted.bkt", ""),
        ("bkt.s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1", "bkt", ""),
        ("bkt.s3-accelerate.amazonaws.com", "s3", "", "bkt", ""),
        ("bkt.s3.cn-north-1.amazonaws.com.cn", "s3", "cn-north-1", "bkt", ""),
        ("bkt.s3.eu-west-1.localhost.localstack.cloud:4566", "s3", "eu-west-1", "bkt", ""),
        ("bkt.s3.localhost:4566", "s3", "", "bkt", ""),
        ("bkt.localhost:4566", "", "", "", "bkt"),
        ("123456789012.s3-control.eu-west-1.amazonaws.com", "s3control", "eu-west-1", "", ""),
    ],
)
def test_hosts(host: str, service: str, region: str, bucket: str, local: str) -> None:
    assert hosts.parse(host) == hosts.Host(service, region, bucket, local)


def test_virtual_hosts_become_buckets() -> None:
    request = made("GET", "/a%20b//c", host="bkt.localhost:4566", authorization=scoped("s3"))
    found = route(request)
    assert (found.operation, found.uri_params) == ("GetObject", {"Bucket": "bkt", "Key": "a b//c"})
    assert route(made("GET", "/", host="bkt.s3.amazonaws.com")).operation == "ListObjects"
    assert route(made("PUT", "/bkt/", host="localhost")).operation == "CreateBucket"


def test_presigned_urls() -> None:
    url = client("s3").generate_presigned_url("get_object", Params={"Bucket": "bkt", "Key": "k"})
    found = route(made("GET", "/bkt/k", url.partition("?")[2], host="127.0.0.1:4566"))
    assert (found.operation, found.account, found.presigned) == ("GetObject", "123456789012", True)
    query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20240101%2Feu-west-1%2Fs3%2Faws4_request"
    assert route(made("GET", "/bkt/k", query, host="127.0.0.1:4566")).region == "eu-west-1"
    old = route(made("PUT", "/bkt/k", "AWSAccessKeyId=123456789012&Expires=1&Signature=x", host="127.0.0.1"))
    assert (old.operation, old.account, old.presigned) == ("PutObject", "123456789012", True)


def test_a_presigned_query_operation() -> None:
    query = (
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Credential=test%2F20240101%2Fus-west-2%2Fsts%2Faws4_request"
    )
    found = route(made("GET", "/", query, host="sts.us-west-2.amazonaws.com"))
    assert (found.service, found.operation, found.protocol, found.region) == (
        "sts",
        "GetCallerIdentity",
        "query",
        "us-west-2",
    )


def test_unsigned_query_operations_go_by_host_or_version() -> None:
    form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15"}
    request = made("POST", "/", host="127.0.0.1", content_type="application/x-www-form-urlencoded")
    assert needs_body(request)
    assert route(request, form).service == "sts"
    by_host = made("POST", "/", host="sts.eu-west-1.amazonaws.com", content_type="application/x-www-form-urlencoded")
    assert route(by_host, form).region == "eu-west-1"


def test_an_unsigned_query_in_the_url_goes_by_host() -> None:
    query = "Action=GetCallerIdentity&Version=2011-06-15"
    found = routed(made("GET", "/", query, host="sts.eu-west-1.amazonaws.com"))
    assert (found.service, found.operation, found.region) == ("sts", "GetCallerIdentity", "eu-west-1")
    assert routed(made("GET", "/bucket", query, host="s3.amazonaws.com")).service == "s3"


def test_forms_that_are_not_the_query_protocol_stay_unread() -> None:
    form = "application/x-www-form-urlencoded"
    assert not needs_body(made("POST", "/bkt/k", "uploadId=1", content_type=form, authorization=scoped("s3")))
    assert not needs_body(made("PUT", "/bkt/k", content_type=form))
    invoke = made("POST", "/endpoints/e/invocations", content_type=form, authorization=scoped("sagemaker"))
    assert not needs_body(invoke)


def test_sigv4a_and_defaults() -> None:
    header = "AWS4-ECDSA-P256-SHA256 Credential=test/20240101/s3/aws4_request, SignedHeaders=host, Signature=0"
    request = made("GET", "/b/k", authorization=header, x_amz_region_set="eu-central-1")
    assert (route(request).region, route(request).account) == ("eu-central-1", "000000000000")
    everywhere = made("GET", "/b/k", authorization=header, x_amz_region_set="*")
    assert route(everywhere).region == "us-east-1"


def test_what_s3_alone_does() -> None:
    preflight = route(made("OPTIONS", "/bkt/a/b", origin="https://x", access_control_request_method="PUT"))
    assert (preflight.operation, preflight.uri_params) == (routing.PREFLIGHT, {"Bucket": "bkt", "Key": "a/b"})
    upload = route(made("POST", "/bkt", content_type="multipart/form-data; boundary=x"))
    assert (upload.operation, upload.uri_params) == (routing.POST_OBJECT, {"Bucket": "bkt"})
    directory = route(made("GET", "/", authorization=scoped("s3express")))
    assert directory.operation == "ListDirectoryBuckets"


@pytest.mark.parametrize(
    ("request_", "protocol", "code"),
    [
        (made("POST", "/", x_amz_target="SageMaker.NoSuchThing"), "json", "UnknownOperationException"),
        (made("POST", "/", x_amz_target="nonsense"), "json", "UnknownOperationException"),
        (made("POST", "/x", smithy_protocol="rpc-v2-cbor"), routing.CBOR, "UnknownOperationException"),
        (made("POST", "/no/such", authorization=scoped("sagemaker")), "rest-json", "UnknownOperationException"),
        (made("POST", "/", authorization=scoped("logs")), "json", "UnknownOperationException"),
        (made("PATCH", "/bkt"), "rest-xml", "MethodNotAllowed"),
        (made("GET", "//x"), "rest-xml", "MethodNotAllowed"),
        (made("GET", "/bkt/%ff"), "rest-xml", "InvalidURI"),
    ],
)
def test_what_aws_does_not_have_is_refused_in_its_protocol(request_: HttpRequest, protocol: str, code: str) -> None:
    with pytest.raises(RoutingError) as caught:
        route(request_)
    assert (caught.value.protocol, caught.value.code) == (protocol, code)
    assert caught.value.status < 500


def test_an_unknown_action_is_refused() -> None:
    request = made("POST", "/", authorization=scoped("sts"), content_type="application/x-www-form-urlencoded")
    with pytest.raises(AwsError, match="InvalidAction"):
        route(request, {"Action": "NoSuchThing", "Version": "2011-06-15"})


def test_clients_that_share_paths_are_told_apart_by_their_name() -> None:
    agent = "Boto3/1.44.5 md/Botocore#1.44.5 api/bedrock-agent-runtime#1.44.5 ua/2.1"
    request = made("GET", "/tags/arn", authorization=scoped("bedrock"), user_agent=agent)
    assert route(request).service == "bedrock-agent-runtime"


def test_what_needs_http_2_says_so() -> None:
    path = "/endpoints/e/invocations-bidirectional-stream"
    with pytest.raises(RoutingError, match="HTTP/2") as caught:
        route(made("POST", path, authorization=scoped("sagemaker")))
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)
