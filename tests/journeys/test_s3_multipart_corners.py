"""Multipart uploads at their edges: numbers, markers, checksums of every algorithm, thousands of parts."""

from __future__ import annotations

import base64
import os
import threading
import time
import uuid

import pytest
from s3_client import refused

from sagewright.services.s3.storage.checksums import ALGORITHMS

MB = 1 << 20


def digest(name, data):
    running = ALGORITHMS[name].new()
    running.update(data)
    return base64.b64encode(running.digest()).decode()


def begun(s3, bucket, key, **how):
    return {
        "Bucket": bucket,
        "Key": key,
        "UploadId": s3.create_multipart_upload(Bucket=bucket, Key=key, **how)["UploadId"],
    }


def test_numbers_that_no_part_has(s3, bucket):
    upload = begun(s3, bucket, "k")
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    for number in (0, 10_001, -1):
        with refused("InvalidArgument"):
            s3.upload_part(**upload, PartNumber=number, Body=b"x")
        with refused("InvalidArgument"):
            s3.upload_part_copy(**upload, PartNumber=number, CopySource=f"{bucket}/source")
    etag = s3.upload_part(**upload, PartNumber=10_000, Body=b"x")["ETag"]
    with refused("InvalidArgument"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 10_001, "ETag": etag}]})
    every = [{"PartNumber": number, "ETag": etag} for number in range(1, 10_002)]
    with refused("InvalidArgument"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": every})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 10_000, "ETag": etag}]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_upload_ids_of_other_keys_and_buckets(s3, bucket):
    other = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=other)
    upload = begun(s3, bucket, "k")
    for wrong in ({**upload, "Key": "k2"}, {**upload, "Bucket": other}, {**upload, "UploadId": "none"}):
        with refused("NoSuchUpload", 404):
            s3.upload_part(**wrong, PartNumber=1, Body=b"x")
        with refused("NoSuchUpload", 404):
            s3.list_parts(**wrong)
        with refused("NoSuchUpload", 404):
            s3.abort_multipart_upload(**wrong)
        with refused("NoSuchUpload", 404):
            s3.complete_multipart_upload(**wrong, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]})


@pytest.mark.parametrize("name", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_of_every_algorithm(s3, bucket, name):
    member = f"Checksum{name}"
    parts = [os.urandom(5 * MB), os.urandom(777)]
    for kind in ALGORITHMS[name].types:
        upload = begun(s3, bucket, "k", ChecksumAlgorithm=name, ChecksumType=kind)
        listed = []
        for number, part in enumerate(parts, 1):
            answer = s3.upload_part(**upload, PartNumber=number, Body=part, ChecksumAlgorithm=name)
            assert answer[member] == digest(name, part)
            listed.append({"PartNumber": number, "ETag": answer["ETag"], member: answer[member]})
        if kind == "FULL_OBJECT":
            expected = digest(name, b"".join(parts))
        else:
            expected = digest(name, b"".join(base64.b64decode(part[member]) for part in listed)) + "-2"
        with refused("BadDigest"):
            wrong = {member: digest(name, b"other")}
            s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed}, **wrong)
        done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed}, **{member: expected})
        assert (done[member], done["ChecksumType"]) == (expected, kind)
        head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert (head[member], head["ChecksumType"]) == (expected, kind)
        assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == b"".join(parts)


def test_list_parts_from_every_marker(s3, bucket):
    upload = begun(s3, bucket, "k")
    numbers = [1, 2, 9, 10, 11, 9_999, 10_000]
    for number in numbers:
        s3.upload_part(**upload, PartNumber=number, Body=b"x")
    for marker in (0, 1, 5, 10, 9_998, 10_000, 2_000_000):
        for limit in (1, 3, 1000):
            page = s3.list_parts(**upload, PartNumberMarker=marker, MaxParts=limit)
            left = [number for number in numbers if number > marker]
            assert [part["PartNumber"] for part in page.get("Parts", [])] == left[:limit]
            assert page["IsTruncated"] == (len(left) > limit)
            assert page["PartNumberMarker"] == marker
            assert page["NextPartNumberMarker"] == (left[:limit] or [0])[-1]
    with refused("InvalidArgument"):
        s3.list_parts(**upload, MaxParts=-1)
    assert s3.list_parts(**upload, MaxParts=0).get("Parts", []) == []
    s3.abort_multipart_upload(**upload)


def test_list_uploads_from_every_marker(s3, bucket):
    uploads = [begun(s3, bucket, key) for key in ("a", "a", "a", "b/1", "b/2", "c", "d")]
    ids = [(upload["Key"], upload["UploadId"]) for upload in uploads]

    def listed(**asked):
        return [
            (item["Key"], item["UploadId"]) for item in s3.list_multipart_uploads(Bucket=bucket, **asked)["Uploads"]
        ]

    assert listed() == ids
    assert listed(KeyMarker="a") == ids[3:]
    assert listed(KeyMarker="a", UploadIdMarker=ids[0][1]) == ids[1:]
    assert listed(KeyMarker="a", UploadIdMarker=ids[2][1]) == ids[3:]
    assert listed(KeyMarker="b/") == ids[3:]
    assert listed(UploadIdMarker=ids[4][1]) == ids  # without a key marker it says nothing
    assert listed(Prefix="b/", KeyMarker="b/1") == ids[4:5]
    page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=2)
    assert (page["NextKeyMarker"], page["NextUploadIdMarker"], page["IsTruncated"]) == (*ids[1], True)
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", KeyMarker="a")
    assert [item["Prefix"] for item in rolled["CommonPrefixes"]] == ["b/"]
    assert [item["Key"] for item in rolled["Uploads"]] == ["c", "d"]
    for upload in uploads:
        s3.abort_multipart_upload(**upload)


def test_ranges_and_errors_of_copied_parts(s3, bucket):
    data = os.urandom(100_000)
    etag = s3.put_object(Bucket=bucket, Key="source", Body=data)["ETag"]
    upload = begun(s3, bucket, "k")
    for span in ("bytes=0-100000", "bytes=5-4", "bytes=-5", "bytes=5-", "5-9", "bytes=a-b"):
        with refused("InvalidArgument"):
            s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange=span)
    with refused("NoSuchKey", 404):
        s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/nothing")
    with refused("NoSuchBucket", 404):
        s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}-nothing/k")
    for condition in ({"CopySourceIfMatch": '"other"'}, {"CopySourceIfNoneMatch": etag}):
        with refused("PreconditionFailed", 412):
            s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/source", **condition)
    found = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange="bytes=99999-99999"
    )
    listed = [{"PartNumber": 1, "ETag": found["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data[-1:]


def test_a_long_complete_holds_up_nobody(s3, bucket, sagewright_server):
    """The second part does not fit the place the first one suggests, so that all of it has to be copied."""
    upload = begun(s3, bucket, "k")
    listed = []
    for number in range(1, 31):
        body = bytes([number]) * (8 * MB + (1000 if number == 2 else 0))
        etag = s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]
        listed.append({"PartNumber": number, "ETag": etag})
    done, pauses = threading.Event(), []

    def ask():
        other = sagewright_server.client("s3")
        while not done.is_set():
            start = time.perf_counter()
            other.head_bucket(Bucket=bucket)
            pauses.append(time.perf_counter() - start)
        other.close()

    thread = threading.Thread(target=ask)
    thread.start()
    start = time.perf_counter()
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
    seconds = time.perf_counter() - start
    done.set()
    thread.join()
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 30 * 8 * MB + 1000
    assert len(pauses) > 3 or seconds < 0.2
