"""Lifecycle rules acting on a clock that moves when told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.s3 import lifecycle_runs, s3
from sagewright.store import Space

DAY = 86_400
NOON = 20_000 * DAY + DAY // 2
LARGE = b"x" * 131_072


@pytest.fixture
def call(in_process):
    in_process.clock.advance(NOON - in_process.clock.now())
    in_process.add(s3)
    place = {"LocationConstraint": "eu-west-1"}
    in_process.call("s3", "create_bucket", Bucket="bucket", CreateBucketConfiguration=place)
    return lambda operation, **members: in_process.call("s3", operation, Bucket="bucket", **members)


@pytest.fixture
def tidy(in_process):
    def run(days: float = 0) -> None:
        in_process.clock.advance(days * DAY)
        asyncio.run(lifecycle_runs(in_process.store, in_process.clock).tidy(in_process.clock.now()))

    return run


@pytest.fixture
def rule(call):
    def put(*rules, **members):
        filled = [{"ID": f"r{number}", "Status": "Enabled", "Filter": {}, **rule} for number, rule in enumerate(rules)]
        call("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": filled}, **members)

    return put


def keys(call) -> list[str]:
    return [item["Key"] for item in call("list_objects_v2")["Contents"]]


def classes(call) -> list[str]:
    return [item["StorageClass"] for item in call("list_objects_v2")["Contents"]]


def files(in_process) -> int:
    return sum(path.is_file() for path in in_process.store.blobs.folder.rglob("*"))


def test_days_end_at_the_midnight_after_them(call, rule, tidy, in_process):
    call("put_object", Key="k", Body=b"x")
    rule({"Expiration": {"Days": 2}})
    for days, left in ((0, 1), (1, 1), (1, 1), (0.49, 1), (0.01, 0)):
        tidy(days)
        assert len(keys(call)) == left
    assert files(in_process) == 0


def test_a_date_ends_everything_it_means(call, rule, tidy):
    for key in ("logs/1", "logs/2", "data"):
        call("put_object", Key=key, Body=b"x")
    rule({"Expiration": {"Date": datetime.fromtimestamp(20_001 * DAY, UTC)}, "Filter": {"Prefix": "logs/"}})
    tidy()
    assert len(keys(call)) == 3
    tidy(0.5)
    assert keys(call) == ["data"]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ({"Prefix": "a"}, ["b", "c"]),
        ({"Tag": {"Key": "t", "Value": "1"}}, ["a", "c"]),
        ({"ObjectSizeGreaterThan": 3}, ["a", "b"]),
        ({"ObjectSizeLessThan": 3}, ["b", "c"]),
        ({"And": {"Prefix": "", "Tags": [{"Key": "t", "Value": "2"}], "ObjectSizeLessThan": 5}}, ["a", "b"]),
        ({"And": {"ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 4}}, ["a", "c"]),
    ],
)
def test_filters(call, rule, tidy, condition, left):
    for key, size, tags in (("a", 1, ""), ("b", 3, "t=1"), ("c", 4, "t=2")):
        call("put_object", Key=key, Body=b"x" * size, Tagging=tags)
    rule({"Expiration": {"Days": 1}, "Filter": condition})
    tidy(2)
    assert keys(call) == left


def test_a_legacy_prefix_and_a_disabled_rule(call, in_process, tidy):
    for key in ("a", "b"):
        call("put_object", Key=key, Body=b"x")
    rules = [
        {"Status": "Enabled", "Prefix": "a", "Expiration": {"Days": 1}},
        {"Status": "Disabled", "Prefix": "b", "Expiration": {"Days": 1}},
    ]
    call("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": rules})
    tidy(2)
    assert keys(call) == ["b"]


def test_a_deleted_configuration_does_nothing_more(call, rule, tidy, in_process):
    call("put_object", Key="a", Body=b"x")
    rule({"Expiration": {"Days": 1}})
    assert [bucket.key for bucket in in_process.store.documents.with_status("s3:bucket", ("lifecycle",))] == ["bucket"]
    call("delete_bucket_lifecycle")
    tidy(2)
    assert keys(call) == ["a"]
    assert in_process.store.documents.with_status("s3:bucket", ("lifecycle",)) == []


def test_transitions_go_down_one_after_the_other(call, rule, tidy):
    call("put_object", Key="k", Body=LARGE)
    steps = [
        {"Days": 30, "StorageClass": "STANDARD_IA"},
        {"Days": 60, "StorageClass": "GLACIER"},
        {"Days": 90, "StorageClass": "DEEP_ARCHIVE"},
    ]
    rule({"Transitions": steps, "Expiration": {"Days": 120}})
    seen = []
    for _ in range(5):
        seen += classes(call)
        tidy(31)
    assert seen == ["STANDARD", "STANDARD_IA", "GLACIER", "DEEP_ARCHIVE"]
    assert keys(call) == []


def test_no_transition_goes_up(call, rule, tidy):
    call("put_object", Key="k", Body=LARGE, StorageClass="DEEP_ARCHIVE")
    rule({"Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]})
    tidy(1)
    assert classes(call) == ["DEEP_ARCHIVE"]


@pytest.mark.parametrize(
    ("minimum", "storage_class", "condition", "moved"),
    [
        (None, "GLACIER", {}, False),
        ("varies_by_storage_class", "GLACIER", {}, True),
        ("varies_by_storage_class", "INTELLIGENT_TIERING", {}, False),
        (None, "INTELLIGENT_TIERING", {"ObjectSizeGreaterThan": 10}, True),
    ],
)
def test_small_objects_stay_unless_asked_for(call, rule, tidy, minimum, storage_class, condition, moved):
    call("put_object", Key="k", Body=LARGE[:-1])
    members = {"TransitionDefaultMinimumObjectSize": minimum} if minimum else {}
    rule({"Transitions": [{"Days": 0, "StorageClass": storage_class}], "Filter": condition}, **members)
    tidy(1)
    assert classes(call) == [storage_class if moved else "STANDARD"]


def test_uploads_that_never_end_are_aborted(call, rule, tidy, in_process):
    upload = call("create_multipart_upload", Key="logs/k")["UploadId"]
    other = call("create_multipart_upload", Key="k")["UploadId"]
    for key, number in (("logs/k", upload), ("k", other)):
        call("upload_part", Key=key, UploadId=number, PartNumber=1, Body=b"x")
    rule({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "Filter": {"Prefix": "logs/"}})
    tidy(1.4)
    assert len(call("list_multipart_uploads")["Uploads"]) == 2
    tidy(0.1)
    assert [item["UploadId"] for item in call("list_multipart_uploads")["Uploads"]] == [other]
    assert files(in_process) == 1
    with pytest.raises(AwsError, match="NoSuchUpload"):
        call("list_parts", Key="logs/k", UploadId=upload)


def test_a_large_bucket_is_done_in_pieces_that_leave_the_loop_free(call, rule, in_process):
    for number in range(350):
        call("put_object", Key=f"k{number:04d}", Body=b"")
    rule({"Expiration": {"Days": 1}})
    in_process.clock.advance(2 * DAY)
    turns = 0

    async def scene() -> None:
        nonlocal turns
        runs = lifecycle_runs(in_process.store, in_process.clock)
        task = asyncio.create_task(runs.tidy(in_process.clock.now()))
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task

    asyncio.run(scene())
    assert keys(call) == []
    assert turns > 350


def test_a_run_cut_off_is_finished_by_the_next(call, rule, in_process, tidy):
    for number in range(20):
        call("put_object", Key=f"k{number:02d}", Body=b"x")
    rule({"Expiration": {"Days": 1}})
    in_process.clock.advance(2 * DAY)

    async def scene() -> None:
        runs = lifecycle_runs(in_process.store, in_process.clock)
        task = asyncio.create_task(runs.tidy(in_process.clock.now()))
        while len(in_process.store.documents.find(Space("s3:object", parent="bucket"))) > 10:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(scene())
    assert 0 < len(keys(call)) <= 10
    tidy()
    assert keys(call) == []


def test_an_object_written_anew_while_it_is_judged_stays(call, rule, in_process):
    for number in range(3):
        call("put_object", Key=f"k{number}", Body=b"old")
    rule({"Expiration": {"Days": 1}})
    in_process.clock.advance(2 * DAY)

    async def scene() -> None:
        runs = lifecycle_runs(in_process.store, in_process.clock)
        task = asyncio.create_task(runs.tidy(in_process.clock.now()))
        while in_process.store.documents.get(Space("s3:object", parent="bucket"), "k0") is not None:
            await asyncio.sleep(0)
        members = {"Bucket": "bucket", "Key": "k2", "Body": b"new"}
        context = in_process._context("s3", "put_object", "111122223333", "eu-west-1", members)
        await in_process._run(context)
        await task

    asyncio.run(scene())
    assert keys(call) == ["k2"]


def test_what_is_told_of_the_end(call, rule, in_process):
    assert "Expiration" not in {name: value for name, value in call("put_object", Key="k", Body=b"x").items() if value}
    rule(
        {"ID": "a b/ü", "Expiration": {"Days": 5}, "Filter": {"Prefix": "k"}},
        {"Expiration": {"Days": 3}, "Filter": {"Tag": {"Key": "soon", "Value": "yes"}}},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}, "Filter": {"Prefix": "k"}},
    )
    late = 'expiry-date="Thu, 10 Oct 2024 00:00:00 GMT", rule-id="a%20b%2F%C3%BC"'
    early = 'expiry-date="Tue, 08 Oct 2024 00:00:00 GMT", rule-id="r1"'
    assert call("head_object", Key="k")["Expiration"] == late
    assert call("put_object", Key="k", Body=b"x", Tagging="soon=yes")["Expiration"] == early
    assert call("get_object", Key="k")["Expiration"] == early
    assert call("put_object", Key="other", Body=b"x")["Expiration"] is None
    upload = call("create_multipart_upload", Key="k")
    assert (upload["AbortDate"], upload["AbortRuleId"]) == (20_003 * DAY, "r2")
    listed = call("list_parts", Key="k", UploadId=upload["UploadId"])
    assert (listed["AbortDate"], listed["AbortRuleId"]) == (20_003 * DAY, "r2")
    assert "AbortDate" not in call("create_multipart_upload", Key="other")


def test_a_rule_that_outlives_the_calendar(call, rule, tidy):
    call("put_object", Key="k", Body=b"x")
    rule({"Expiration": {"Days": 2**31 - 1}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2**31 - 1}})
    tidy(10)
    assert call("head_object", Key="k")["Expiration"].startswith('expiry-date="Fri, 31 Dec 9999')
    assert call("create_multipart_upload", Key="k")["AbortRuleId"] == "r0"
