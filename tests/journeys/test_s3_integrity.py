"""Damaged bytes on the disk: found, told in the log, never served."""

from __future__ import annotations

import http.client
import os
import time

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError
from s3_client import make_client, refused

from sagewright.runtime.agent.s3 import S3 as AgentS3
from sagewright.runtime.agent.s3 import S3Error
from sagewright.runtime.agent.signer import Signer
from sagewright.testing.server import running_server

MB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as handle:
        yield handle


@pytest.fixture(scope="module")
def client(server):
    client = make_client(server.url)
    client.create_bucket(Bucket="bucket")
    yield client
    client.close()


def files(server):
    return {path for path in (server.data_dir / "blobs").rglob("*") if path.is_file()}


def put(server, client, key, data, **how):
    """The file of a new object."""
    before = files(server)
    client.put_object(Bucket="bucket", Key=key, Body=data, **how)
    (path,) = files(server) - before
    return path


def damage(path, at, data=None):
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]) if data is None else data)


ENCRYPTIONS = [{}, {"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms"}]


@pytest.mark.parametrize("how", ENCRYPTIONS)
@pytest.mark.parametrize("size", [1, 60_000, 2 * MB])
def test_damage_at_the_start_is_an_error_before_any_byte(server, client, how, size):
    key = f"start-{size}-{'-'.join(how.values())}"
    path = put(server, client, key, os.urandom(size), **how)
    asked = {"Bucket": "bucket", "Key": key}
    client.get_object(**asked)["Body"].read()
    client.head_object(**asked)
    damage(path, size // 3 if size < MB else 1000)
    with refused("InternalError", 500) as found:
        client.get_object(**asked)
    assert "damaged" in found.error["Message"]
    line = next(line for line in server.log().splitlines() if f"s3://bucket/{key}" in line)
    assert "version null" in line
    assert "block 0" in line
    with refused("500", 500):
        client.head_object(**asked)
    with refused("InternalError", 500):
        client.get_object(**asked, Range=f"bytes={size - 1}-")
    with refused("InternalError", 500):
        client.copy_object(Bucket="bucket", Key="copy", CopySource=f"bucket/{key}")
    with refused("404", 404):
        client.head_object(Bucket="bucket", Key="copy")
    listed = client.list_objects_v2(Bucket="bucket", Prefix=key)["Contents"]
    assert [item["Key"] for item in listed] == [key]
    client.put_object(**asked, Body=b"anew")
    assert client.get_object(**asked)["Body"].read() == b"anew"
    client.delete_object(**asked)


@pytest.mark.parametrize("how", ENCRYPTIONS)
def test_damage_further_on_breaks_the_connection(server, client, how):
    data = os.urandom(12 * MB)
    path = put(server, client, "later", data, **how)
    damage(path, 9 * MB)
    got = client.get_object(Bucket="bucket", Key="later", Range=f"bytes=0-{8 * MB}")
    assert got["Body"].read() == data[: 8 * MB + 1]
    body = client.get_object(Bucket="bucket", Key="later")["Body"]
    arrived = []
    with pytest.raises((IncompleteReadError, ResponseStreamingError, http.client.IncompleteRead)):
        arrived.extend(iter(lambda: body.read(MB), b""))
    assert data.startswith(b"".join(arrived))
    assert "s3://bucket/later" in server.log()
    with refused("500", 500):
        client.head_object(Bucket="bucket", Key="later")
    client.delete_object(Bucket="bucket", Key="later")


def test_a_file_cut_short_or_gone(server, client):
    data = os.urandom(3 * MB)
    for key, change in (("short", lambda path: os.truncate(path, MB - 1)), ("gone", lambda path: path.unlink())):
        path = put(server, client, key, data)
        path.chmod(0o644)
        change(path)
        with refused("InternalError", 500):
            client.get_object(Bucket="bucket", Key=key)
        with refused("500", 500):
            client.head_object(Bucket="bucket", Key=key)


def test_damage_in_any_part_of_an_upload_is_found(server, client):
    parts = [os.urandom(5 * MB + 7), os.urandom(5 * MB), os.urandom(100)]
    upload = {"Bucket": "bucket", "Key": "parts"}
    upload["UploadId"] = client.create_multipart_upload(**upload)["UploadId"]
    listed = []
    for number, part in enumerate(parts, 1):
        etag = client.upload_part(**upload, PartNumber=number, Body=part)["ETag"]
        listed.append({"PartNumber": number, "ETag": etag})
    before = files(server)
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
    (path,) = files(server) - before
    asked = {"Bucket": "bucket", "Key": "parts"}
    assert client.get_object(**asked)["Body"].read() == b"".join(parts)
    damage(path, 10 * MB + 7 + 50)
    for number in (1, 2):
        assert client.get_object(**asked, PartNumber=number)["Body"].read() == parts[number - 1]
    with refused("InternalError", 500):
        client.get_object(**asked, PartNumber=3)
    assert "s3://bucket/parts, version null: block 41" in server.log()


def test_a_part_damaged_before_its_upload_ends_is_found_in_the_object(server, client):
    parts = [os.urandom(5 * MB), b"the end"]
    upload = {"Bucket": "bucket", "Key": "early"}
    upload["UploadId"] = client.create_multipart_upload(**upload)["UploadId"]
    before = files(server)
    listed = [
        {"PartNumber": number, "ETag": client.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    damage(max(files(server) - before, key=lambda path: path.stat().st_size), 0)
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
    with refused("InternalError", 500):
        client.get_object(Bucket="bucket", Key="early")


def test_a_copy_by_link_shares_the_damage_and_finds_it_too(server, client):
    path = put(server, client, "one", os.urandom(MB))
    client.copy_object(Bucket="bucket", Key="two", CopySource="bucket/one")
    damage(path, 500_000)
    for key in ("one", "two"):
        with refused("InternalError", 500):
            client.get_object(Bucket="bucket", Key=key)


def test_only_the_damaged_version_is_marked(server, client):
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    before = files(server)
    old = client.put_object(Bucket="versioned", Key="k", Body=b"the old one")["VersionId"]
    (path,) = files(server) - before
    client.put_object(Bucket="versioned", Key="k", Body=b"the new one")
    damage(path, 3)
    with refused("InternalError", 500):
        client.get_object(Bucket="versioned", Key="k", VersionId=old)
    assert f"s3://versioned/k, version {old}: block 0" in server.log()
    assert client.get_object(Bucket="versioned", Key="k")["Body"].read() == b"the new one"
    client.delete_object(Bucket="versioned", Key="k", VersionId=old)


def test_no_workload_is_told_of_a_damaged_file(server, client):
    path = put(server, client, "linked", os.urandom(3 * MB))
    headers = {"x-sagewright-blob": "?"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("HEAD", "/bucket/linked", headers=headers)
    answer = connection.getresponse()
    answer.read()
    assert (server.data_dir / "blobs" / answer.headers["x-sagewright-blob"]) == path
    damage(path, 3 * MB - 1)
    connection.request("HEAD", "/bucket/linked", headers=headers)
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, "x-sagewright-blob" in answer.headers) == (500, False)
    assert answer.headers["x-sagewright-damaged"] == "true"
    connection.close()
    agent = AgentS3(str(server.data_dir), Signer({}, "000000000000", "us-east-1"), patience=60)
    start = time.monotonic()
    with pytest.raises(S3Error, match="InternalError"):
        agent.blob("bucket", "linked")
    with pytest.raises(S3Error, match="damaged"):
        agent.fetch("bucket", "linked", lambda answer: answer.body())
    assert time.monotonic() - start < 30  # a later try would find the same
    agent.close()


def test_the_mark_survives_a_restart_and_the_key_file_opens_again(tmp_path):
    with running_server(tmp_path) as handle:
        client = make_client(handle.url)
        client.create_bucket(Bucket="bucket")
        path = put(handle, client, "bad", b"x" * 100)
        put(handle, client, "sealed", b"kept" * 100, ServerSideEncryption="AES256")
        damage(path, 7)
        with pytest.raises(ClientError):
            client.get_object(Bucket="bucket", Key="bad")
        handle.kill()
        handle.start()
        with refused("500", 500):
            client.head_object(Bucket="bucket", Key="bad")
        assert client.get_object(Bucket="bucket", Key="sealed")["Body"].read() == b"kept" * 100
        client.close()
