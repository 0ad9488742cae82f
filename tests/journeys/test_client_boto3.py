"""boto3 as programs use it beyond single calls: transfers, resources, paginators, addressing, retries."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

MB = 1 << 20
LARGE = os.urandom(1_000_003) * 12
Clients = Callable[..., Any]


@pytest.fixture
def client(sagewright_server: Any) -> Iterator[Clients]:
    made = []

    def make(service: str = "s3", **config: Any) -> Any:
        one = boto3.client(service, **sagewright_server.boto3, config=Config(**config))
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def bucket(client: Clients) -> str:
    name = f"boto3-{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=name)
    return name


def test_transfer_manager(client: Clients, bucket: str, tmp_path: Any) -> None:
    s3 = client()
    small_parts = TransferConfig(multipart_threshold=5 * MB, multipart_chunksize=5 * MB, max_concurrency=4)
    (tmp_path / "in").write_bytes(LARGE)
    seen: list[int] = []
    extra = {"ContentType": "text/x", "Metadata": {"a": "b"}, "ChecksumAlgorithm": "CRC32C"}
    s3.upload_file(str(tmp_path / "in"), bucket, "large", ExtraArgs=extra, Callback=seen.append, Config=small_parts)
    assert sum(seen) == len(LARGE)
    head = s3.head_object(Bucket=bucket, Key="large")
    assert (head["ContentType"], head["Metadata"], head["ContentLength"]) == ("text/x", {"a": "b"}, len(LARGE))
    assert head["ETag"].endswith('-3"')
    s3.download_file(bucket, "large", str(tmp_path / "out"), Config=small_parts)
    assert (tmp_path / "out").read_bytes() == LARGE
    sink = io.BytesIO()
    s3.download_fileobj(bucket, "large", sink, Config=small_parts)
    assert hashlib.sha256(sink.getvalue()).digest() == hashlib.sha256(LARGE).digest()
    s3.upload_fileobj(io.BytesIO(b"short"), bucket, "short")
    s3.copy({"Bucket": bucket, "Key": "large"}, bucket, "copy", Config=small_parts)
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == len(LARGE)
    with pytest.raises(ClientError, match="404"):
        s3.download_file(bucket, "none", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_resources(sagewright_server: Any, bucket: str) -> None:
    s3 = boto3.resource("s3", **sagewright_server.boto3)
    where = s3.Bucket(bucket)
    for number in range(12):
        where.put_object(Key=f"{'even' if number % 2 == 0 else 'odd'}/{number:02d}", Body=b"x" * number)
    assert [item.key for item in where.objects.filter(Prefix="even/").page_size(2)] == [
        f"even/{number:02d}" for number in range(0, 12, 2)
    ]
    assert len(list(where.objects.limit(5))) == 5
    found = s3.Object(bucket, "odd/11")
    assert (found.content_length, found.get()["Body"].read()) == (11, b"x" * 11)
    found.metadata.update(a="b")
    found.copy_from(
        CopySource={"Bucket": bucket, "Key": "odd/11"}, Metadata=found.metadata, MetadataDirective="REPLACE"
    )
    found.reload()
    assert found.metadata == {"a": "b"}
    assert bucket in {each.name for each in s3.buckets.all()}
    assert sum(len(answer["Deleted"]) for answer in where.objects.all().delete()) == 12
    where.delete()
    where.wait_until_not_exists()
    s3.meta.client.close()


def test_streaming_bodies(client: Clients, bucket: str) -> None:
    s3 = client()
    lines = [f"line {number} ü".encode() for number in range(5000)]
    s3.put_object(Bucket=bucket, Key="lines", Body=b"\n".join(lines))
    assert list(s3.get_object(Bucket=bucket, Key="lines")["Body"].iter_lines()) == lines
    assert b"".join(s3.get_object(Bucket=bucket, Key="lines")["Body"].iter_chunks(1000)) == b"\n".join(lines)
    part = s3.get_object(Bucket=bucket, Key="lines", Range="bytes=-9")
    assert (part["Body"].read(), part["ResponseMetadata"]["HTTPStatusCode"]) == (b"\n".join(lines)[-9:], 206)
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=bucket, Key="lines", Range="bytes=99999999-")
    with pytest.raises(ClientError, match="304"):
        s3.get_object(Bucket=bucket, Key="lines", IfNoneMatch=s3.head_object(Bucket=bucket, Key="lines")["ETag"])


def test_paginators_and_waiters(client: Clients, bucket: str) -> None:
    s3 = client()
    keys = [f"{number:03d}/{letter}" for number in range(20) for letter in "ab"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for name in ("list_objects", "list_objects_v2"):
        pages = list(s3.get_paginator(name).paginate(Bucket=bucket, PaginationConfig={"PageSize": 7}))
        assert [item["Key"] for page in pages for item in page["Contents"]] == keys
        pages = list(s3.get_paginator(name).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 7}))
        assert [item["Prefix"] for page in pages for item in page["CommonPrefixes"]] == sorted(
            {f"{key[:3]}/" for key in keys}
        )
    token = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"MaxItems": 11})
    first = token.build_full_result()
    rest = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"StartingToken": first["NextToken"]}
    )
    assert [item["Key"] for item in first["Contents"] + rest.build_full_result()["Contents"]] == keys
    s3.get_waiter("object_exists").wait(Bucket=bucket, Key=keys[0])
    s3.get_waiter("object_not_exists").wait(Bucket=bucket, Key="none")
    s3.get_waiter("bucket_exists").wait(Bucket=bucket)


@pytest.mark.parametrize("style", ["path", "virtual", "auto"])
def test_addressing(client: Clients, bucket: str, sagewright_server: Any, style: str) -> None:
    """Virtual hosts through localhost, whose names under it lead here."""
    port = sagewright_server.port
    keys = {key: value for key, value in sagewright_server.boto3.items() if key != "endpoint_url"}
    config = Config(s3={"addressing_style": style})
    s3 = boto3.client("s3", endpoint_url=f"http://localhost:{port}", config=config, **keys)
    if style == "virtual":

        def home(request: Any, **_: Any) -> None:
            """Names under localhost are not resolved everywhere; the Host header stays."""
            request.headers["Host"] = f"{bucket}.localhost:{port}"
            request.url = request.url.replace(f"//{bucket}.localhost:", "//127.0.0.1:")

        s3.meta.events.register("before-send.s3", home)
    key = "a b/ü+%25?#"
    s3.put_object(Bucket=bucket, Key=key, Body=style.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == style.encode()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.close()


def test_no_retry_mode_retries_what_will_not_help(client: Clients, bucket: str) -> None:
    for mode in ("legacy", "standard", "adaptive"):
        s3 = client(retries={"mode": mode, "max_attempts": 3})
        s3.put_object(Bucket=bucket, Key=mode, Body=mode)
        assert s3.get_object(Bucket=bucket, Key=mode)["ResponseMetadata"]["RetryAttempts"] == 0
        with pytest.raises(ClientError) as caught:
            client("sagemaker", retries={"mode": mode, "max_attempts": 3}).describe_training_job(TrainingJobName="x")
        assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0, "bad input is not tried again"


def test_unimplemented_is_not_tried_for_long(client: Clients) -> None:
    with pytest.raises(ClientError) as caught:
        client("kinesis", retries={"mode": "standard", "max_attempts": 3}).list_streams()
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplemented", 501)


def test_many_threads_share_a_client(client: Clients, bucket: str) -> None:
    s3 = client(max_pool_connections=8)
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(20):
            key, body = f"{number}/{turn}", f"{number} {turn}".encode()
            s3.put_object(Bucket=bucket, Key=key, Body=body)
            if s3.get_object(Bucket=bucket, Key=key)["Body"].read() != body:
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 160


def test_accounts_are_apart(sagewright_server: Any, bucket: str, client: Clients) -> None:
    """A key id of 12 digits is another account, whose buckets are its own to list."""
    keys = {**sagewright_server.boto3, "aws_access_key_id": "210987654321"}
    other = boto3.client("s3", **keys)
    assert bucket not in {each["Name"] for each in other.list_buckets()["Buckets"]}
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        other.create_bucket(Bucket=bucket)
    arn = boto3.client("sts", **keys).get_caller_identity()["Arn"]
    assert ":210987654321:" in arn
    logs = boto3.client("logs", **keys)
    logs.create_log_group(logGroupName=f"only-{bucket}")
    groups = client("logs").describe_log_groups(logGroupNamePrefix=f"only-{bucket}")["logGroups"]
    assert groups == []
    assert ":210987654321:" in logs.describe_log_groups(logGroupNamePrefix="only-")["logGroups"][0]["arn"]
