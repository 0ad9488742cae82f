"""Parts of any sizes, in any order, again and at the same time: the object is always made of those that were named."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.services.s3 import s3
from sagewright.services.s3.multipart import assembly, completion
from sagewright.services.s3.storage.blocks import BLOCK
from sagewright.wire.http import Body

SIZES = st.sampled_from([0, 1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])


class Scene:
    """A bucket, and calls within one event loop."""

    def __init__(self, in_process):
        self.in_process = in_process
        self.unique = 0

    async def call(self, operation, **members):
        context = self.in_process._context(
            "s3", operation, "111122223333", "eu-west-1", {"Bucket": "bucket", **members}
        )
        return await self.in_process._run(context)

    async def create(self, **how):
        self.unique += 1
        key = f"k{self.unique}"
        answer = await self.call("create_multipart_upload", Key=key, **how)
        return {"Key": key, "UploadId": answer["UploadId"]}

    async def part(self, upload, number, data):
        answer = await self.call("upload_part", **upload, PartNumber=number, Body=data)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    async def complete(self, upload, listed, **more):
        return await self.call("complete_multipart_upload", **upload, MultipartUpload={"Parts": listed}, **more)

    async def read(self, key):
        body = (await self.call("get_object", Key=key))["Body"]
        return b"".join([chunk async for chunk in body])

    def files(self):
        return [path for path in self.in_process.store.blobs.folder.rglob("*") if path.is_file()]


@pytest.fixture
def scene(in_process, monkeypatch):
    monkeypatch.setattr(completion, "_SMALLEST", 0)
    in_process.add(s3)
    place = {"LocationConstraint": "eu-west-1"}
    in_process.call("s3", "create_bucket", Bucket="bucket", CreateBucketConfiguration=place)
    return Scene(in_process)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), sealed=st.booleans())
def test_any_parts_in_any_order(scene, data, sealed):
    sent = data.draw(st.lists(st.tuples(st.integers(1, 6), SIZES), min_size=1, max_size=9))
    how = {"ServerSideEncryption": "AES256"} if sealed else {}

    async def run():
        before = set(scene.files())
        upload = await scene.create(**how)
        present = {}
        for number, size in sent:
            body = os.urandom(size)
            present[number] = (body, await scene.part(upload, number, body))
        chosen = data.draw(st.sets(st.sampled_from(sorted(present)), min_size=1))
        await scene.complete(upload, [present[number][1] for number in sorted(chosen)])
        whole = b"".join(present[number][0] for number in sorted(chosen))
        assert await scene.read(upload["Key"]) == whole
        (path,) = set(scene.files()) - before
        if not sealed:
            assert path.read_bytes() == whole
        assert path.stat().st_mode & 0o777 == 0o444
        await scene.call("delete_object", Key=upload["Key"])
        assert set(scene.files()) == before

    asyncio.run(run())


@pytest.mark.parametrize("how", [{}, {"ServerSideEncryption": "AES256"}])
def test_parts_of_one_size_are_not_copied(scene, how, monkeypatch):
    monkeypatch.setattr(assembly.Assemblies, "join", None)

    async def run():
        upload = await scene.create(**how)
        bodies = {number: os.urandom(2 * BLOCK + 5) for number in (1, 3, 2)} | {4: b"end"}
        listed = [await scene.part(upload, number, body) for number, body in bodies.items()]
        await scene.complete(upload, sorted(listed, key=lambda part: part["PartNumber"]))
        assert await scene.read(upload["Key"]) == b"".join(bodies[number] for number in sorted(bodies))

    asyncio.run(run())


def held(data, go):
    """A body whose second half waits."""

    async def chunks():
        yield data[: len(data) // 2]
        await go.wait()
        yield data[len(data) // 2 :]

    return Body(chunks(), len(data))


def test_a_complete_that_fails_leaves_every_part(scene):
    async def run():
        upload = await scene.create()
        first, second, third = [await scene.part(upload, number, os.urandom(5000)) for number in (1, 2, 3)]
        await scene.call("put_object", Key=upload["Key"], Body=b"there")
        with pytest.raises(AwsError, match="PreconditionFailed"):
            await scene.complete(upload, [first, second], IfNoneMatch="*")
        with pytest.raises(AwsError, match="InvalidPart"):
            await scene.complete(upload, [first, {**second, "ETag": first["ETag"]}])
        with pytest.raises(AwsError, match="InvalidPartOrder"):
            await scene.complete(upload, [second, first])
        with pytest.raises(AwsError, match="InvalidArgument"):
            await scene.complete(upload, [{**first, "PartNumber": 10_001}])
        with pytest.raises(AwsError, match="InvalidRequest"):
            await scene.complete(upload, [first, second, third], MpuObjectSize=14_999)
        await scene.complete(upload, [first, second, third], MpuObjectSize=15_000, IfMatch="*")
        assert len(await scene.read(upload["Key"])) == 15_000
        assert len(scene.files()) == 1

    asyncio.run(run())


def test_a_part_under_way_at_the_end_of_its_upload(scene):
    async def run():
        upload = await scene.create()
        first = await scene.part(upload, 1, b"a" * 5000)
        go = asyncio.Event()
        late = asyncio.create_task(scene.part(upload, 2, held(b"b" * 5000, go)))
        await asyncio.sleep(0.01)
        await scene.complete(upload, [first])
        go.set()
        with pytest.raises(AwsError, match="NoSuchUpload"):
            await late
        assert await scene.read(upload["Key"]) == b"a" * 5000
        (path,) = scene.files()
        assert path.read_bytes() == b"a" * 5000

    asyncio.run(run())


def test_an_upload_aborted_in_the_middle_of_a_part(scene):
    async def run():
        upload = await scene.create()
        go = asyncio.Event()
        late = asyncio.create_task(scene.part(upload, 1, held(os.urandom(5_000_000), go)))
        await asyncio.sleep(0.01)
        await scene.call("abort_multipart_upload", **upload)
        go.set()
        with pytest.raises(AwsError, match="NoSuchUpload"):
            await late
        assert scene.files() == []

    asyncio.run(run())


def test_one_part_sent_twice_at_the_same_time(scene):
    async def run():
        upload = await scene.create()
        go = asyncio.Event()
        slow = asyncio.create_task(scene.part(upload, 1, held(b"s" * 5000, go)))
        await asyncio.sleep(0.01)
        fast = await scene.part(upload, 1, b"f" * 5000)
        go.set()
        last = await slow
        with pytest.raises(AwsError, match="InvalidPart"):
            await scene.complete(upload, [fast])
        await scene.complete(upload, [last])
        assert await scene.read(upload["Key"]) == b"s" * 5000
        assert len(scene.files()) == 1

    asyncio.run(run())


def test_a_client_that_hangs_up_in_a_part_may_send_it_again(scene):
    async def broken():
        yield b"x" * 70_000
        raise ConnectionError("gone")

    async def run():
        upload = await scene.create()
        with pytest.raises(ConnectionError):
            await scene.part(upload, 1, Body(broken(), 200_000))
        assert scene.files() == []
        listed = [await scene.part(upload, 1, b"1" * 200_000), await scene.part(upload, 2, b"2" * 200_000)]
        with pytest.raises(ConnectionError):
            await scene.part(upload, 3, Body(broken(), 200_000))
        (path,) = scene.files()
        assert path.stat().st_size == 400_000
        await scene.complete(upload, listed)
        assert await scene.read(upload["Key"]) == b"1" * 200_000 + b"2" * 200_000
        assert len(scene.files()) == 1

    asyncio.run(run())


def test_completes_at_the_same_time_answer_alike(scene):
    async def run():
        upload = await scene.create()
        sizes = {1: 3_000, 2: 9_000, 3: 10}  # the second does not fit the step, so that the parts are copied
        listed = [await scene.part(upload, number, os.urandom(size)) for number, size in sizes.items()]
        answers = await asyncio.gather(*[scene.complete(upload, listed) for _ in range(4)])
        assert len({answer["ETag"] for answer in answers}) == 1
        assert (await scene.complete(upload, listed))["ETag"] == answers[0]["ETag"]
        assert len(scene.files()) == 1

    asyncio.run(run())


def test_a_part_sent_again_while_its_upload_ends(scene, monkeypatch):
    """The copy of the parts is held until the other one is there."""

    async def run():
        upload = await scene.create()
        listed = [await scene.part(upload, number, os.urandom(size)) for number, size in ((1, 100), (2, 300))]
        join, again = assembly.Assemblies.join, asyncio.Event()
        loop = asyncio.get_running_loop()

        def held_join(self, pieces, blob):
            asyncio.run_coroutine_threadsafe(again.wait(), loop).result(10)
            join(self, pieces, blob)

        monkeypatch.setattr(assembly.Assemblies, "join", held_join)
        end = asyncio.create_task(scene.complete(upload, listed))
        await asyncio.sleep(0.01)
        await scene.part(upload, 2, b"other")
        again.set()
        with pytest.raises(AwsError, match="InvalidPart"):
            await end
        present = (await scene.call("list_parts", **upload))["Parts"]
        await scene.complete(upload, [{name: part[name] for name in ("PartNumber", "ETag")} for part in present])
        assert (await scene.read(upload["Key"])).endswith(b"other")
        assert len(scene.files()) == 1

    asyncio.run(run())


def test_a_stored_part_whose_file_is_gone(scene):
    async def run():
        upload = await scene.create()
        listed = [await scene.part(upload, 1, b"x" * 100)]
        scene.files()[0].unlink()
        with pytest.raises(AwsError) as caught:
            await scene.complete(upload, listed)
        assert (caught.value.code, caught.value.status) == ("InternalError", 500)
        await scene.call("abort_multipart_upload", **upload)

    asyncio.run(run())
