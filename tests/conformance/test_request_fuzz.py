"""Requests made from the service models, well-formed and not: never a 5xx but 501, never a hang, always a proper error.

The application runs in this process and its reconciler does not, so that no job is ever launched.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "wire"))

from samples import Sampler, request_of

from sagewright.app import App
from sagewright.config import Config
from sagewright.wire import models

HANG = 20.0
"""Seconds; nothing asked here takes more than a moment."""
QUIET = settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
SERVICES = ["cloudwatch", "ecr", "iam", "kms", "logs", "s3", "sagemaker", "sagemaker-runtime", "sts"]
"""Those that are there, and some that may not be: those answer 501."""
TEXT = st.one_of(
    st.sampled_from(
        ["", "a", "a" * 63, "a" * 1025, "../..", "arn:aws:iam::000000000000:role/x", "s3://b/k", "é☃\U0001f600"]
    ),
    st.text(max_size=40),
)
NUMBERS = st.sampled_from([0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**63, 10**30, 0.5, -0.0, 1e308])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


class Fuzzed:
    """The application, called through ASGI on one event loop."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._make(folder))

    async def _make(self, folder: Path) -> None:
        self.app = App(Config(data_dir=folder, hold_waiter=0.0, hold_sdk=0.0))

    def close(self) -> None:
        self.app.store.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def ask(
        self, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        names = {name.lower() for name, _ in headers}
        if body and not names & {"content-length", "transfer-encoding"}:
            headers = [*headers, ("content-length", str(len(body)))]
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await asyncio.sleep(HANG)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "raw_path": path.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"),
            "headers": [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers],
        }
        self._loop.run_until_complete(asyncio.wait_for(self.app.asgi(scope, receive, send), HANG))
        found = {name.decode().title(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    made = Fuzzed(tmp_path_factory.mktemp("data"))
    yield made
    made.close()


def signed(service: str, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    name = models.catalog()[service].signing_name
    scope = f"Credential=test/20260101/us-east-1/{name}/aws4_request"
    agent = f"Boto3 api/{models.catalog()[service].service_id.lower().replace(' ', '-')}#1.0"
    extra = [("authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature={'0' * 64}")]
    return [*headers, *extra, ("user-agent", agent)]


def check(service: str, operation: Any, method: str, answer: tuple[int, dict[str, str], bytes]) -> None:
    """A success, or an error of the client's with a code that botocore reads."""
    status, headers, body = answer
    assert status < 500 or status == 501, (status, body)
    if status < 400 or method == "HEAD":
        return
    described = {"status_code": status, "headers": HeadersDict(headers), "body": body, "context": {}}
    protocol = models.protocol_of(service)
    if protocol.endswith("json") and body.startswith(b"<"):
        protocol = "rest-xml"  # what has no sign of any service is taken for S3
    error = create_parser(protocol).parse(described, operation.output_shape)["Error"]
    assert error["Code"], answer
    assert not error["Code"].isdigit(), answer
    assert error.get("Message") is not None or status in (304, 412), answer


def ask_for(fuzzed: Fuzzed, service: str, name: str, params: dict[str, Any]) -> None:
    try:
        request, body = request_of(service, name, params)
    except Exception:
        return  # botocore cannot put it on the wire
    if not isinstance(body, bytes):
        return
    headers = signed(service, list(request.headers.items()))
    answer = fuzzed.ask(request.method, request.path, request.query, headers, body)
    check(service, models.operation(service, name), request.method, answer)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_with_samples(fuzzed: Fuzzed, service: str) -> None:
    """All members, some members, no members, and those required with empty values."""
    for name in models.operation_names(service):
        op = models.operation(service, name)
        if op.has_event_stream_input:
            continue
        ask_for(fuzzed, service, name, {})
        for seed, everything in ((1, True), (2, False), (3, False)):
            params = Sampler(f"{service}.{name}.{seed}").members(op.input_shape, everything=everything)
            ask_for(fuzzed, service, name, params)


def values(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape: at its bounds, beyond them, and of another type now and then."""
    match shape.type_name:
        case "structure":
            if depth > 4:
                return st.just({})
            members = {name: values(member, depth + 1) for name, member in shape.members.items()}
            needed = {name: members.pop(name) for name in list(members) if name in shape.required_members}
            made = st.fixed_dictionaries(needed, optional=dict(list(members.items())[:12]))
        case "list":
            made = st.lists(values(shape.member, depth + 1), max_size=2) if depth < 5 else st.just([])
        case "map":
            made = st.dictionaries(TEXT, values(shape.value, depth + 1), max_size=2) if depth < 5 else st.just({})
        case "string":
            made = st.sampled_from(shape.enum) | TEXT if shape.enum else _text(shape)
        case "integer" | "long":
            low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 100)
            made = st.sampled_from([low, high, low - 1, high + 1, 2**40, -1])
        case "float" | "double":
            made = st.sampled_from([0.0, 1.0, -1.0, 1e300])
        case "boolean":
            made = st.booleans()
        case "timestamp":
            made = st.sampled_from([0, 1_700_000_000, -1, 10**11])
        case _:
            made = st.sampled_from([b"", b"x", b"\0" * 100])
    return made if depth == 0 else st.one_of(made, made, made, made, ANYTHING)


def _text(shape: Any) -> st.SearchStrategy[str]:
    low, high = int(shape.metadata.get("min", 0)), min(int(shape.metadata.get("max", 64)), 2048)
    return st.sampled_from(["a" * low, "a" * high, "a" * (high + 1), "a" * max(low - 1, 0)]) | TEXT


@pytest.mark.parametrize("service", SERVICES)
@given(data=st.data())
@QUIET
def test_made_up_members(fuzzed: Fuzzed, service: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(implemented(fuzzed, service)))
    op = models.operation(service, name)
    params = data.draw(values(op.input_shape)) if op.input_shape is not None else {}
    ask_for(fuzzed, service, name, params)


def implemented(fuzzed: Fuzzed, service: str) -> list[str]:
    """The operations that are there; all of a service that is not."""
    there = next((each for each in fuzzed.app.services if each.name == service), None)
    names = [name for name, _ in there.coverage()] if there is not None else []
    plain = [name for name in names if not models.operation(service, name).has_event_stream_input]
    return plain or models.operation_names(service)


@pytest.mark.parametrize("service", ["kms", "logs", "sagemaker"])
@given(data=st.data())
@QUIET
def test_json_of_any_shape(fuzzed: Fuzzed, service: str, data: st.DataObject) -> None:
    """Wrong types, members nobody knows, no JSON at all."""
    name = data.draw(st.sampled_from(implemented(fuzzed, service)))
    op = models.operation(service, name)
    known = list(op.input_shape.members) if op.input_shape is not None else []
    keys = st.sampled_from(known) | TEXT if known else TEXT
    made = data.draw(
        st.one_of(st.dictionaries(keys, ANYTHING, max_size=6).map(_json), ANYTHING.map(_json), st.binary())
    )
    metadata = op.service_model.metadata
    headers = [
        ("host", "127.0.0.1"),
        ("content-type", f"application/x-amz-json-{metadata['jsonVersion']}"),
        ("x-amz-target", f"{metadata['targetPrefix']}.{name}"),
    ]
    check(service, op, "POST", fuzzed.ask("POST", "/", "", signed(service, headers), made))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("service", ["iam", "sts"])
@given(data=st.data())
@QUIET
def test_forms_of_any_shape(fuzzed: Fuzzed, service: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(implemented(fuzzed, service)))
    op = models.operation(service, name)
    known = list(op.input_shape.members) if op.input_shape is not None else []
    ends = st.sampled_from(["", ".member.1", ".member.0", ".member.x", ".1", ".member.99999999", ".entry.1.key", "."])
    keys = st.tuples(st.sampled_from(known or ["A"]), ends).map("".join) | st.text(max_size=10)
    pairs = data.draw(st.lists(st.tuples(keys, TEXT), max_size=6))
    text = urlencode([("Action", name), ("Version", op.service_model.api_version), *_writable(pairs)])
    headers = signed(service, [("host", "127.0.0.1"), ("content-type", "application/x-www-form-urlencoded")])
    check(service, op, "POST", fuzzed.ask("POST", "/", "", headers, text.encode()))


def _writable(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (key.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for key, value in pairs
    ]


S3_QUERIES = [
    "",
    "acl",
    "tagging",
    "uploads",
    "uploadId=x",
    "partNumber=0&uploadId=x",
    "versionId=x",
    "versions",
    "policy",
]
S3_QUERIES += ["delete", "cors", "lifecycle", "location", "list-type=2&max-keys=x", "max-keys=-1", "encoding-type=x"]
S3_QUERIES += [
    "versioning",
    "notification",
    "attributes",
    "retention",
    "legal-hold",
    "object-lock",
    "encryption",
    "select",
]
S3_HEADERS = {
    "range": ["bytes=0-", "bytes=-0", "bytes=5-2", "x", "bytes=0-1,3-4"],
    "if-match": ["x", '"x"', "*"],
    "if-modified-since": ["x", "Tue, 01 Jan 2030 00:00:00 GMT"],
    "content-md5": ["x", "AAAAAAAAAAAAAAAAAAAAAA=="],
    "x-amz-copy-source": ["", "/", "fuzz", "fuzz/none", "fuzz/kept", "%ff/%00", "fuzz/kept?versionId="],
    "x-amz-copy-source-range": ["x", "bytes=0-99999"],
    "x-amz-checksum-crc32": ["x", "AAAAAA=="],
    "x-amz-sdk-checksum-algorithm": ["x", "CRC32"],
    "x-amz-content-sha256": ["x", "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"],
    "x-amz-decoded-content-length": ["x", "-1", "99999999999999999999"],
    "x-amz-tagging": ["a=b&a=c", "=", "%", "&" * 20],
    "x-amz-acl": ["x", "private"],
    "x-amz-storage-class": ["x"],
    "x-amz-server-side-encryption": ["x", "AES256", "aws:kms"],
    "x-amz-server-side-encryption-customer-algorithm": ["x", "AES256"],
    "x-amz-server-side-encryption-customer-key": ["x", "A" * 44],
    "x-amz-meta-a": ["", "é" * 2000],
    "x-amz-object-lock-mode": ["x", "GOVERNANCE"],
    "content-length": ["x", "-1", "99999999999999"],
    "x-amz-expected-bucket-owner": ["x", "111111111111"],
}
XML = [
    b"",
    b"<",
    b"<a/>",
    b"<Delete><Object><Key></Key></Object></Delete>",
    b"<Tagging><TagSet><Tag/></TagSet></Tagging>",
]
XML += [b'<!DOCTYPE a [<!ENTITY b "cc">]><a>&b;</a>', b"<CompleteMultipartUpload/>", b"\xff\xfe", b"{}", b"<a>" * 5000]


@given(data=st.data())
@settings(QUIET, max_examples=400)
def test_s3_requests_of_any_shape(fuzzed: Fuzzed, data: st.DataObject) -> None:
    host = [("host", "127.0.0.1")]
    fuzzed.ask("PUT", "/fuzz", "", signed("s3", host), b"")
    fuzzed.ask("PUT", "/fuzz/kept", "", signed("s3", host), b"kept")
    method = data.draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]))
    key = data.draw(
        st.sampled_from(["kept", "none", "", "a" * 1025, "%", "%00", "%ff", "..", "/", "//"]) | TEXT.map(quote)
    )
    bucket = data.draw(st.sampled_from(["fuzz", "fuzz", "fuzz", "none", "A", "..", "%2e%2e", ""]))
    path = f"/{bucket}/{key}" if data.draw(st.booleans()) or not bucket else f"/{bucket}"
    query = data.draw(st.sampled_from(S3_QUERIES) | TEXT.map(quote))
    names = data.draw(st.lists(st.sampled_from(sorted(S3_HEADERS)), max_size=3, unique=True))
    headers = [(name, data.draw(st.sampled_from(S3_HEADERS[name]))) for name in names]
    body = data.draw(st.sampled_from(XML) | st.binary(max_size=50))
    answer = fuzzed.ask(method, path, query, signed("s3", [*host, *headers]), body)
    status, _, text = answer
    assert status < 500 or status == 501, answer
    if status >= 400 and method != "HEAD":
        assert b"<Code>" in text, answer
