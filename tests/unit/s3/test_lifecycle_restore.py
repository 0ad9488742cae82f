"""Objects in an archive, and their restored copies, on a clock that moves when told to."""

from __future__ import annotations

import asyncio

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.s3 import s3

DAY = 86_400
NOON = 20_000 * DAY + DAY // 2


@pytest.fixture
def call(in_process):
    in_process.clock.advance(NOON - in_process.clock.now())
    in_process.add(s3)
    place = {"LocationConstraint": "eu-west-1"}
    in_process.call("s3", "create_bucket", Bucket="bucket", CreateBucketConfiguration=place)
    return lambda operation, **members: in_process.call("s3", operation, Bucket="bucket", **members)


def refusal(call, operation, **members) -> tuple[str, int]:
    with pytest.raises(AwsError) as caught:
        call(operation, **members)
    return caught.value.code, caught.value.status


def restore(in_process, **request) -> int | None:
    members = {"Bucket": "bucket", "Key": "k", "RestoreRequest": request}
    context = in_process._context("s3", "restore_object", "111122223333", "eu-west-1", members)
    asyncio.run(in_process._run(context))
    return context.status


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_from_restore_to_the_end_of_its_copy(call, in_process, storage_class):
    call("put_object", Key="k", Body=b"bytes", StorageClass=storage_class)
    with pytest.raises(AwsError) as caught:
        call("get_object", Key="k")
    assert (caught.value.code, caught.value.status) == ("InvalidObjectState", 403)
    assert caught.value.members["StorageClass"] == storage_class
    head = call("head_object", Key="k")
    assert (head["StorageClass"], head["Restore"]) == (storage_class, None)
    copy = {"Key": "copy", "CopySource": "bucket/k"}
    assert refusal(call, "copy_object", **copy) == ("ObjectNotInActiveTierError", 403)
    assert restore(in_process, Days=2) == 202
    told = 'ongoing-request="false", expiry-date="Mon, 07 Oct 2024 00:00:00 GMT"'
    assert call("head_object", Key="k")["Restore"] == told
    assert call("get_object", Key="k")["Restore"] == told
    call("copy_object", **copy)
    assert call("get_object", Key="copy")["Restore"] is None
    assert restore(in_process, Days=3, GlacierJobParameters={"Tier": "Bulk"}) == 200
    in_process.clock.advance(3.4 * DAY)
    call("get_object", Key="k")
    in_process.clock.advance(0.1 * DAY)
    assert refusal(call, "get_object", Key="k") == ("InvalidObjectState", 403)
    assert call("head_object", Key="k")["Restore"] is None
    assert restore(in_process, Days=1) == 202


def test_instant_retrieval_needs_no_restore(call):
    call("put_object", Key="k", Body=b"bytes", StorageClass="GLACIER_IR")
    call("get_object", Key="k")
    assert refusal(call, "restore_object", Key="k", RestoreRequest={"Days": 1}) == ("InvalidObjectState", 403)


@pytest.mark.parametrize(
    ("request_", "code", "status"),
    [
        ({}, "MalformedXML", 400),
        ({"Days": 0}, "InvalidArgument", 400),
        ({"Days": 1, "Tier": "Never"}, "MalformedXML", 400),
        ({"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}, "InvalidArgument", 400),
        ({"Type": "SELECT", "Tier": "Bulk"}, "NotImplemented", 501),
    ],
)
def test_requests_that_are_refused(call, request_, code, status):
    call("put_object", Key="k", Body=b"bytes", StorageClass="DEEP_ARCHIVE")
    assert refusal(call, "restore_object", Key="k", RestoreRequest=request_) == (code, status)
    assert refusal(call, "restore_object", Key="no", RestoreRequest=request_) == ("NoSuchKey", 404)


def test_writing_anew_ends_the_restore(call, in_process):
    call("put_object", Key="k", Body=b"bytes", StorageClass="GLACIER")
    restore(in_process, Days=2)
    call("put_object", Key="k", Body=b"bytes", StorageClass="GLACIER")
    assert refusal(call, "get_object", Key="k") == ("InvalidObjectState", 403)
