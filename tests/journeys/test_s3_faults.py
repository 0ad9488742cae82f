"""What a bad network, a bad client or a killed server does to stored objects: nothing."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import threading
import time
import zlib
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from s3_client import make_client, whole

from sagewright.testing.server import running_server

MB = 1 << 20


def files(server):
    """Every file under the blob folder, by its path there."""
    folder = server.data_dir / "blobs"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def eventually(check, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def exchange(server, method, path, body=b"", **headers):
    """A bare request: (status, body, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        connection.send(body)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def chunked(payload, size=70_000, signature=b"", trailers=b""):
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), signature, piece) for piece in pieces)
    return body + b"0" + signature + b"\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize("signed", [False, True])
def test_chunked_bodies(sagewright_server, s3, bucket, signed):
    payload = os.urandom(300_000)
    crc = b64encode(zlib.crc32(payload).to_bytes(4, "big"))
    trailers = b"x-amz-checksum-crc32:%s\r\n" % crc
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" if signed else "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    signature = b";chunk-signature=" + b"0" * 64 if signed else b""

    def put(body, length):
        return exchange(
            sagewright_server,
            "PUT",
            f"/{bucket}/k",
            body,
            content_length=str(len(body)),
            content_encoding="gzip,aws-chunked",
            x_amz_content_sha256=kind,
            x_amz_decoded_content_length=str(length),
            x_amz_trailer="x-amz-checksum-crc32",
        )

    before = files(sagewright_server)
    wrong = trailers.replace(crc, b64encode(b"\0\0\0\0"))
    for body, length, code in (
        (chunked(payload, signature=signature, trailers=wrong), len(payload), b"BadDigest"),
        (chunked(payload, signature=signature), len(payload), b"MalformedTrailerError"),
        (chunked(payload, signature=signature, trailers=trailers), len(payload) + 1, b"IncompleteBody"),
        (chunked(payload, signature=signature, trailers=trailers), len(payload) - 1, b"IncompleteBody"),
        (chunked(payload, signature=signature)[:-100_000], len(payload), b"IncompleteBody"),
    ):
        status, answer, _ = put(body, length)
        assert (status, code in answer) == (400, True), answer
    assert files(sagewright_server) == before
    status, answer, headers = put(chunked(payload, signature=signature, trailers=trailers), len(payload))
    assert (status, headers["x-amz-checksum-crc32"]) == (200, crc.decode()), answer
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ContentEncoding"]) == (payload, "gzip")


def test_lengths(sagewright_server, bucket):
    put = f"/{bucket}/k"
    assert b"MissingContentLength" in exchange(sagewright_server, "PUT", put)[1]
    assert exchange(sagewright_server, "PUT", put)[0] == 411
    status, answer, _ = exchange(sagewright_server, "PUT", put, b"0\r\n\r\n", transfer_encoding="chunked")
    assert (status, b"NotImplemented" in answer) == (501, True)
    status, answer, _ = exchange(sagewright_server, "PUT", put, content_length=str(6 * 2**30))
    assert (status, b"EntityTooLarge" in answer) == (400, True)
    status, answer, _ = exchange(sagewright_server, "PUT", put, b"x", content_length="1", x_amz_content_sha256="abc")
    assert (status, b"x-amz-content-sha256 must be" in answer) == (400, True)
    digest = hashlib.sha256(b"y").hexdigest()
    status, answer, _ = exchange(sagewright_server, "PUT", put, b"x", content_length="1", x_amz_content_sha256=digest)
    assert (status, b"XAmzContentSHA256Mismatch" in answer) == (400, True)
    status, answer, _ = exchange(sagewright_server, "PATCH", put, content_length="0")
    assert (status, b"MethodNotAllowed" in answer) == (405, True)


def test_expect_100_continue(sagewright_server, s3, bucket):
    with socket.create_connection(("127.0.0.1", sagewright_server.port), timeout=10) as wire:
        wire.sendall(
            f"PUT /{bucket}/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert wire.recv(100).startswith(b"HTTP/1.1 100")
        wire.sendall(b"abc")
        assert wire.recv(1000).startswith(b"HTTP/1.1 200")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"abc"


def test_a_client_that_hangs_up(sagewright_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    before = files(sagewright_server)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    for path in (f"/{bucket}/k", f"/{bucket}/m?partNumber=1&uploadId={upload}"):
        with socket.create_connection(("127.0.0.1", sagewright_server.port)) as wire:
            wire.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n".encode())
            wire.sendall(b"x" * 8 * MB)
            eventually(lambda: files(sagewright_server) > before)
        eventually(lambda: files(sagewright_server) == before)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="m", UploadId=upload)


def test_a_reader_that_hangs_up(sagewright_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 32 * MB)
    handles = f"/proc/{sagewright_server.process.pid}/fd"
    before = len(os.listdir(handles))
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", sagewright_server.port)) as wire:
            wire.sendall(f"GET /{bucket}/k HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            wire.recv(1000)
    eventually(lambda: len(os.listdir(handles)) <= before)
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 32 * MB


def test_nothing_is_left_of_what_is_gone(sagewright_server, s3, bucket):
    before = files(sagewright_server)
    for _ in range(3):
        s3.put_object(Bucket=bucket, Key="k", Body=os.urandom(100_000))
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
    assert len(files(sagewright_server) - before) == 2
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "c"}]})
    assert files(sagewright_server) == before


def test_concurrent_writers_of_one_key(s3, bucket):
    bodies = [os.urandom(200_000) for _ in range(12)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda body: s3.put_object(Bucket=bucket, Key="k", Body=body), bodies))
    body = s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert body in bodies
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] in {answer["ETag"] for answer in answers}

    def first(body):
        try:
            return s3.put_object(Bucket=bucket, Key="once", Body=body, IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(first, bodies))
    assert answers.count("PreconditionFailed") == 11


@pytest.mark.slow
def test_kill_9_again_and_again(tmp_path):
    """Acknowledged writes keep their bytes; nothing half-written shows; nothing is left on disk that no key names."""
    acknowledged = {}
    with running_server(tmp_path / "data") as server:
        client = make_client(server.url, max_pool_connections=8)
        client.create_bucket(Bucket="bucket")
        for round_ in range(4):
            stop = threading.Event()
            writers = [
                threading.Thread(target=_write, args=(client, f"{round_}-{number}", acknowledged, stop))
                for number in range(4)
            ]
            for writer in writers:
                writer.start()
            time.sleep(0.7 + 0.3 * round_)
            server.kill()
            stop.set()
            for writer in writers:
                writer.join()
            server.start()
            _check(client, server, acknowledged)
        client.close()
    assert len(acknowledged) > 20


def _write(client, name, acknowledged, stop):
    """Small and large objects, overwrites, deletes and multipart uploads, until the server is gone."""
    for number in range(10_000):
        key = f"{name}/{number}"
        body = os.urandom(3000) * (1 if number % 3 else 2000)
        try:
            if number % 5 == 4:
                upload = whole(client.create_multipart_upload(Bucket="bucket", Key=key), "UploadId")
                where = {"Bucket": "bucket", "Key": key, "UploadId": upload}
                part = client.upload_part(**where, PartNumber=1, Body=body)
                parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
                whole(client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}), "ETag")
            else:
                client.put_object(Bucket="bucket", Key=key, Body=body)
            acknowledged[key] = hashlib.md5(body).digest()
            if number % 7 == 6:
                gone = f"{name}/{number - 3}"
                copied = client.copy_object(Bucket="bucket", Key=f"{key}-copy", CopySource=f"bucket/{key}")
                whole(copied, "CopyObjectResult")
                acknowledged[f"{key}-copy"] = acknowledged[key]
                acknowledged.pop(gone, None)
                client.delete_object(Bucket="bucket", Key=gone)
        except (BotoCoreError, ClientError):
            assert stop.wait(10)
            return
        if stop.is_set():
            return


def _check(client, server, acknowledged):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="bucket")
    there = {item["Key"]: item for page in pages for item in page.get("Contents", [])}
    assert set(acknowledged) <= set(there)
    for key, item in there.items():
        body = client.get_object(Bucket="bucket", Key=key)["Body"].read()
        assert len(body) == item["Size"]
        if key in acknowledged:
            assert hashlib.md5(body).digest() == acknowledged[key], key
    uploads = client.list_multipart_uploads(Bucket="bucket").get("Uploads", [])
    parts = 0
    for upload in uploads:
        where = {"Bucket": "bucket", "Key": upload["Key"], "UploadId": upload["UploadId"]}
        parts += len(client.list_parts(**where).get("Parts", []))
        client.abort_multipart_upload(**where)
        parts -= len(client.list_multipart_uploads(Bucket="bucket", Prefix=upload["Key"]).get("Uploads", []))
    left = files(server)
    assert not [path for path in left if path.startswith("incoming")]
    assert len(left) == len(there)
