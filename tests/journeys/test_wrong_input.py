"""Input that is wrong in ways no SDK sends: AWS's error code from a real server, and nothing left behind."""

from __future__ import annotations

import gzip
import hashlib
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_client import make_client

from clients.raw import Answer, Raw, authorization, json_call, request
from sagewright.testing.server import ServerHandle, running_server

S3 = authorization("s3")
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]><Tagging>&l9;</Tagging>'.encode()
OUTSIDE = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&f;</Key></Object></Delete>'
DEEP = b"<Delete>" + b"<Object>" * 100_000
FORM = "application/x-www-form-urlencoded"
CBOR = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
METRICS = "GraniteServiceVersion20100801.PutMetricData"


def s3(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    return request(method, f"/wrong{path}", body, authorization=S3, **headers)


def xml(method: str, path: str, body: bytes) -> bytes:
    return s3(method, path, body, content_md5=b64encode(hashlib.md5(body).digest()).decode())


def chunked(size: bytes, declared: str = "5") -> bytes:
    """An object in aws-chunked whose only chunk says that it has so many bytes."""
    kind = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    how = {"content_encoding": "aws-chunked", "x_amz_content_sha256": kind, "x_amz_decoded_content_length": declared}
    return s3("PUT", "/k", size + b"\r\nhello\r\n0\r\n\r\n", **how)


def form(*lines: str) -> bytes:
    body = "\r\n".join(["--b", *lines, "--b--", ""]).encode()
    return s3("POST", "", body, content_type="multipart/form-data; boundary=b")


def gzipped(service: str, target: str, data: bytes) -> bytes:
    kind = "application/x-amz-json-1.0"
    headers = {"content_type": kind, "content_encoding": "gzip", "x_amz_target": target}
    return request("POST", "/", gzip.compress(data), authorization=authorization(service), **headers)


def document(body: bytes, target: str = "SageMaker.ListTrainingJobs") -> bytes:
    headers = {"content_type": "application/x-amz-json-1.1", "x_amz_target": target}
    return request("POST", "/", body, authorization=authorization("sagemaker"), **headers)


def cbor(body: bytes) -> bytes:
    return request("POST", CBOR, body, smithy_protocol="rpc-v2-cbor", content_type="application/cbor")


def frames(body: bytes) -> bytes:
    """A stream of events to an operation that takes one; of those that are implemented none does."""
    named = {"x_amzn_engine": "neural", "x_amzn_outputformat": "mp3", "x_amzn_voiceid": "Amy"}
    named |= {"content_type": "application/vnd.amazon.eventstream", "authorization": authorization("polly")}
    return request("POST", "/v1/synthesisStream", body, **named)


WRONG: dict[str, tuple[bytes, int, bytes]] = {
    "a key of 1,025 bytes": (s3("PUT", "/" + "k" * 1025, b"x"), 400, b"KeyTooLongError"),
    "metadata beyond 2 KB": (s3("PUT", "/k", b"x", x_amz_meta_a="x" * 2048), 400, b"MetadataTooLarge"),
    "an XML bomb, tags": (xml("PUT", "/old?tagging", BOMB), 400, b"MalformedXML"),
    "an XML bomb, a bucket": (request("PUT", "/bomb", BOMB, authorization=S3), 400, b"MalformedXML"),
    "an XML bomb, rules": (xml("PUT", "?lifecycle", BOMB), 400, b"MalformedXML"),
    "an entity from outside": (xml("POST", "?delete", OUTSIDE), 400, b"MalformedXML"),
    "XML without end": (xml("POST", "?delete", DEEP), 400, b"MalformedXML"),
    "part 10,001": (s3("PUT", "/k?partNumber=10001&uploadId=x", b"x"), 400, b"InvalidArgument"),
    "a part of no number": (s3("PUT", "/k?partNumber=one&uploadId=x", b"x"), 400, b"InvalidArgument"),
    "a chunk of 2^64 bytes": (chunked(b"ffffffffffffffff"), 400, b"IncompleteBody"),
    "a chunk of more digits": (chunked(b"f" * 100), 400, b"IncompleteBody"),
    "a chunk of no size": (chunked(b"-5"), 400, b"IncompleteBody"),
    "chunks of a gigantic object": (chunked(b"5", "9" * 18), 400, b"EntityTooLarge"),
    "a form with a field of 1 MB": (form('Content-Disposition: form-data; name="key"', "", "k" * 2**20), 400, b"Max"),
    "a form of nothing": (form(), 400, b"MalformedPOSTRequest"),
    "deep JSON": (document(b"[" * 100_000), 400, b"SerializationException"),
    "JSON of another encoding": (document(b'{"NameContains": "\xff\xfe"}'), 400, b"SerializationException"),
    "a bomb of gzip": (gzipped("monitoring", METRICS, b" " * 2**26), 413, b"RequestEntityTooLarge"),
    "gzip that is none": (request("POST", "/", b"x", content_encoding="gzip", content_type=FORM), 400, b"Exception"),
    "CBOR cut short": (cbor(b"\xa1\x69Namespace\x78\xff"), 400, b"SerializationException"),
    "CBOR of a gigantic text": (cbor(b"\xa1\x69Namespace\x7b\x7f\xff\xff\xff\xff\xff\xff\xffx"), 400, b"Serialization"),
    "CBOR of a gigantic list": (cbor(b"\xa1\x6aDimensions\x9b\x7f\xff\xff\xff\xff\xff\xff\xff"), 400, b"Serialization"),
    "CBOR too deep": (cbor(b"\xa1\x6aDimensions" + b"\x81" * 100_000), 400, b"SerializationException"),
    "a gigantic event": (frames(b"\xff\xff\xff\xff\0\0\0\0\0\0\0\0"), 501, b"polly"),
    "an event that is none": (frames(b"no frame at all"), 501, b"polly"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    with running_server(tmp_path_factory.mktemp("wrong")) as made:
        client = make_client(made.url)
        client.create_bucket(Bucket="wrong")
        client.put_object(Bucket="wrong", Key="old", Body=os.urandom(100_000))
        client.close()
        yield made


def files(server: ServerHandle) -> set[str]:
    return {str(path) for path in (server.data_dir / "blobs").rglob("*") if path.is_file()}


def resident(server: ServerHandle) -> int:
    """Bytes."""
    assert server.process is not None
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ask(server: ServerHandle, sent: bytes) -> Answer:
    with Raw(server.port, timeout=30) as wire:
        return wire.ask(sent)


@pytest.mark.parametrize("what", WRONG)
def test_it_is_refused(server: ServerHandle, what: str) -> None:
    sent, status, code = WRONG[what]
    before = files(server)
    answer = ask(server, sent)
    assert answer.status == status, answer
    assert code in answer.body + answer.headers.get("x-amzn-errortype", "").encode(), answer
    assert files(server) == before
    assert b"<Key>old</Key>" in ask(server, s3("GET", "?list-type=2")).body
    assert b"<KeyCount>1</KeyCount>" in ask(server, s3("GET", "?list-type=2")).body
    assert b"<Upload>" not in ask(server, s3("GET", "?uploads")).body
    assert ask(server, json_call("sagemaker", "SageMaker.ListTrainingJobs")).status == 200


def test_it_costs_no_memory(server: ServerHandle) -> None:
    """All of it again and again, once the server has seen it."""
    every = [sent for sent, _, _ in WRONG.values()]
    for sent in every:
        ask(server, sent)
    before = resident(server)
    for _ in range(5):
        for sent in every:
            ask(server, sent)
    print(f"grown by {(resident(server) - before) / 2**20:.1f} MiB")
    assert resident(server) - before < 10 * 2**20
