"""Multipart uploads through boto3, by hand and by its transfer manager."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
import zlib

import pytest
from boto3.s3.transfer import TransferConfig
from s3_client import make_client, refused

MB = 1 << 20


@pytest.fixture(scope="module")
def plain(sagewright_server):
    """A client that adds no checksums of its own."""
    client = make_client(sagewright_server.url, request_checksum_calculation="when_required")
    yield client
    client.close()


@pytest.fixture(scope="module")
def bucket(s3):
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name


def upload(client, bucket, key, parts, create=None, **each):
    """An upload with its parts, still open: its id and the part list Complete takes."""
    upload_id = client.create_multipart_upload(Bucket=bucket, Key=key, **(create or {}))["UploadId"]
    listed = []
    for number, part in parts.items():
        answer = client.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part, **each)
        sums = {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
        listed.append({"PartNumber": number, "ETag": answer["ETag"], **sums})
    return upload_id, listed


def complete(client, bucket, key, upload_id, parts, **more):
    return client.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **more
    )


def etag_of(parts):
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(parts)}"'


def test_an_upload_by_hand(plain, bucket):
    parts = {1: os.urandom(5 * MB), 5: os.urandom(6 * MB + 1), 10_000: b"the end"}
    create = {"Metadata": {"a": "1"}, "ContentType": "text/plain"}
    upload_id, listed = upload(plain, bucket, "k", parts, create)
    with refused("404", 404):
        plain.head_object(Bucket=bucket, Key="k")
    answer = complete(plain, bucket, "k", upload_id, listed)
    assert answer["ETag"] == etag_of(list(parts.values()))
    assert complete(plain, bucket, "k", upload_id, listed)["ETag"] == answer["ETag"]
    whole = b"".join(parts.values())
    got = plain.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (whole, {"a": "1"}, "text/plain")
    part = plain.get_object(Bucket=bucket, Key="k", PartNumber=5)
    assert (part["Body"].read(), part["PartsCount"]) == (parts[5], 3)
    assert part["ContentRange"] == f"bytes {5 * MB}-{11 * MB}/{len(whole)}"
    head = plain.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumType"] == "FULL_OBJECT"
    plain.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    copied = plain.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert copied["ETag"] == f'"{hashlib.md5(whole).hexdigest()}"'
    assert copied["ChecksumCRC64NVME"] == head["ChecksumCRC64NVME"]
    with refused("InvalidPartNumber", 416):
        plain.get_object(Bucket=bucket, Key="k", PartNumber=6)


def test_a_part_may_be_sent_again_and_parts_left_out(s3, bucket):
    upload_id, _ = upload(s3, bucket, "again", {1: b"first", 2: b"never used"})
    again = s3.upload_part(Bucket=bucket, Key="again", UploadId=upload_id, PartNumber=1, Body=b"second")
    complete(s3, bucket, "again", upload_id, [{"PartNumber": 1, "ETag": again["ETag"]}])
    assert s3.get_object(Bucket=bucket, Key="again")["Body"].read() == b"second"
    with refused("NoSuchUpload", 404):
        s3.list_parts(Bucket=bucket, Key="again", UploadId=upload_id)


def test_what_complete_refuses(s3, bucket):
    upload_id, listed = upload(s3, bucket, "bad", {1: b"small", 2: b"end"})
    with refused("EntityTooSmall") as found:
        complete(s3, bucket, "bad", upload_id, listed)
    assert (found.error["PartNumber"], found.error["MinSizeAllowed"]) == ("1", "5242880")
    with refused("InvalidPartOrder"):
        complete(s3, bucket, "bad", upload_id, listed[::-1])
    with refused("InvalidPart"):
        complete(s3, bucket, "bad", upload_id, [{"PartNumber": 1, "ETag": '"other"'}])
    with refused("InvalidPart"):
        complete(s3, bucket, "bad", upload_id, [{"PartNumber": 3, "ETag": listed[0]["ETag"]}])
    with refused("MalformedXML"):
        complete(s3, bucket, "bad", upload_id, [])
    with refused("NoSuchUpload", 404):
        complete(s3, bucket, "bad", "unknown", listed)
    with refused("NoSuchUpload", 404):
        complete(s3, bucket, "another key", upload_id, listed)
    with refused("InvalidRequest"):
        complete(s3, bucket, "bad", upload_id, listed[:1], MpuObjectSize=7)
    with refused("InvalidArgument"):
        s3.upload_part(Bucket=bucket, Key="bad", UploadId=upload_id, PartNumber=10_001, Body=b"x")
    s3.put_object(Bucket=bucket, Key="bad", Body=b"there")
    with refused("PreconditionFailed", 412):
        complete(s3, bucket, "bad", upload_id, listed[:1], IfNoneMatch="*")
    complete(s3, bucket, "bad", upload_id, listed[:1])
    assert s3.get_object(Bucket=bucket, Key="bad")["Body"].read() == b"small"


def test_abort_leaves_nothing(s3, bucket, sagewright_server):
    upload_id, _ = upload(s3, bucket, "gone", {1: os.urandom(MB), 2: b"x"})
    before = blobs(sagewright_server)
    s3.abort_multipart_upload(Bucket=bucket, Key="gone", UploadId=upload_id)
    assert blobs(sagewright_server) == before - 1  # both parts lie in one file
    with refused("NoSuchUpload", 404):
        s3.upload_part(Bucket=bucket, Key="gone", UploadId=upload_id, PartNumber=1, Body=b"x")
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(Bucket=bucket, Key="gone", UploadId=upload_id)


def blobs(server):
    return sum(path.is_file() for path in (server.data_dir / "blobs").rglob("*"))


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_composite_checksums(s3, bucket, algorithm):
    member = f"Checksum{algorithm}"
    parts = {1: os.urandom(5 * MB), 2: os.urandom(1000)}
    upload_id, listed = upload(s3, bucket, "sums", parts, {"ChecksumAlgorithm": algorithm}, ChecksumAlgorithm=algorithm)
    with refused("InvalidRequest"):
        complete(s3, bucket, "sums", upload_id, [{k: v for k, v in part.items() if k != member} for part in listed])
    with refused("InvalidPart"):
        complete(s3, bucket, "sums", upload_id, [{**part, member: listed[0][member]} for part in listed])
    answer = complete(s3, bucket, "sums", upload_id, listed)
    assert answer["ChecksumType"] == "COMPOSITE"
    joined = b"".join(base64.b64decode(part[member]) for part in listed)
    digest = zlib.crc32(joined).to_bytes(4, "big") if algorithm == "CRC32" else hashlib.new(algorithm, joined).digest()
    assert answer[member] == f"{base64.b64encode(digest).decode()}-2"
    attributes = s3.get_object_attributes(Bucket=bucket, Key="sums", ObjectAttributes=["ObjectParts", "Checksum"])
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2
    assert [part[member] for part in attributes["ObjectParts"]["Parts"]] == [part[member] for part in listed]
    part = s3.get_object(Bucket=bucket, Key="sums", PartNumber=2)
    assert part["Body"].read() == parts[2]
    assert s3.get_object(Bucket=bucket, Key="sums")["Body"].read() == b"".join(parts.values())


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_full_object_checksums(s3, bucket, algorithm):
    member = f"Checksum{algorithm}"
    parts = {1: os.urandom(5 * MB), 2: os.urandom(12345)}
    create = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"}
    upload_id, listed = upload(s3, bucket, "full", parts, create, ChecksumAlgorithm=algorithm)
    with refused("BadDigest"):
        complete(s3, bucket, "full", upload_id, listed, ChecksumType="FULL_OBJECT", **{member: listed[0][member]})
    answer = complete(s3, bucket, "full", upload_id, listed, ChecksumType="FULL_OBJECT")
    alone = s3.put_object(Bucket=bucket, Key="alone", Body=b"".join(parts.values()), ChecksumAlgorithm=algorithm)
    assert answer[member] == alone[member]
    assert s3.get_object(Bucket=bucket, Key="full")["Body"].read() == b"".join(parts.values())


def test_checksums_that_do_not_fit(s3, bucket):
    for kind in ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}, {"ChecksumType": "COMPOSITE"}):
        with refused("InvalidRequest"):
            s3.create_multipart_upload(Bucket=bucket, Key="k", **kind)
    upload_id, _ = upload(s3, bucket, "k", {}, {"ChecksumAlgorithm": "SHA256"})
    with refused("InvalidRequest") as found:
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
    assert "expected checksum Type: sha256, actual checksum Type: crc32" in found.error["Message"]


def test_copying_parts(s3, bucket):
    data = os.urandom(6 * MB)
    etag = s3.put_object(Bucket=bucket, Key="source", Body=data)["ETag"]
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="pasted")["UploadId"]
    where = {"Bucket": bucket, "Key": "pasted", "UploadId": upload_id, "CopySource": f"{bucket}/source"}
    first = s3.upload_part_copy(**where, PartNumber=1)["CopyPartResult"]
    second = s3.upload_part_copy(**where, PartNumber=2, CopySourceRange="bytes=10-19")["CopyPartResult"]
    assert first["ETag"] == etag
    with refused("InvalidArgument"):
        s3.upload_part_copy(**where, PartNumber=3, CopySourceRange=f"bytes=0-{6 * MB}")
    with refused("InvalidArgument"):
        s3.upload_part_copy(**where, PartNumber=3, CopySourceRange="bytes=-5")
    with refused("PreconditionFailed", 412):
        s3.upload_part_copy(**where, PartNumber=3, CopySourceIfMatch='"x"')
    listed = [{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 2, "ETag": second["ETag"]}]
    complete(s3, bucket, "pasted", upload_id, listed)
    assert s3.get_object(Bucket=bucket, Key="pasted")["Body"].read() == data + data[10:20]


def test_listing_uploads_and_parts(s3):
    bucket = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=bucket)
    ids = [s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("a", "b/1", "b/2", "b/2", "c")]
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert [upload["UploadId"] for page in pages for upload in page["Uploads"]] == ids
    answer = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", MaxUploads=2)
    assert [upload["Key"] for upload in answer["Uploads"]] == ["a"]
    assert [item["Prefix"] for item in answer["CommonPrefixes"]] == ["b/"]
    markers = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer.get("NextUploadIdMarker", "")}
    rest = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", **markers)
    assert [upload["Key"] for upload in rest["Uploads"]] == ["c"]
    assert "CommonPrefixes" not in rest
    assert len(s3.list_multipart_uploads(Bucket=bucket, Prefix="b/")["Uploads"]) == 3
    for number in (3, 1, 20, 100):
        s3.upload_part(Bucket=bucket, Key="a", UploadId=ids[0], PartNumber=number, Body=b"x" * number)
    pages = list(
        s3.get_paginator("list_parts").paginate(
            Bucket=bucket, Key="a", UploadId=ids[0], PaginationConfig={"PageSize": 3}
        )
    )
    assert [(part["PartNumber"], part["Size"]) for page in pages for part in page["Parts"]] == [
        (1, 1),
        (3, 3),
        (20, 20),
        (100, 100),
    ]
    s3.delete_bucket(Bucket=bucket)


def test_a_file_of_100_mb(s3, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(MB) * 100)
    transfer = TransferConfig(multipart_chunksize=16 * MB)
    s3.upload_file(str(source), bucket, "file", Config=transfer, ExtraArgs={"Metadata": {"k": "v"}})
    head = s3.head_object(Bucket=bucket, Key="file")
    assert (head["ContentLength"], head["Metadata"]) == (100 * MB, {"k": "v"})
    s3.download_file(bucket, "file", str(target))
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    s3.copy({"Bucket": bucket, "Key": "file"}, bucket, "copied", Config=transfer)
    body = s3.get_object(Bucket=bucket, Key="copied")["Body"]
    assert hashlib.sha256(body.read()).digest() == hashlib.sha256(source.read_bytes()).digest()
