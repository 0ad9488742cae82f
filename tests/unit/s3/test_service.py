"""S3 called in this process, as other services call it, and what it leaves in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sagewright.core.clock import FakeClock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3 import s3, sweep
from sagewright.services.s3.storage.blobs import Unnamed
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.expected import Expected
from sagewright.services.s3.storage.writing import Intake
from sagewright.store import Store
from sagewright.wire.http import Body, Headers, HttpRequest


@pytest.fixture
def call(in_process):
    in_process.add(s3)
    place = {"LocationConstraint": "eu-west-1"}
    in_process.call("s3", "create_bucket", Bucket="bucket", CreateBucketConfiguration=place)
    return lambda operation, **members: in_process.call("s3", operation, Bucket="bucket", **members)


def read(body) -> bytes:
    async def collect() -> bytes:
        return b"".join([chunk async for chunk in body])

    return asyncio.run(collect())


def blobs(store: Store) -> list[Path]:
    return [path for path in store.blobs.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 10, 70_000, 3_000_000, 9_000_001])
@pytest.mark.parametrize("make", [bytes, Body.of])
def test_bodies_of_any_size_and_kind(call, size, make):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    call("put_object", Key="k", Body=make(data))
    answer = call("get_object", Key="k")
    assert (answer["ContentLength"], read(answer["Body"])) == (size, data)
    part = call("get_object", Key="k", Range="bytes=-1000") if size else {"Body": None}
    assert not size or read(part["Body"]) == data[-1000:]


def test_a_body_that_is_never_read_holds_no_file_open(call):
    call("put_object", Key="k", Body=b"x")
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir()))
    for _ in range(20):
        call("get_object", Key="k")
    assert len(list(handles.iterdir())) <= before


def test_the_clock_and_the_version_are_in_the_document(call, in_process):
    in_process.clock.advance(0.5)
    call("put_object", Key="k", Body=b"x")
    assert call("head_object", Key="k", VersionId="null")["LastModified"] == 1_700_000_000.0
    with pytest.raises(AwsError, match="Invalid version id"):
        call("head_object", Key="k", VersionId="other")


class Answering(Context):
    """A context that takes response headers beyond the model's."""


def test_where_the_bytes_lie_is_told_who_asks(in_process, call):
    call("put_object", Key="k", Body=b"bytes")
    members = {"Bucket": "bucket", "Key": "k"}
    asked = HttpRequest("HEAD", "/bucket/k", "", Headers([("x-sagewright-blob", "?")]), Body.of(b""))
    for http, told in ((asked, True), (HttpRequest("HEAD", "/bucket/k", "", Headers(), Body.of(b"")), False)):
        context = Answering("111122223333", "eu-west-1", "s3", "HeadObject", "id", None, members, http=http)
        context.headers = {}
        asyncio.run(in_process._run(context))
        assert ("x-sagewright-blob" in context.headers) == told
        if told:
            path = in_process.store.blobs.folder / context.headers["x-sagewright-blob"]
            assert path.read_bytes() == b"bytes"


@pytest.mark.parametrize(
    "members",
    [{"ObjectLockEventHold": "ON"}, {"WriteOffsetBytes": 5}],
)
def test_a_promise_we_cannot_keep_is_refused(call, members):
    with pytest.raises(AwsError) as caught:
        call("put_object", Key="k", Body=b"x", **members)
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


def test_a_silent_client_is_given_up(tmp_path):
    store = Store(tmp_path, FakeClock())

    async def silent():
        yield b"x" * 100
        await asyncio.sleep(60)

    async def scene() -> None:
        disk = Disk()
        intake = Intake(store, disk, Unnamed(store, disk), stall=0.05)
        async with intake.receive(Expected(silent(), length=200)):
            raise AssertionError("nothing was received")

    with pytest.raises(AwsError, match="RequestTimeout"):
        asyncio.run(scene())
    assert blobs(store) == []
    store.close()


def test_a_blob_that_gets_no_name_goes(tmp_path):
    store = Store(tmp_path, FakeClock())

    async def scene() -> None:
        disk = Disk()
        intake = Intake(store, disk, Unnamed(store, disk))
        async with intake.receive(Expected(Body.of(b"x" * 5_000_000))) as received:
            assert store.blobs.path(received.blob).stat().st_size == 5_000_000
            raise ValueError("the caller fails")

    with pytest.raises(ValueError, match="the caller fails"):
        asyncio.run(scene())
    assert blobs(store) == []
    assert sweep(store) == 0
    store.close()


def test_the_sweep_takes_what_a_killed_server_left(tmp_path):
    store = Store(tmp_path, FakeClock())
    unnamed = Unnamed(store, Disk())
    named, orphan = [store.blobs.writer(unnamed.reserve()) for _ in range(2)]
    for writer in (named, orphan):
        writer.write(b"x")
        writer.commit()
        if writer is named:
            unnamed.take(writer.id)
    store.close()
    again = Store(tmp_path, FakeClock())
    assert sweep(again) == 1
    assert [path.name for path in blobs(again)] == [named.id]
    assert sweep(again) == 0
    again.close()


def test_a_deleted_bucket_takes_its_uploads_along(call, in_process):
    upload = call("create_multipart_upload", Key="k")["UploadId"]
    call("upload_part", Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    assert len(blobs(in_process.store)) == 1
    call("delete_bucket")
    assert blobs(in_process.store) == []


def test_a_bucket_deleted_in_the_middle_of_a_put(in_process, call):
    started = asyncio.Event()

    async def slow():
        yield b"x"
        started.set()
        await asyncio.sleep(0.05)
        yield b"y"

    async def scene() -> None:
        members = {"Bucket": "bucket", "Key": "k", "Body": Body(slow(), 2)}
        put = asyncio.create_task(
            in_process._run(in_process._context("s3", "put_object", "111122223333", "eu-west-1", members))
        )
        await started.wait()
        gone = in_process._context("s3", "delete_bucket", "111122223333", "eu-west-1", {"Bucket": "bucket"})
        await in_process._run(gone)
        with pytest.raises(AwsError, match="NoSuchBucket"):
            await put

    asyncio.run(scene())
    assert blobs(in_process.store) == []
